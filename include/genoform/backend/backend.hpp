#pragma once
#include <concepts>
#include <cstdint>
#include <string>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/operation_list.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::backend {

/// What a back end must have, member by member; backend/example.hpp has a whole one with all that it may have.
namespace backend_member {

template <class B>
concept Real = std::floating_point<typename B::Real>;
template <class B>
concept Prepare = requires(const B& backend, const op::Clear& op, const Memories<typename B::Real>& memories) {
  backend.prepare(op, memories)();
};
template <class B>
concept Enter = requires(const B& backend) {
  backend.enter();
};
template <class B>
concept Allocate = requires(const B& backend, std::int64_t elements, const std::string& what) {
  { backend.allocate(elements) } -> std::same_as<typename B::Buffer>;
  { backend.allocate(elements).data() } -> std::same_as<typename B::Real*>;
  { B::Buffer::bytes_of(elements) } -> std::same_as<std::int64_t>;
  backend.require(elements, what);
};
template <class B>
concept Transfer = requires(const B& backend, typename B::Real* to, const typename B::Real* from, std::int64_t elements) {
  backend.upload(to, from, elements);
  backend.download(to, from, elements);
  backend.synchronize();
};
template <class B>
concept Run = requires(const B& backend, const OperationList& list, GradientMode mode) {
  backend.run(list, mode);
};

}  // namespace backend_member

/// A back end: what models, parts and optimizers run on.
template <class B>
concept Backend = backend_member::Real<B> && backend_member::Prepare<B> && backend_member::Enter<B> &&
    (HostBackend<B> || (backend_member::Allocate<B> && backend_member::Transfer<B> && backend_member::Run<B>));

/// Says in one sentence which member a back end lacks.
template <class B>
constexpr bool backend_is_complete() {
  static_assert(backend_member::Real<B>,
                "a back end says `using Real = float;` or double, the number type of its memories; see backend/example.hpp");
  if constexpr (backend_member::Real<B>) {
    static_assert(
        backend_member::Prepare<B>,
        "a back end has `template <class Op> auto prepare(const Op&, const Memories<Real>&) const`, which returns what runs "
        "the operation; see backend/example.hpp");
    static_assert(backend_member::Enter<B>,
                  "a back end has `void enter() const`, which sets up the calling thread; see backend/example.hpp");
    if constexpr (DeviceBackend<B>) {
      static_assert(backend_member::Allocate<B>,
                    "a back end with memory of its own has `Buffer`, `Buffer allocate(std::int64_t elements) const` and `void "
                    "require(std::int64_t bytes, const std::string& what) const`; see backend/example.hpp");
      static_assert(
          backend_member::Transfer<B>,
          "a back end with memory of its own has `void upload(Real* to, const Real* from, std::int64_t elements) const`, "
          "`download` likewise and `void synchronize() const`; see backend/example.hpp");
      static_assert(backend_member::Run<B>,
                    "a back end with memory of its own has `void run(const OperationList&, GradientMode) const`; see "
                    "backend/example.hpp");
    }
  }
  return true;
}

}  // namespace genoform::inner::backend

namespace genoform::extend {
using inner::backend::Backend;
using inner::backend::backend_is_complete;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
