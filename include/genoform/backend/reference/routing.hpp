#pragma once
#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include "genoform/backend/reference/dense.hpp"
#include "genoform/backend/reference/experts.hpp"
#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/router.hpp"
#include "genoform/ops/routing.hpp"

#include "genoform/core/hide_macros.hpp"

/// The operations of a sparse layer by sorting and plain loops, as docs/formats/model.md defines them (section 4).
namespace genoform::reference {

/// One token at one expert.
struct Visit {
  Index expert, token;
  double weight;
};

/// The indices 0 .. n - 1, largest value first, ties in ascending order.
template <class Value>
std::vector<Index> descending_order(Index n, Value value) {
  std::vector<Index> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return value(a) > value(b); });
  return order;
}

/// Writes all tensors of an assignment but the choices: slots by expert, then by token.
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

/// Assigns slots to the choices in choice_expert; weight_of(token, expert).
template <class WeightOf>
void assign_slots(const op::Assignment& to, Index capacity, Host host, WeightOf weight_of) {
  const auto first_share = host(to.first_share);
  const auto choice_slot = host.indices(to.choice_slot), choice_expert = host.indices(to.choice_expert);
  std::vector<Visit> visits;
  for (Index i = 0; i < choice_expert.columns; ++i)
    for (Index n = 0; n < choice_expert.rows; ++n) {
      const Index expert = choice_expert(n, i);
      const Index taken = std::count_if(visits.begin(), visits.end(), [&](const Visit& visit) { return visit.expert == expert; });
      if (expert >= 0 && (capacity == 0 || taken < capacity)) visits.push_back({expert, n, weight_of(n, expert)});
    }
  write_assignment(visits, choice_expert.rows, to, host);
  for (Index n = 0; n < choice_expert.rows; ++n)
    for (Index i = 0; i < choice_expert.columns; ++i)
      choice_slot(n, i) = choice_expert(n, i) < 0 ? -1 : slot_of(n, choice_expert(n, i), to, host);
  if (!first_share) return;
  double chose = 0.0;
  for (Index n = 0; n < choice_expert.rows; ++n) chose += choice_expert(n, 0) >= 0 ? 1.0 : 0.0;
  for (Index e = 0; e < to.experts; ++e) {
    double count = 0.0;
    for (Index n = 0; n < choice_expert.rows; ++n) count += choice_expert(n, 0) == e ? 1.0 : 0.0;
    first_share(e) = chose > 0.0 ? count / chose : 0.0;
  }
}

inline void choose_top_k(const Matrix<double>& p, const Matrix<double>& bias, const Tensor& tokens_of, const op::Assignment& to,
                         Host host) {
  const auto choice_expert = host.indices(to.choice_expert), tokens = host.indices(tokens_of);
  for (Index n = 0; n < p.rows; ++n) {
    const std::vector<Index> order = descending_order(p.columns, [&](Index e) { return bias ? p(n, e) + bias(e) : p(n, e); });
    for (Index i = 0; i < choice_expert.columns; ++i)
      choice_expert(n, i) = is_padding(tokens, n) ? -1 : order[static_cast<std::size_t>(i)];
  }
}

inline void run(const op::ChooseTopK& o, Host host) { choose_top_k(host(o.scores), host({}), o.tokens, o.to, host); }

inline double sum_of_choices(const op::Assignment& to, const Matrix<double>& p, Index n, double epsilon, Host host) {
  const auto choice_expert = host.indices(to.choice_expert);
  double sum = epsilon;
  for (Index j = 0; j < choice_expert.columns; ++j) sum += p(n, choice_expert(n, j));
  return sum == 0.0 ? std::numeric_limits<double>::min() : sum;
}

inline void run(const op::RouteTokenChoice& o, Host host) {
  const auto p = host(o.p);
  choose_top_k(p, host(o.bias), o.tokens, o.to, host);
  assign_slots(o.to, o.capacity, host, [&](Index n, Index expert) {
    return o.normalise ? p(n, expert) / sum_of_choices(o.to, p, n, o.epsilon, host) : p(n, expert);
  });
}

/// With S = sum of the chosen p + epsilon and g_i = p_i / S: dg_i / dp_j = [i = j] / S - p_i / S^2. A dropped choice has no dg,
/// but counts in S.
inline void run(const op::RouteTokenChoiceGradient& o, Host host) {
  const auto p = host(o.p), dweight = host(o.dweight), dp = host(o.dp);
  const auto choice_slot = host.indices(o.to.choice_slot), choice_expert = host.indices(o.to.choice_expert);
  for (Index n = 0; n < p.rows; ++n) {
    for (Index e = 0; e < p.columns; ++e) dp(n, e) = 0.0;
    for (Index i = 0; i < o.choices; ++i) {
      if (choice_slot(n, i) < 0) continue;
      const double dg = dweight(choice_slot(n, i));
      const Index expert = choice_expert(n, i);
      if (!o.normalise) {
        dp(n, expert) += dg;
        continue;
      }
      const double sum = sum_of_choices(o.to, p, n, o.epsilon, host);
      dp(n, expert) += dg / sum;
      for (Index j = 0; j < o.choices; ++j) dp(n, choice_expert(n, j)) -= dg * p(n, expert) / (sum * sum);
    }
  }
}

/// Adds the capacity-th largest score of each expert among the tokens that are no padding, and 1 to the number of pools.
inline void record_cuts(const Matrix<double>& p, const Matrix<std::int64_t>& tokens, Index capacity, const Matrix<double>& cuts) {
  std::vector<Index> real;
  for (Index n = 0; n < p.rows; ++n)
    if (!is_padding(tokens, n)) real.push_back(n);
  const auto count = static_cast<Index>(real.size());
  if (count == 0) return;
  cuts(p.columns) += 1.0;
  for (Index e = 0; e < p.columns && count >= capacity; ++e) {
    const auto order = descending_order(count, [&](Index i) { return p(real[static_cast<std::size_t>(i)], e); });
    cuts(e) += p(real[static_cast<std::size_t>(order[static_cast<std::size_t>(capacity - 1)])], e);
  }
}

inline void run(const op::RouteExpertChoice& o, Host host) {
  const auto p = host(o.p), cuts = host(o.cuts);
  const auto tokens = host.indices(o.tokens);
  std::vector<Visit> visits;
  for (Index e = 0; e < p.columns; ++e) {
    Index taken = 0;
    for (const Index n : descending_order(p.rows, [&](Index i) { return p(i, e); })) {
      if (taken == o.capacity || is_padding(tokens, n)) continue;
      visits.push_back({e, n, p(n, e)});
      ++taken;
    }
  }
  if (cuts) record_cuts(p, tokens, o.capacity, cuts);
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
  const auto tokens = host.indices(o.tokens);
  std::vector<Visit> visits;
  for (Index e = 0; e < o.to.experts; ++e)
    for (Index n = 0; n < p.rows; ++n)
      if (p(n, o.first_expert + e) > threshold(o.first_expert + e) && !is_padding(tokens, n))
        visits.push_back({e, n, p(n, o.first_expert + e)});
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

#include "genoform/core/restore_macros.hpp"
