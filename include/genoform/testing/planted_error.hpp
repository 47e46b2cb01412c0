#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/joins.hpp"
#include "genoform/ops/operands.hpp"

namespace genoform::testing {

/// Is this operation on the backward pass?
template <class Op>
bool is_backward(const Op& op) {
  if constexpr (requires { op.inverse; })
    return op.inverse;
  else
    return op.name.ends_with("_gradient");
}

/// A back end with an error of one part in a thousand in whatever one operation of the backward pass writes: what a test of
/// gradients must find. `planted` empty: no error. `names`, where given, collects the operations of the backward pass as they are
/// prepared.
template <class Backend>
class PlantedError {
 public:
  using Real = typename Backend::Real;
  using joins = joins_of<Backend>;

  explicit PlantedError(std::string_view planted = {}, std::vector<std::string>* names = nullptr, Backend backend = Backend())
      : backend_(std::move(backend)), planted_(planted), names_(names) {}

  template <class Op>
  auto prepare(const Op& op, const Memories<Real>& memories) const {
    if (names_ != nullptr && is_backward(op)) names_->emplace_back(Op::name);
    return [op, memories, run = backend_.prepare(op, memories), wrong = is_backward(op) && planted_ == Op::name] {
      run();
      for (const Tensor& t : wrong ? op.writes() : Operands()) disturb(t, memories);
    };
  }
  auto enter() const { return device::enter(backend_); }

 private:
  static void disturb(const Tensor& t, const Memories<Real>& memories) {
    for (std::int64_t r = 0; r < t.rows; ++r)
      for (std::int64_t c = 0; c < t.columns; ++c) memories.reals(t)[r * t.stride + c] *= Real(1.001);
  }

  Backend backend_;
  std::string planted_;
  std::vector<std::string>* names_;
};

}  // namespace genoform::testing
