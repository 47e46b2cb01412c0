#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// The operations of an optimizer step over flat buffers. Scalars that change from step to step are handles, so a recorded
/// operation list stays valid.
namespace genoform::op {

/// sum[0] = the sum of the squares of x, added in an order that does not depend on the number of threads.
struct SumOfSquares {
  static constexpr std::string_view name = "sum_of_squares";
  Tensor x, sum;
  constexpr bool fits() const { return sum.size() == 1; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {sum}; }
};

/// Indices into AdamW's controls [1, 8]. `clip` is the largest global gradient norm (0: no clipping); correction = 1 -
/// beta^step, the divisor.
enum AdamWControl {
  learning_rate_index,
  beta1_index,
  beta2_index,
  epsilon_index,
  weight_decay_index,
  correction1_index,
  correction2_index,
  clip_index
};

/// Decoupled weight decay (Loshchilov and Hutter): m, v, then w -= rate * (m^ / (sqrt(v^) + epsilon) + decay * w); all tensors
/// [1, n]. Gradients are multiplied by min(1, clip / sqrt(sum)) first. `decays` is false for norms and biases. Nothing is changed
/// when sum[0] is not finite.
struct AdamWUpdate {
  static constexpr std::string_view name = "adamw_update";
  Tensor w, g, m, v, sum, controls;
  bool decays = true;
  constexpr bool fits() const {
    return w.size() == g.size() && g.size() == m.size() && m.size() == v.size() && controls.size() == 8;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {w, g, m, v, sum, controls}; }
  constexpr Operands writes() const { return {w, m, v}; }
};

}  // namespace genoform::op
