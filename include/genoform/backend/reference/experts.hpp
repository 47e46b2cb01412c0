#pragma once
#include "genoform/backend/reference/dense.hpp"
#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/routing.hpp"

/// The operations between a Route operation and its backward pass: tokens to slots, the matrices of the experts, slots to
/// tokens, the balance loss.
namespace genoform::reference {

/// Whether token n is padding; without tokens none is.
inline bool is_padding(const Matrix<std::int64_t>& tokens, Index n) { return tokens && tokens(n) < 0; }
inline double count_tokens(const Matrix<std::int64_t>& tokens, Index n) {
  double real = 0.0;
  for (Index i = 0; i < n; ++i) real += is_padding(tokens, i) ? 0.0 : 1.0;
  return real;
}

inline void run(const op::GatherRows& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  const auto slot_token = host.indices(o.to.slot_token);
  for (Index s = 0; s < y.rows; ++s)
    for (Index c = 0; c < y.columns; ++c) y(s, c) = slot_token(s) < 0 ? 0.0 : x(slot_token(s), c);
}

inline void run(const op::GatherRowsGradient& o, Host host) {
  const auto dy = host(o.dy), dx = host(o.dx);
  const auto slot_token = host.indices(o.to.slot_token);
  for (Index s = 0; s < dy.rows; ++s)
    for (Index c = 0; c < dy.columns && slot_token(s) >= 0; ++c) dx(slot_token(s), c) += dy(s, c);
}

inline void run(const op::CombineRows& o, Host host) {
  const auto x = host(o.x), y = host(o.y), slot_weight = host(o.to.slot_weight);
  const auto token_first = host.indices(o.to.token_first), token_slots = host.indices(o.to.token_slots);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) {
      double sum = o.accumulate ? y(n, c) : 0.0;
      for (Index i = token_first(n); i < token_first(n + 1); ++i) sum += slot_weight(token_slots(i)) * x(token_slots(i), c);
      y(n, c) = sum;
    }
}

inline void run(const op::CombineRowsGradient& o, Host host) {
  const auto x = host(o.x), dy = host(o.dy), dx = host(o.dx), dweight = host(o.dweight), slot_weight = host(o.to.slot_weight);
  const auto slot_token = host.indices(o.to.slot_token);
  for (Index s = 0; s < x.rows; ++s) {
    double dot = 0.0;
    for (Index c = 0; c < x.columns; ++c) {
      const double d = slot_token(s) < 0 ? 0.0 : dy(slot_token(s), c);
      if (slot_token(s) >= 0) dot += x(s, c) * d;
      dx(s, c) = slot_weight(s) * d;
    }
    dweight(s) = dot;
  }
}

inline void run(const op::ExpertLinear& o, Host host) {
  const auto x = host(o.x), w = host(o.w), y = host(o.y);
  const auto expert_first = host.indices(o.to.expert_first);
  for (Index e = 0; e < o.to.experts; ++e)
    for (Index s = expert_first(e); s < expert_first(e + 1); ++s)
      for (Index out = 0; out < y.columns; ++out) {
        double sum = 0.0;
        for (Index in = 0; in < x.columns; ++in) sum += x(s, in) * w(e * y.columns + out, in);
        y(s, out) = apply(o.f, sum);
      }
}

inline void run(const op::ExpertLinearInputGradient& o, Host host) {
  const auto dy = host(o.dy), w = host(o.w), dx = host(o.dx), output = host(o.output);
  const auto expert_first = host.indices(o.to.expert_first);
  for (Index e = 0; e < o.to.experts; ++e)
    for (Index s = expert_first(e); s < expert_first(e + 1); ++s)
      for (Index in = 0; in < dx.columns; ++in) {
        double sum = o.accumulate ? dx(s, in) : 0.0;
        for (Index out = 0; out < dy.columns; ++out) sum += dy(s, out) * w(e * dy.columns + out, in);
        dx(s, in) = output ? sum * derivative_from_output(o.f, output(s, in)) : sum;
      }
}

inline void run(const op::ExpertLinearWeightGradient& o, Host host) {
  const auto x = host(o.x), dy = host(o.dy), dw = host(o.dw);
  const auto expert_first = host.indices(o.to.expert_first), expert_count = host.indices(o.to.expert_count);
  for (Index e = 0; e < o.to.experts; ++e)
    for (Index s = expert_first(e); s < expert_first(e) + expert_count(e); ++s)
      for (Index out = 0; out < dy.columns; ++out)
        for (Index in = 0; in < x.columns; ++in) dw(e * dy.columns + out, in) += dy(s, out) * x(s, in);
}

inline void run(const op::BalanceLoss& o, Host host) {
  const auto p = host(o.p), first_share = host(o.first_share), loss = host(o.loss);
  const auto tokens = host.indices(o.tokens);
  double sum = 0.0;
  for (Index n = 0; n < p.rows; ++n)
    for (Index e = 0; e < p.columns && !is_padding(tokens, n); ++e)
      sum += first_share(e) * p(n, e) / count_tokens(tokens, p.rows);
  loss(0) += o.coefficient * static_cast<double>(p.columns) * sum;
}

inline void run(const op::BalanceLossGradient& o, Host host) {
  const auto first_share = host(o.first_share), scale = host(o.scale), dp = host(o.dp);
  const auto tokens = host.indices(o.tokens);
  for (Index n = 0; n < dp.rows; ++n)
    for (Index e = 0; e < dp.columns && !is_padding(tokens, n); ++e)
      dp(n, e) += scale(0) * o.coefficient * static_cast<double>(dp.columns) * first_share(e) / count_tokens(tokens, dp.rows);
}

}  // namespace genoform::reference
