#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"
#include "genoform/ops/routing.hpp"

/// What routers are made of besides the large choices of ops/routing.hpp: further ways to choose, places for choices that were
/// made, what routers remember and measure. Padding tokens (-1) choose nothing. docs/formats/model.md section 4.
namespace genoform::op {

/// to.choice_expert [N, 1] = table[tokens[n]], -1 for padding. table [V, 1] holds experts.
struct ChooseByTable {
  static constexpr std::string_view name = "choose_by_table";
  Tensor table, tokens;
  Assignment to;
  constexpr bool fits() const { return tokens.rows == to.choice_expert.rows && to.choice_expert.columns == 1; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {table, tokens}; }
  constexpr Operands writes() const { return {to.choice_expert}; }
};

/// to.choice_expert [N, k] = the k experts of largest score [N, E], the largest first (ties: lower expert).
struct ChooseTopK {
  static constexpr std::string_view name = "choose_largest";
  Tensor scores, tokens;
  Assignment to;
  constexpr bool fits() const { return scores.columns == to.experts && to.choice_expert.columns <= to.experts; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {scores, tokens}; }
  constexpr Operands writes() const { return {to.choice_expert}; }
};

/// to.choice_expert [N, 1] with floor or ceil of n / E of the n tokens at each expert and the largest sum of scores [N, E] among
/// all such assignments, but for rounding; the same for the same scores. Lewis et al. 2021 (BASE).
struct ChooseBalanced {
  static constexpr std::string_view name = "choose_balanced";
  Tensor scores, tokens;
  Assignment to;
  constexpr bool fits() const { return scores.columns == to.experts && to.choice_expert.columns == 1; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {scores, tokens}; }
  constexpr Operands writes() const { return {to.choice_expert}; }
};

/// to.choice_expert [N, E]: the experts whose threshold [E, 1] the token's score exceeds, the largest score first (ties: lower
/// expert), then -1.
struct ChooseAbove {
  static constexpr std::string_view name = "choose_above";
  Tensor scores, threshold, tokens;
  Assignment to;
  constexpr bool fits() const { return scores.columns == to.experts && to.choice_expert.columns == to.experts; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {scores, threshold, tokens}; }
  constexpr Operands writes() const { return {to.choice_expert}; }
};

/// Slots for the choices that stand in to.choice_expert [N, k] (-1: none): first choices in token order, then second ones; an
/// expert takes at most `capacity` (0: all). The weight of a choice is its score, or 1 without scores.
struct AssignSlots {
  static constexpr std::string_view name = "assign_slots";
  Tensor scores{};
  Assignment to;
  std::int64_t capacity = 0;
  constexpr bool fits() const { return !scores.exists() || scores.columns == to.experts; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {scores, to.choice_expert}; }
  constexpr Operands writes() const { return to.tensors(); }
};

/// The backward pass from RouteThreshold: dp[n, first_expert + e] = dweight of the slot of token n at expert e; other elements
/// stay.
struct RouteThresholdGradient {
  static constexpr std::string_view name = "route_threshold_gradient";
  Assignment to;
  Tensor dweight, dp;
  std::int64_t first_expert = 0;
  constexpr bool fits() const { return first_expert + to.experts <= dp.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{dweight, dp}.with(to.tensors()); }
  constexpr Operands writes() const { return {dp}; }
};

/// cuts [E + 1, 1] += (the `capacity`-th largest score of each expert over the tokens, 1); 0 where there are fewer tokens, and
/// nothing where there are none.
struct RecordCuts {
  static constexpr std::string_view name = "note_cuts";
  Tensor scores, tokens, cuts;
  std::int64_t capacity = 0;
  constexpr bool fits() const { return cuts.rows == scores.columns + 1 && capacity >= 1 && capacity <= scores.rows; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {scores, tokens, cuts}; }
  constexpr Operands writes() const { return {cuts}; }
};

/// load [2 (E + 1), 1]: the first E + 1 elements gain the choices of each expert before capacity and the number of slots filled.
/// Expert e of the assignment is expert first_expert + e of the layer.
struct RecordLoad {
  static constexpr std::string_view name = "note_load";
  Assignment to;
  Tensor load;
  std::int64_t first_expert = 0;
  constexpr bool fits() const { return load.rows % 2 == 0 && first_expert + to.experts < load.rows / 2; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{load}.with(to.tensors()); }
  constexpr Operands writes() const { return {load}; }
};

/// After an optimizer step: the second half of load becomes the first, which is cleared. Nothing happens when nothing was noted.
struct StepLoad {
  static constexpr std::string_view name = "step_load";
  Tensor load;
  constexpr bool fits() const { return load.rows % 2 == 0; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {load}; }
  constexpr Operands writes() const { return {load}; }
};

/// bias[e] += rate * sign(mean load - load[e]) by the first half of load; nothing happens when nothing was noted. Wang et al.
/// 2024 (loss-free balancing).
struct UpdateBias {
  static constexpr std::string_view name = "update_bias";
  Tensor load, bias;
  double rate = 0.001;
  constexpr bool fits() const { return load.rows == 2 * (bias.rows + 1); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {load, bias}; }
  constexpr Operands writes() const { return {bias}; }
};

/// y = 1 / (1 + e^-x); y may be x.
struct Sigmoid {
  static constexpr std::string_view name = "sigmoid";
  Tensor x, y;
  constexpr bool fits() const { return same_shape(x, y); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx = dy y (1 - y); dx may be dy.
struct SigmoidGradient {
  static constexpr std::string_view name = "sigmoid_gradient";
  Tensor y, dy, dx;
  constexpr bool fits() const { return same_shape(y, dy) && same_shape(dy, dx); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {y, dy}; }
  constexpr Operands writes() const { return {dx}; }
};

/// loss[0] += coefficient * mean over the tokens of z^2, z = logsumexp(l[n]); derivative [N, E] = the gradient of that by l, 0
/// for padding. ST-MoE, eq. 5.
struct RouterZLoss {
  static constexpr std::string_view name = "router_z_loss";
  Tensor logits, tokens, derivative, loss;
  double coefficient = 0;
  constexpr bool fits() const { return same_shape(logits, derivative) && tokens.rows == logits.rows; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {logits, tokens, loss}; }
  constexpr Operands writes() const { return {derivative, loss}; }
};

/// dx += scale[0] * derivative.
struct RouterZLossGradient {
  static constexpr std::string_view name = "router_z_loss_gradient";
  Tensor derivative, scale, dx;
  constexpr bool fits() const { return same_shape(derivative, dx); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {derivative, scale, dx}; }
  constexpr Operands writes() const { return {dx}; }
};

/// y[n, c] = x[n, c] * u, u uniform in [1 - width, 1 + width): number n * columns + c of round[0], of the seed and the stream.
struct Jitter {
  static constexpr std::string_view name = "jitter";
  Tensor x, round, y;
  double width = 0;
  std::uint64_t seed = 1, stream = 0;
  constexpr bool fits() const { return same_shape(x, y); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, round}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx = dy times the same numbers; dx may be dy.
struct JitterGradient {
  static constexpr std::string_view name = "jitter_gradient";
  Tensor dy, round, dx;
  double width = 0;
  std::uint64_t seed = 1, stream = 0;
  constexpr bool fits() const { return same_shape(dy, dx); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {dy, round}; }
  constexpr Operands writes() const { return {dx}; }
};

}  // namespace genoform::op
