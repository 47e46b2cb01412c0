#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/operands.hpp"

namespace genoform::op {

/// Indices into Adafactor's controls [1, 8]. one_minus_beta2 = 1 - beta2 has an element of its own: for a late step f32 could not
/// tell it from beta2. `clip` is the largest root mean square of an update before it is scaled (0: no clipping).
enum AdafactorControl {
  adafactor_learning_rate,
  adafactor_beta1,
  adafactor_beta2,
  adafactor_one_minus_beta2,
  adafactor_epsilon1,
  adafactor_epsilon2,
  adafactor_weight_decay,
  adafactor_clip
};

/// One step of Adafactor on one tensor w [blocks * F, D], a matrix in each of its blocks (experts), without gaps (Shazeer and
/// Stern 2018, algorithms 4 and 5):
///   v <- beta2 v + one_minus_beta2 (g^2 + epsilon1);  u = g / sqrt(v);  step = rate * scale / max(1, rms(u) / clip)
///   w <- (1 - rate * decay) w - step * u,   with momentum by m <- beta1 m + (1 - beta1) step * u in place of step * u.
/// rms is over the whole tensor; scale = max(epsilon2, rms(w)) when `relative`, else 1. Factored, v of a block is known by its
/// means only: v[i, j] = row_means[i] * column_means[j] / mean(row_means); else it lies in `squares`.
/// Nothing is changed when sum[0] is not finite.
struct AdafactorUpdate {
  static constexpr std::string_view name = "adafactor_update";
  Tensor w, g;
  Tensor row_means{}, column_means{};  ///< [blocks, F], [blocks, D]; absent: not factored
  Tensor factors{};                    ///< scratch of a factored step, [1, blocks * (F + D)]
  Tensor squares{};                    ///< as w; absent: factored
  Tensor momentum{};                   ///< as w; absent: beta1 is not used
  Tensor controls;
  Tensor sum;  ///< of the squares of all gradients [1, 1]
  bool decays = true, relative = true;

  constexpr bool factored() const { return row_means.exists(); }
  constexpr bool fits() const {
    const auto like_w = [this](const Tensor& t) { return t.size() == w.size() && packed(t); };
    if (controls.size() != 8 || sum.size() != 1 || !packed(w) || !like_w(g) || (momentum.exists() && !like_w(momentum)))
      return false;
    if (!factored()) return squares.exists() && like_w(squares);
    return !squares.exists() && packed(row_means) && packed(column_means) && row_means.size() == w.rows &&
           column_means.rows == row_means.rows && column_means.columns == w.columns &&
           factors.size() == row_means.size() + column_means.size();
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {w, g, row_means, column_means, squares, momentum, controls, sum}; }
  constexpr Operands writes() const { return {w, row_means, column_means, factors, squares, momentum}; }

 private:
  static constexpr bool packed(const Tensor& t) { return t.rows == 1 || t.stride == t.columns; }
};

}  // namespace genoform::op
