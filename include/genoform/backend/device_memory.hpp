#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "genoform/core/memory.hpp"
#include "genoform/ops/operation_list.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::backend {

/// A back end that has memory of its own, which the host cannot touch, and that runs later, in the order in which it was asked;
/// backend/example.hpp says what it must have.
template <class Backend>
concept DeviceBackend = requires {
  requires Backend::has_device_memory;
};

/// A back end whose memory is that of the host and whose operations have run when run() returns.
template <class Backend>
concept HostBackend = !DeviceBackend<Backend>;

}  // namespace genoform::inner::backend

/// Memory and order of execution of a back end. All that models and optimizers do with either goes through here; on a host back
/// end it is a plain buffer, a copy, a call.
namespace genoform::device {

namespace detail {
template <class Backend>
struct BufferOf {
  using type = HostBuffer<typename Backend::Real>;
};
template <DeviceBackend Backend>
struct BufferOf<Backend> {
  using type = typename Backend::Buffer;
};
}  // namespace detail

/// Zeroed elements in the memory of a back end: data() is an address for operations, at a boundary of 64 bytes.
template <class Backend>
using Buffer = typename detail::BufferOf<Backend>::type;

namespace detail {
/// Not trivial, so that a variable that holds it counts as used.
struct NothingEntered {
  ~NothingEntered() {}
};
}  // namespace detail

/// Sets up the calling thread for a back end until the end of the scope: `const auto entered = device::enter(backend);`.
template <class Backend>
[[nodiscard]] auto enter(const Backend& backend) {
  if constexpr (std::is_void_v<decltype(backend.enter())>) {
    backend.enter();
    return detail::NothingEntered();
  } else {
    return backend.enter();
  }
}

/// Throws Exception (resources) when the back end has no memory for it.
template <class Backend>
Buffer<Backend> allocate(const Backend& backend, std::int64_t elements) {
  if constexpr (DeviceBackend<Backend>)
    return backend.allocate(elements);
  else
    return Buffer<Backend>(elements);
}

/// Bytes that a host back end with threads leaves to them: oneDNN packs the operands of a product on each thread when it runs.
/// Processes grew by 2 MiB a thread at width 256 and by 3 at 512, planned scratch included.
template <class Backend>
std::int64_t reserve_of_threads(const Backend& backend) {
  constexpr std::int64_t reserve_of_thread = std::int64_t{2} << 20;
  if constexpr (requires { backend.threads(); })
    return (backend.threads() - 1) * reserve_of_thread;
  else
    return 0;
}

/// Throws Exception (resources) that says what needs how much when the back end has not so many bytes left.
template <class Backend>
void require(const Backend& backend, std::int64_t bytes, const std::string& what) {
  if constexpr (DeviceBackend<Backend>)
    backend.require(bytes, what);
  else
    require_memory(bytes, what, reserve_of_threads(backend));
}

/// Copies elements of the host to the back end, after all that was asked before. `from` is free again on return.
template <class Backend, class Real>
void upload(const Backend& backend, Real* to, const Real* from, std::int64_t elements) {
  if constexpr (DeviceBackend<Backend>)
    backend.upload(to, from, elements);
  else
    std::copy_n(from, elements, to);
}

/// Copies elements of the back end to the host, after all that was asked before: `to` holds them once synchronize() has returned,
/// and must live until then.
template <class Backend, class Real>
void download(const Backend& backend, Real* to, const Real* from, std::int64_t elements) {
  if constexpr (DeviceBackend<Backend>)
    backend.download(to, from, elements);
  else
    std::copy_n(from, elements, to);
}

/// Waits for all that was asked.
template <class Backend>
void synchronize(const Backend& backend) {
  if constexpr (DeviceBackend<Backend>) backend.synchronize();
}

/// Runs a list after all that was asked before. `mode` is said to the backward pass of a model only; a device that keeps lists as
/// graphs keeps one for each mode. An interruption is for host back ends: a device takes a list as a whole.
template <class Backend>
void run(const Backend& backend, const OperationList& list, GradientMode mode = GradientMode::accumulate,
         [[maybe_unused]] const Interruption& interruption = {}) {
  const auto entered = enter(backend);
  if constexpr (DeviceBackend<Backend>)
    backend.run(list, mode);
  else if (interruption)
    list.run(interruption);
  else
    list.run();
}

/// Elements that both sides use: an image for the host, and what operations read and write. They are the same on a host back end.
template <class Backend>
class SharedBuffer {
 public:
  using Real = typename Backend::Real;

  SharedBuffer() = default;
  SharedBuffer(const Backend& backend, std::int64_t elements) : host_(elements) {
    if constexpr (DeviceBackend<Backend>) device_ = backend.allocate(elements);
  }
  Real* host() const { return host_.data(); }
  Real* device() const {
    if constexpr (DeviceBackend<Backend>)
      return device_.data();
    else
      return host_.data();
  }
  std::int64_t size() const { return host_.size(); }
  std::int64_t bytes() const { return host_.bytes(); }

  /// What the host has written, for the operations that are asked for from here on.
  void upload(const Backend& backend) const { upload(backend, 0, size()); }
  void upload(const Backend& backend, std::int64_t first, std::int64_t elements) const {
    if constexpr (DeviceBackend<Backend>) backend.upload(device_.data() + first, host_.data() + first, elements);
  }
  /// What operations have written, for the host to read after synchronize().
  void download(const Backend& backend) const {
    if constexpr (DeviceBackend<Backend>) backend.download(host_.data(), device_.data(), size());
  }

 private:
  struct None {};
  HostBuffer<Real> host_;
  [[no_unique_address]] std::conditional_t<DeviceBackend<Backend>, Buffer<Backend>, None> device_;
};

}  // namespace genoform::device

namespace genoform::extend {
using inner::backend::DeviceBackend;
using inner::backend::HostBackend;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
