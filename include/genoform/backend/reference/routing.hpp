#pragma once
#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

#include "genoform/backend/reference/dense.hpp"
#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/routing.hpp"

/// The operations of a sparse layer, by sorting and plain loops straight from spec/model.md section 4.
namespace genoform::reference {

/// One token at one expert.
struct Visit {
  Index expert, token;
  double weight;
};

/// The numbers 0 .. n - 1 with the largest value first, ties in ascending order.
template <class Value>
std::vector<Index> largest_first(Index n, Value value) {
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return value(a) > value(b); });
  return order;
}

/// Writes all but the choices of an assignment: slots by expert, then token.
inline void write_assignment(std::vector<Visit> visits, Index tokens, const op::Assignment& to, Host host) {
  std::sort(visits.begin(), visits.end(),
            [](const Visit& a, const Visit& b) { return std::tie(a.expert, a.token) < std::tie(b.expert, b.token); });
  const auto expert_first = host.indices(to.expert_first), expert_count = host.indices(to.expert_count);
  const auto slot_token = host.indices(to.slot_token), token_first = host.indices(to.token_first),
             token_slots = host.indices(to.token_slots);
  const auto slot_weight = host(to.slot_weight);
  for (Index s = 0; s < slot_token.rows; ++s) {
    slot_token(s) = -1;
    slot_weight(s) = 0.0;
  }
  expert_first(0) = 0;
  for (Index e = 0; e < to.experts; ++e) {
    Index slot = expert_first(e);
    for (const Visit& visit : visits) {
      if (visit.expert != e) continue;
      slot_token(slot) = visit.token;
      slot_weight(slot) = visit.weight;
      ++slot;
    }
    expert_count(e) = slot - expert_first(e);
    expert_first(e + 1) = (slot + op::slot_tile - 1) / op::slot_tile * op::slot_tile;
  }
  Index written = 0;
  for (Index n = 0; n < tokens; ++n) {
    token_first(n) = written;
    for (Index s = 0; s < expert_first(to.experts); ++s)
      if (slot_token(s) == n) token_slots(written++) = s;
  }
  token_first(tokens) = written;
}

/// The slot of a token at an expert, -1 where it has none.
inline Index slot_of(Index token, Index expert, const op::Assignment& to, Host host) {
  const auto expert_first = host.indices(to.expert_first), slot_token = host.indices(to.slot_token);
  for (Index s = expert_first(expert); s < expert_first(expert + 1); ++s)
    if (slot_token(s) == token) return s;
  return -1;
}

inline void run(const op::RouteTokenChoice& o, Host host) {
  const auto p = host(o.p), first_share = host(o.to.first_share);
  const auto choice_slot = host.indices(o.to.choice_slot), choice_expert = host.indices(o.to.choice_expert);
  for (Index n = 0; n < p.rows; ++n) {
    const std::vector<Index> order = largest_first(p.columns, [&](Index e) { return p(n, e); });
    for (Index i = 0; i < o.choices; ++i) choice_expert(n, i) = order[static_cast<std::size_t>(i)];
  }
  std::vector<Visit> visits;
  for (Index i = 0; i < o.choices; ++i)
    for (Index n = 0; n < p.rows; ++n) {
      const Index expert = choice_expert(n, i);
      const Index taken = std::count_if(visits.begin(), visits.end(), [&](const Visit& visit) { return visit.expert == expert; });
      if (o.capacity > 0 && taken >= o.capacity) continue;
      double sum = 1e-9;
      for (Index j = 0; j < o.choices; ++j) sum += p(n, choice_expert(n, j));
      visits.push_back({expert, n, o.normalise ? p(n, expert) / sum : p(n, expert)});
    }
  write_assignment(visits, p.rows, o.to, host);
  for (Index n = 0; n < p.rows; ++n)
    for (Index i = 0; i < o.choices; ++i) choice_slot(n, i) = slot_of(n, choice_expert(n, i), o.to, host);
  if (!first_share) return;
  for (Index e = 0; e < p.columns; ++e) {
    double count = 0.0;
    for (Index n = 0; n < p.rows; ++n) count += choice_expert(n, 0) == e ? 1.0 : 0.0;
    first_share(e) = count / static_cast<double>(p.rows);
  }
}

/// With S = sum of the chosen p + 1e-9 and g_i = p_i / S: dg_i / dp_j = [i = j] / S - p_i / S^2. A dropped choice has no dg, but
/// is in S.
inline void run(const op::RouteTokenChoiceGradient& o, Host host) {
  const auto p = host(o.p), dweight = host(o.dweight), dp = host(o.dp);
  const auto choice_slot = host.indices(o.to.choice_slot), choice_expert = host.indices(o.to.choice_expert);
  for (Index n = 0; n < p.rows; ++n) {
    for (Index e = 0; e < p.columns; ++e) dp(n, e) = 0.0;
    double sum = 1e-9;
    for (Index i = 0; i < o.choices; ++i) sum += p(n, choice_expert(n, i));
    for (Index i = 0; i < o.choices; ++i) {
      if (choice_slot(n, i) < 0) continue;
      const double dg = dweight(choice_slot(n, i));
      const Index expert = choice_expert(n, i);
      dp(n, expert) += o.normalise ? dg / sum : dg;
      if (!o.normalise) continue;
      for (Index j = 0; j < o.choices; ++j) dp(n, choice_expert(n, j)) -= dg * p(n, expert) / (sum * sum);
    }
  }
}

inline void run(const op::RouteExpertChoice& o, Host host) {
  const auto p = host(o.p), cuts = host(o.cuts);
  std::vector<Visit> visits;
  for (Index e = 0; e < p.columns; ++e) {
    const std::vector<Index> order = largest_first(p.rows, [&](Index n) { return p(n, e); });
    for (Index i = 0; i < o.capacity; ++i)
      visits.push_back({e, order[static_cast<std::size_t>(i)], p(order[static_cast<std::size_t>(i)], e)});
    if (cuts) cuts(e) += visits.back().weight;
  }
  if (cuts) cuts(p.columns) += 1.0;
  write_assignment(visits, p.rows, o.to, host);
}

inline void run(const op::RouteExpertChoiceGradient& o, Host host) {
  const auto dweight = host(o.dweight), dp = host(o.dp);
  for (Index n = 0; n < dp.rows; ++n)
    for (Index e = 0; e < dp.columns; ++e) {
      const Index slot = slot_of(n, e, o.to, host);
      dp(n, e) = slot < 0 ? 0.0 : dweight(slot);
    }
}

inline void run(const op::RouteThreshold& o, Host host) {
  const auto p = host(o.p), threshold = host(o.threshold);
  std::vector<Visit> visits;
  for (Index e = 0; e < o.to.experts; ++e)
    for (Index n = 0; n < p.rows; ++n)
      if (p(n, o.first_expert + e) > threshold(o.first_expert + e)) visits.push_back({e, n, p(n, o.first_expert + e)});
  write_assignment(visits, p.rows, o.to, host);
}

inline void run(const op::UpdateThreshold& o, Host host) {
  const auto cuts = host(o.cuts), threshold = host(o.threshold);
  const double pools = cuts(threshold.rows);
  if (pools == 0.0) return;
  for (Index e = 0; e < threshold.rows; ++e) threshold(e) += o.rate * (cuts(e) / pools - threshold(e));
  for (Index e = 0; e < cuts.rows; ++e) cuts(e) = 0.0;
}

}  // namespace genoform::reference
