#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/ops/dense.hpp"
#include "genoform/ops/operands.hpp"

/// Products over the visible positions with weights that are written down: by a trained table, or for every token. Letters: b
/// sequence, g group of channels (a head), t and s positions, s <= t. Elements with s > t are never read or written.
namespace genoform::op {

/// Rows by sequence, group and position. Of tokens, [N, G*C]: row b*T + t, columns from g*C on. Of a table (positions P > 0),
/// [G*P, C], the same for all sequences: row g*P + t; a shorter sequence uses the first T of P.
struct Grouped : Tensor {
  std::int64_t groups = 1, positions = 0;

  constexpr bool is_table() const { return positions > 0; }
  constexpr std::int64_t width() const { return is_table() ? columns : columns / groups; }
  constexpr std::int64_t sequences(std::int64_t context) const { return is_table() ? 1 : rows / context; }
  constexpr bool holds(std::int64_t context) const {
    if (is_table()) return rows == groups * positions && positions >= context;
    return exists() && rows % context == 0 && columns % groups == 0;
  }
};
constexpr Grouped of_tokens(Tensor x, std::int64_t groups) { return {x, groups, 0}; }
constexpr Grouped of_table(Tensor x, std::int64_t groups) { return {x, groups, x.rows / groups}; }
constexpr Grouped gradient(Grouped weight) { return {inner::gradient(Tensor(weight)), weight.groups, weight.positions}; }

/// Pairs of positions that see each other in one sequence.
constexpr std::int64_t visible_pairs(std::int64_t context) { return context * (context + 1) / 2; }

/// y[b, t, c] = sum over s <= t of w[b, g(c), t, s] * x[b, s, c], + bias[g(c), t] where there is a bias [G, P].
struct CausalMix {
  static constexpr std::string_view name = "causal_mix";
  Grouped x, w;
  Tensor bias{};
  Grouped y;
  std::int64_t context = 0;
  constexpr bool fits() const {
    return x.holds(context) && w.holds(context) && same_shape(x, y) && x.groups == w.groups && x.groups == y.groups &&
           !x.is_table() && w.width() >= context && (!bias.exists() || (bias.rows == w.groups && bias.columns >= context));
  }
  constexpr std::int64_t flops() const { return 2 * x.columns * x.sequences(context) * visible_pairs(context); }
  constexpr Operands reads() const { return {x, w, bias}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx[b, s, c] = sum over t >= s of w[b, g, t, s] * dy[b, t, c] (added to it when `accumulate`); dw[b, g, t, s] = sum over c of
/// dy[b, t, c] * x[b, s, c], added over the sequences to what is there where w is a table; dbias[g, t] += sum of dy.
struct CausalMixGradient {
  static constexpr std::string_view name = "causal_mix_gradient";
  Grouped x, w, dy, dx, dw;
  Tensor dbias{};
  std::int64_t context = 0;
  bool accumulate = false;
  constexpr bool fits() const {
    return x.holds(context) && w.holds(context) && dw.holds(context) && same_shape(x, dy) && same_shape(dy, dx) &&
           w.is_table() == dw.is_table() && dw.width() >= context && x.groups == w.groups && x.groups == dw.groups;
  }
  constexpr std::int64_t flops() const { return 4 * x.columns * x.sequences(context) * visible_pairs(context); }
  constexpr Operands reads() const { return {x, w, dy, only_if(accumulate, dx), only_if(dw.is_table(), dw), dbias}; }
  constexpr Operands writes() const { return {dx, dw, dbias}; }
};

/// y[b, g, t, s] = queries[b, g, t] . keys[b, g, s] (over sqrt(K) when `scaled`), + added[b, g, t, s] where that is given. y is
/// a table where queries and keys are tables; `added` may be y.
struct CausalScores {
  static constexpr std::string_view name = "causal_scores";
  Grouped queries, keys, added{}, y;
  std::int64_t context = 0;
  bool scaled = false;
  constexpr bool fits() const {
    return queries.holds(context) && keys.holds(context) && y.holds(context) && y.width() >= context &&
           queries.width() == keys.width() && queries.groups == keys.groups && queries.groups == y.groups &&
           y.is_table() == (queries.is_table() && keys.is_table()) &&
           (!added.exists() || (added.holds(context) && added.width() >= context && added.groups == y.groups));
  }
  constexpr std::int64_t flops() const {
    return 2 * queries.groups * queries.width() * y.sequences(context) * visible_pairs(context);
  }
  constexpr Operands reads() const { return {queries, keys, added}; }
  constexpr Operands writes() const { return {y}; }
};

/// From dy: the gradients of queries and keys, written for tokens and added over the sequences for tables; dadded, a table or
/// absent, has dy added over the sequences.
struct CausalScoresGradient {
  static constexpr std::string_view name = "causal_scores_gradient";
  Grouped queries, keys, dy, dqueries, dkeys, dadded{};
  std::int64_t context = 0;
  bool scaled = false;
  constexpr bool fits() const {
    return queries.holds(context) && keys.holds(context) && dy.holds(context) && same_shape(queries, dqueries) &&
           same_shape(keys, dkeys) && queries.is_table() == dqueries.is_table() && keys.is_table() == dkeys.is_table() &&
           (!dadded.exists() || (dadded.is_table() && dadded.holds(context) && dadded.width() >= context));
  }
  constexpr std::int64_t flops() const {
    return 4 * queries.groups * queries.width() * dy.sequences(context) * visible_pairs(context);
  }
  constexpr Operands reads() const {
    return {queries, keys, dy, only_if(dqueries.is_table(), dqueries), only_if(dkeys.is_table(), dkeys), dadded};
  }
  constexpr Operands writes() const { return {dqueries, dkeys, dadded}; }
};

/// y[b, g, t, s] = x[b, g, t, s] + bias[g, t - s], bias [G, T] by distance; both of tokens or both tables; y may be x.
struct AddByDistance {
  static constexpr std::string_view name = "add_by_distance";
  Grouped x;
  Tensor bias;
  Grouped y;
  std::int64_t context = 0;
  constexpr bool fits() const {
    return x.holds(context) && y.holds(context) && x.groups == y.groups && x.is_table() == y.is_table() && x.width() >= context &&
           y.width() >= context && bias.rows == y.groups && bias.columns >= context;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x, bias}; }
  constexpr Operands writes() const { return {y}; }
};

/// dbias[g, n] = sum over the sequences and over t >= n of dy[b, g, t, t - n], for n < T.
struct AddByDistanceGradient {
  static constexpr std::string_view name = "add_by_distance_gradient";
  Grouped dy;
  Tensor dbias;
  std::int64_t context = 0;
  constexpr bool fits() const { return dy.holds(context) && dbias.rows == dy.groups && dbias.columns >= context; }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {dy}; }
  constexpr Operands writes() const { return {dbias}; }
};

/// y[b, g, t, s] = softmax of x[b, g, t, s] over s <= t; both of tokens or both tables; y may be x.
struct CausalSoftmax {
  static constexpr std::string_view name = "causal_softmax";
  Grouped x, y;
  std::int64_t context = 0;
  constexpr bool fits() const {
    return x.holds(context) && y.holds(context) && x.groups == y.groups && x.is_table() == y.is_table() && x.width() >= context &&
           y.width() >= context;
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {x}; }
  constexpr Operands writes() const { return {y}; }
};

/// dx = y * (dy - sum over s <= t of y * dy), added to dx when `accumulate`; dx may be dy.
struct CausalSoftmaxGradient {
  static constexpr std::string_view name = "causal_softmax_gradient";
  Grouped y, dy, dx;
  std::int64_t context = 0;
  bool accumulate = false;
  constexpr bool fits() const {
    return y.holds(context) && dy.holds(context) && dx.holds(context) && y.groups == dx.groups && dy.groups == dx.groups &&
           y.is_table() == dy.is_table() && dy.is_table() == dx.is_table();
  }
  constexpr std::int64_t flops() const { return 0; }
  constexpr Operands reads() const { return {y, dy, only_if(accumulate, dx)}; }
  constexpr Operands writes() const { return {dx}; }
};

}  // namespace genoform::op
