#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/attention.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// Causal attention by a kernel of features, in time linear in the positions. docs/formats/model.md section 7.1; Choromanski et
/// al., arXiv 2009.14794. Heads of m features or K channels lie side by side: element i of head h is column h*m + i or h*K + i.
namespace genoform::op {

/// What the products of two feature rows estimate: e^(q.k / sqrt(K)), or the kernel that ReLU features define.
enum class FeatureKernel : std::uint8_t { softmax, relu };

/// Added to ReLU features, so that no sum of weights is 0.
inline constexpr double relu_feature_floor = 1e-3;

/// For each head, with z = x K^(-1/4) and p = w z: softmax: y_j = exp(p_j - max p) and shift = max p - |z|^2 / 2, the true
/// feature is y_j e^shift; relu: y_j = max(p_j, 0) + 1e-3. x [N, heads*K], w [m, K], y [N, heads*m], shift [N, heads] or absent
/// where a factor of the whole row does not matter (queries, relu).
struct RandomFeatures {
  static constexpr std::string_view name = "random_features";
  FeatureKernel kernel = FeatureKernel::softmax;
  Tensor x, w, y, shift{};
  std::int64_t heads = 0;
  constexpr bool fits() const {
    return x.rows == y.rows && x.columns == heads * w.columns && y.columns == heads * w.rows &&
           (!shift.exists() || (shift.rows == x.rows && shift.columns == heads));
  }
  constexpr std::int64_t flops() const { return 2 * x.rows * heads * w.size(); }
  constexpr Operands reads() const { return {x, w}; }
  constexpr Operands writes() const { return {y, shift}; }
};

/// dx is overwritten. dy is that of y with the shift held constant: what reads both does not depend on how a feature is split
/// between them. `shifted`: there was a shift. w gets no gradient: it is sampled once.
struct RandomFeaturesGradient {
  static constexpr std::string_view name = "random_features_gradient";
  FeatureKernel kernel = FeatureKernel::softmax;
  Tensor x, w, y, dy, dx;
  std::int64_t heads = 0;
  bool shifted = false;
  constexpr bool fits() const { return same_shape(x, dx) && same_shape(y, dy) && x.columns == heads * w.columns; }
  constexpr std::int64_t flops() const { return 2 * x.rows * heads * w.size(); }
  constexpr Operands reads() const { return {x, w, y, dy}; }
  constexpr Operands writes() const { return {dx}; }
};

/// y_t = sum over s <= t of a_ts v_s / sum of a_ts, a_ts = (q_t . k_s) e^(shift_s - top_t), top_t = the largest shift up to t
/// (an absent shift is 0). q [N, H*m], k [N, G*m], v [N, G*K], y [N, H*K]; the window is not used. reciprocal [N, H] keeps 1 /
/// sum, 0 (and y = 0) where the sum is below 1e-30.
struct LinearAttend {
  static constexpr std::string_view name = "linear_attend";
  Tensor q, k, shift{}, v, y, reciprocal;
  AttentionSizes sizes;
  std::int64_t features = 0;  ///< m
  constexpr bool fits() const {
    return sizes.fit(q) && q.columns == sizes.heads * features && k.columns == sizes.kv_heads * features &&
           v.columns == sizes.kv_heads * sizes.head_dim && y.columns == sizes.heads * sizes.head_dim &&
           reciprocal.columns == sizes.heads;
  }
  /// Of the recurrence: one multiply-add an element of the sums [m, K] for each key head, one for each query head that reads
  /// them.
  constexpr std::int64_t flops() const { return 2 * q.rows * features * sizes.head_dim * (sizes.heads + sizes.kv_heads); }
  constexpr Operands reads() const { return {q, k, shift, v}; }
  constexpr Operands writes() const { return {y, reciprocal}; }
};

/// dq, dk, dv are overwritten; the shifts are held constant.
struct LinearAttendGradient {
  static constexpr std::string_view name = "linear_attend_gradient";
  Tensor q, k, shift{}, v, y, reciprocal, dy, dq, dk, dv;
  AttentionSizes sizes;
  std::int64_t features = 0;  ///< m
  constexpr bool fits() const {
    return sizes.fit(q) && same_shape(q, dq) && same_shape(k, dk) && same_shape(v, dv) && same_shape(y, dy);
  }
  constexpr std::int64_t flops() const { return 4 * q.rows * features * sizes.head_dim * (sizes.heads + sizes.kv_heads); }
  constexpr Operands reads() const { return {q, k, shift, v, y, reciprocal, dy}; }
  constexpr Operands writes() const { return {dq, dk, dv}; }
};

}  // namespace genoform::op
