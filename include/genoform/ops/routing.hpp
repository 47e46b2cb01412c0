#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// The operations of a sparse layer. A routing pool is the N tokens of a micro-batch; a slot is a row of an expert's input.
/// Slots lie expert after expert, each expert's segment padded to a multiple of `slot_tile` rows so that matrix products see few
/// sizes.
namespace genoform::op {

inline constexpr std::int64_t slot_tile = 16;

/// Rows that hold `filled` slots of `experts` experts whatever the loads are.
constexpr std::int64_t slots_bound(std::int64_t filled, std::int64_t experts) {
  return filled + experts * (slot_tile - 1) + (slot_tile - (filled + experts * (slot_tile - 1)) % slot_tile) % slot_tile;
}

/// Who goes where; all index tensors. Written by a Route operation, read by everything after it.
/// Order, for every router: the slots of an expert in ascending token order from the segment's start, then its padding (none for
/// an empty expert); the slots of a token ascending. Rows from expert_first[E] on have slot_token -1 and weight 0; no other
/// operation promises them.
struct Assignment {
  Tensor expert_first;   ///< [E + 1, 1]: first slot of each expert's segment; the last entry is the end
  Tensor expert_count;   ///< [E, 1]: filled slots of each expert, the rest of the segment is padding
  Tensor slot_token;     ///< [S, 1]: the token of a slot, -1 in padding
  Tensor slot_weight;    ///< [S, 1] real: the weight of the expert's output, 0 in padding
  Tensor token_first;    ///< [N + 1, 1]: where a token's slots begin in token_slots
  Tensor token_slots;    ///< [S, 1]: slots of each token, in ascending order
  Tensor choice_slot;    ///< [N, k]: slot of each choice of a token, -1 when dropped (where tokens choose only)
  Tensor choice_expert;  ///< [N, k]: the chosen experts, also of dropped choices, -1 for none (where tokens choose only)
  Tensor first_share;    ///< [E, 1] real: share of the tokens whose first choice is e, before capacity (where tokens choose only)
  std::int64_t experts = 0;
  std::int64_t useful_slots = 0;  ///< slots filled at uniform load, for counting

  /// Every operation that has an assignment lists all of it: which part one needs is the back end's own affair.
  constexpr Operands tensors() const {
    return {expert_first, expert_count, slot_token,    slot_weight, token_first,
            token_slots,  choice_slot,  choice_expert, first_share};
  }
};

/// Each token chooses its `choices` largest p [N, E] + bias [E, 1] (ties: lower expert); an expert takes at most `capacity`
/// tokens (0: all), first choices in token order, then second ones; weights p_e / (sum of the choices' p + epsilon), or p_e alone
/// when not `normalise`. Padding (a token of -1; tokens may be absent) chooses nothing. docs/formats/model.md section 4.
struct RouteTokenChoice {
  static constexpr std::string_view name = "route_token_choice";
  Tensor p;
  Assignment to;
  std::int64_t choices = 1, capacity = 0;
  bool normalise = false;
  Tensor tokens{}, bias{};
  double epsilon = 1e-9;
  constexpr bool fits() const { return p.columns == to.experts && to.choice_slot.columns == choices && choices <= to.experts; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {p, tokens, bias}; }
  constexpr Operands writes() const { return to.tensors(); }
};

/// dp [N, E] is overwritten: the backward pass from the slot weights' gradient dweight [S, 1] to the probabilities (or scores),
/// also for choices that op::AssignSlots placed.
struct RouteTokenChoiceGradient {
  static constexpr std::string_view name = "route_token_choice_gradient";
  Tensor p;
  Assignment to;
  Tensor dweight, dp;
  std::int64_t choices = 1;
  bool normalise = false;
  double epsilon = 1e-9;
  constexpr bool fits() const { return same_shape(p, dp); }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{p, dweight}.with(to.tensors()); }
  constexpr Operands writes() const { return {dp}; }
};

/// Each expert takes its `capacity` tokens of largest p (ties: lower token; all where there are fewer), weight p_e. cuts
/// [E + 1, 1] += (the C-th largest p of each expert, 1), as op::RecordCuts. Padding is taken by none.
struct RouteExpertChoice {
  static constexpr std::string_view name = "route_expert_choice";
  Tensor p;
  Assignment to;
  std::int64_t capacity = 0;
  Tensor cuts;
  Tensor tokens{};
  constexpr bool fits() const { return p.columns == to.experts && capacity >= 1 && capacity <= p.rows; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {p, tokens, cuts}; }
  constexpr Operands writes() const { return Operands{cuts}.with(to.tensors()); }
};

/// dp [N, E] is overwritten: dp[n, e] = dweight of the slot of token n at expert e, 0 where it has none.
struct RouteExpertChoiceGradient {
  static constexpr std::string_view name = "route_expert_choice_gradient";
  Assignment to;
  Tensor dweight, dp;
  constexpr bool fits() const { return dp.columns == to.experts; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{dweight}.with(to.tensors()); }
  constexpr Operands writes() const { return {dp}; }
};

/// Causal: a token goes to every expert of [first_expert, first_expert + to.experts) whose threshold [E, 1] its p exceeds, weight
/// p_e.
struct RouteThreshold {
  static constexpr std::string_view name = "route_threshold";
  Tensor p, threshold;
  Assignment to;
  std::int64_t first_expert = 0;
  Tensor tokens{};
  constexpr bool fits() const { return p.columns == threshold.rows && first_expert + to.experts <= p.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {p, threshold, tokens}; }
  constexpr Operands writes() const { return to.tensors(); }
};

