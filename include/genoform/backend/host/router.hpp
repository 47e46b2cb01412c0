#pragma once
#include <algorithm>
#include <cstdint>

#include "genoform/backend/host/balanced.hpp"
#include "genoform/backend/host/routing.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/router.hpp"

/// The operations of ops/router.hpp as plain loops over pointers, without allocation, for the back ends that run on the host.
namespace genoform::inner::backend::host {

/// op::ChooseByTable.
template <class Index>
void choose_by_table(const Index* table, const Index* tokens, std::int64_t n, Index* choice) {
  for (std::int64_t i = 0; i < n; ++i) choice[i] = tokens[i] < 0 ? Index{-1} : table[tokens[i]];
}

/// op::ChooseBalanced. `memory` holds balanced_elements(N, E).
template <class Real>
void choose_balanced(Rows<const Real> scores, const IndexOf<Real>* tokens, IndexOf<Real>* choice, double* memory) {
  Balanced<Real>(scores, tokens, choice, memory).run();
}

/// op::ChooseAbove, by an insertion sort, since few experts are above their threshold.
template <class Real>
void choose_above(Rows<const Real> scores, const Real* threshold, const IndexOf<Real>* tokens, IndexOf<Real>* choice) {
  using Index = IndexOf<Real>;
  const std::int64_t experts = scores.columns;
  for (std::int64_t n = 0; n < scores.rows; ++n) {
    const Real* p = scores[n];
    Index* chosen = choice + n * experts;
    std::int64_t count = 0;
    for (std::int64_t e = 0; e < experts && !routing::is_padding(tokens, n); ++e) {
      if (!(p[e] > threshold[e])) continue;
      std::int64_t at = count++;
      for (; at > 0 && p[e] > p[chosen[at - 1]]; --at) chosen[at] = chosen[at - 1];
      chosen[at] = static_cast<Index>(e);
    }
    std::fill_n(chosen + count, experts - count, Index{-1});
  }
}

/// op::AssignSlots; `scores` may be null.
template <class Real>
void assign_slots(Rows<const Real> scores, const Slots<Real>& to, std::int64_t choices, std::int64_t capacity) {
  if (!scores) return routing::assign_slots(to, choices, capacity, [](std::int64_t, std::int64_t) { return Real{1}; });
  routing::assign_slots(to, choices, capacity,
                        [&](std::int64_t n, std::int64_t j) { return scores[n][to.choice_expert[n * choices + j]]; });
}

/// op::RouteThresholdGradient.
template <class Real>
void route_threshold_gradient(const Slots<Real>& to, const Real* dweight, Rows<Real> dp, std::int64_t first_expert) {
  for (std::int64_t e = 0; e < to.experts; ++e)
    for (std::int64_t s = to.expert_first[e]; s < to.expert_first[e] + to.expert_count[e]; ++s)
      dp[to.slot_token[s]][first_expert + e] = dweight[s];
}

/// op::RecordLoad; load holds `all_experts` + 1 elements and as many again.
template <class Real>
void record_load(const Slots<Real>& to, std::int64_t choices, Real* load, std::int64_t all_experts, std::int64_t first_expert) {
  for (std::int64_t e = 0; e < to.experts; ++e) {
    load[all_experts] += static_cast<Real>(to.expert_count[e]);
    if (to.choice_expert == nullptr) load[first_expert + e] += static_cast<Real>(to.expert_count[e]);
  }
  if (to.choice_expert == nullptr) return;
  for (std::int64_t i = 0; i < to.tokens * choices; ++i)
    if (to.choice_expert[i] >= 0) load[first_expert + to.choice_expert[i]] += Real{1};
}

/// op::StepLoad; load holds 2 * `half` elements.
template <class Real>
void step_load(Real* load, std::int64_t half) {
  Real noted = 0;
  for (std::int64_t e = 0; e + 1 < half; ++e) noted += load[e];
  if (!(noted > Real{0})) return;
  std::copy_n(load, half, load + half);
  std::fill_n(load, half, Real{0});
}

/// op::UpdateBias.
template <class Real>
void update_bias(const Real* load, Real* bias, std::int64_t experts, double rate) {
  double total = 0;  // sums of integers: compared with the mean without rounding
  for (std::int64_t e = 0; e < experts; ++e) total += static_cast<double>(load[e]);
  for (std::int64_t e = 0; e < experts; ++e) {
    const double over = total - static_cast<double>(load[e]) * static_cast<double>(experts);
    bias[e] += static_cast<Real>(over > 0 ? rate : over < 0 ? -rate : 0.0);
  }
}

/// The factor of one element of op::Jitter.
inline double jitter_factor(const Random& random, std::int64_t round, std::int64_t element, double width) {
  const auto number = (static_cast<std::uint64_t>(round) << 40) + static_cast<std::uint64_t>(element);
  return 1.0 + width * (2.0 * random.uniform(number) - 1.0);
}

/// op::Jitter and its backward pass on the rows [first, last).
template <class Real>
void jitter(Rows<const Real> x, Rows<Real> y, std::int64_t round, double width, const Random& random, std::int64_t first,
            std::int64_t last) {
  for (std::int64_t n = first; n < last; ++n)
    for (std::int64_t c = 0; c < x.columns; ++c)
      y[n][c] = x[n][c] * static_cast<Real>(jitter_factor(random, round, n * x.columns + c, width));
}

}  // namespace genoform::inner::backend::host
