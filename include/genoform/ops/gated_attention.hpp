#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// The operations of the gated attention unit. docs/formats/model.md section 7.2; Hua et al., arXiv 2202.10447.
namespace genoform::op {

/// Copies of x with a scale and an offset a channel: y[n, r*S + i] = x[n, i] * w[r, i] + b[r, i]; x [N, S], w and b [R, S],
/// y [N, R*S].
struct ScaleOffset {
  static constexpr std::string_view name = "scale_offset";
  Tensor x, w, b, y;
  constexpr bool fits() const {
    return x.rows == y.rows && w.columns == x.columns && same_shape(w, b) && y.columns == w.rows * x.columns;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, w, b}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx is overwritten (it may not be a part of dy); dw and db are added to.
struct ScaleOffsetGradient {
  static constexpr std::string_view name = "scale_offset_gradient";
  Tensor x, w, dy, dx, dw, db;
  constexpr bool fits() const {
    return same_shape(x, dx) && same_shape(w, dw) && same_shape(dw, db) && dy.columns == w.rows * x.columns;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, w, dy, dw, db}; }
  constexpr Operands writes() const { return {dx, dw, db}; }
};

/// y_t = sum over s <= t of max(0, q_t . k_s / length)^2 v_s: one head, no softmax. q, k [N, S], v, y [N, E].
struct SquaredReluAttend {
  static constexpr std::string_view name = "squared_relu_attend";
  Tensor q, k, v, y;
  std::int64_t length = 0, context = 0;
  constexpr bool fits() const { return same_shape(q, k) && same_shape(v, y) && length > 0 && q.rows % context == 0; }
  /// Scores and mixing over the visible positions, t = 1 .. T of each sequence.
  constexpr std::int64_t flops() const {
    return 2 * (q.columns + v.columns) * (q.rows / context) * (context * (context + 1) / 2);
  }
  constexpr Operands reads() const { return {q, k, v}; }
  constexpr Operands writes() const { return {y}; }
};

/// dq, dk, dv are overwritten.
struct SquaredReluAttendGradient {
  static constexpr std::string_view name = "squared_relu_attend_gradient";
  Tensor q, k, v, dy, dq, dk, dv;
  std::int64_t length = 0, context = 0;
  constexpr bool fits() const { return same_shape(q, dq) && same_shape(k, dk) && same_shape(v, dv) && same_shape(v, dy); }
  constexpr std::int64_t flops() const {
    return 4 * (q.columns + v.columns) * (q.rows / context) * (context * (context + 1) / 2);
  }
  constexpr Operands reads() const { return {q, k, v, dy}; }
  constexpr Operands writes() const { return {dq, dk, dv}; }
};

}  // namespace genoform::op