/// After an optimizer step: threshold += rate * (mean cut - threshold); cuts are cleared. Nothing happens when nothing was routed
/// since.
struct UpdateThreshold {
  static constexpr std::string_view name = "update_threshold";
  Tensor cuts, threshold;
  double rate = 0.01;
  constexpr bool fits() const { return cuts.rows == threshold.rows + 1; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {cuts, threshold}; }
  constexpr Operands writes() const { return {cuts, threshold}; }
};

/// y[s] = x[slot_token[s]], zero rows in padding; x [N, D], y [S, D].
struct GatherRows {
  static constexpr std::string_view name = "gather_rows";
  Tensor x;
  Assignment to;
  Tensor y;
  constexpr bool fits() const { return x.columns == y.columns && y.rows == to.slot_token.rows; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{x}.with(to.tensors()); }
  constexpr Operands writes() const { return {y}; }
};

/// dx[n] += sum of dy over the slots of token n.
struct GatherRowsGradient {
  static constexpr std::string_view name = "gather_rows_gradient";
  Tensor dy;
  Assignment to;
  Tensor dx;
  constexpr bool fits() const { return dx.columns == dy.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{dy, dx}.with(to.tensors()); }
  constexpr Operands writes() const { return {dx}; }
};

/// y[n] = sum over the slots s of token n of slot_weight[s] * x[s], 0 without slots; x [S, D], y [N, D]. `accumulate`: added to
/// y.
struct CombineRows {
  static constexpr std::string_view name = "combine_rows";
  Tensor x;
  Assignment to;
  Tensor y;
  bool accumulate = false;
  constexpr bool fits() const { return x.columns == y.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{x, only_if(accumulate, y)}.with(to.tensors()); }
  constexpr Operands writes() const { return {y}; }
};

/// dx[s] = slot_weight[s] * dy[token] and dweight[s] = x[s] . dy[token]; 0 in padding. dx may be x.
struct CombineRowsGradient {
  static constexpr std::string_view name = "combine_rows_gradient";
  Tensor x;
  Assignment to;
  Tensor dy, dx, dweight;
  constexpr bool fits() const { return same_shape(x, dx) && dy.columns == x.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return Operands{x, dy}.with(to.tensors()); }
  constexpr Operands writes() const { return {dx, dweight}; }
};

/// For every slot s of expert e: y[s] = f(x[s] w_e^T); x [S, in], w [E * out, in], y [S, out]. Padding rows are computed too
/// (finite).
struct ExpertLinear {
  static constexpr std::string_view name = "expert_linear";
  Tensor x, w;
  Assignment to;
  Tensor y;
  Function f = Function::identity;
  constexpr bool fits() const { return x.columns == w.columns && w.rows == to.experts * y.columns && x.rows == y.rows; }
  constexpr std::int64_t flops() const { return 2 * to.useful_slots * y.columns * x.columns; }
  constexpr Operands reads() const { return Operands{x, w}.with(to.tensors()); }
  constexpr Operands writes() const { return {y}; }
};

/// dx[s] = dy[s] w_e, or added to dx when `accumulate`. With `output`, what f made of u on the way there (of gelu and
/// swish the derivative), dx[s] = (dy[s] w_e) f'(u).
struct ExpertLinearInputGradient {
  static constexpr std::string_view name = "expert_linear_input_gradient";
  Tensor dy, w;
  Assignment to;
  Tensor dx;
  bool accumulate = false;
  Tensor output{};
  Function f = Function::identity;
  constexpr bool fits() const {
    return dx.columns == w.columns && w.rows == to.experts * dy.columns && may_undo(f, output, dx, accumulate);
  }
  constexpr std::int64_t flops() const { return 2 * to.useful_slots * dy.columns * dx.columns; }
  constexpr Operands reads() const { return Operands{dy, w, output, only_if(accumulate, dx)}.with(to.tensors()); }
  constexpr Operands writes() const { return {dx}; }
};

/// dw_e += dy_e^T x_e over the slots of expert e (padding rows of dy are 0); `zero_before` as of LinearWeightGradient.
struct ExpertLinearWeightGradient {
  static constexpr std::string_view name = "expert_linear_weight_gradient";
  Tensor x, dy;
  Assignment to;
  Tensor dw;
  Tensor zero_before{};
  constexpr bool fits() const { return dw.columns == x.columns && dw.rows == to.experts * dy.columns; }
  constexpr std::int64_t flops() const { return 2 * to.useful_slots * dy.columns * x.columns; }
  constexpr Operands reads() const { return Operands{x, dy, zero_before, dw}.with(to.tensors()); }
  constexpr Operands writes() const { return {dw}; }
};

/// loss[0] += coefficient * E * sum_e first_share[e] * mean_n p[n, e], over the tokens that are no padding. Switch, GShard;
/// docs/formats/model.md section 4.
struct BalanceLoss {
  static constexpr std::string_view name = "balance_loss";
  Tensor p, first_share, loss;
  double coefficient = 0.01;
  Tensor tokens{};
  constexpr bool fits() const { return first_share.rows == p.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {p, first_share, tokens, loss}; }
  constexpr Operands writes() const { return {loss}; }
};

/// dp[n, e] += scale[0] * coefficient * E * first_share[e] / N, N and n without padding.
struct BalanceLossGradient {
  static constexpr std::string_view name = "balance_loss_gradient";
  Tensor first_share, scale, dp;
  double coefficient = 0.01;
  Tensor tokens{};
  constexpr bool fits() const { return first_share.rows == dp.columns; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {first_share, scale, tokens, dp}; }
  constexpr Operands writes() const { return {dp}; }
};

}  // namespace genoform::op
