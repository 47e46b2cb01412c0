#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>

#include "genoform/backend/host/rows.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/ops/routing.hpp"

#include "genoform/core/hide_macros.hpp"

/// Routing by plain loops over pointers: counting, stable, without allocation. The back ends that run on the host share it. NaN
/// never breaks an index: it loses every comparison.
namespace genoform::inner::backend::host {

/// op::Assignment with its pointers; absent tensors are null. Every array is contiguous.
template <class Real>
struct Slots {
  using Index = IndexOf<Real>;
  Index *expert_first, *expert_count, *slot_token;
  Real* slot_weight;
  Index *token_first, *token_slots, *choice_slot, *choice_expert;
  Real* first_share;
  std::int64_t experts, tokens, slots;

  /// The slot after the last segment.
  std::int64_t end() const { return expert_first[experts]; }
};

template <class Real>
Slots<Real> slots_of(const op::Assignment& to, const Memories<Real>& m) {
  return {m.indices(to.expert_first), m.indices(to.expert_count),
          m.indices(to.slot_token),   m.reals(to.slot_weight),
          m.indices(to.token_first),  m.indices(to.token_slots),
          m.indices(to.choice_slot),  m.indices(to.choice_expert),
          m.reals(to.first_share),    to.experts,
          to.token_first.rows - 1,    to.slot_token.rows};
}

namespace routing {

/// From expert_count: the padded segments with all slots empty. expert_count becomes 0 and counts again while slots are filled.
template <class Real>
void open_segments(const Slots<Real>& to) {
  using Index = IndexOf<Real>;
  std::int64_t first = 0;
  for (std::int64_t e = 0; e < to.experts; ++e) {
    to.expert_first[e] = static_cast<Index>(first);
    first += (to.expert_count[e] + op::slot_tile - 1) / op::slot_tile * op::slot_tile;
    to.expert_count[e] = 0;
  }
  to.expert_first[to.experts] = static_cast<Index>(first);
  std::fill_n(to.slot_token, to.slots, Index{-1});
  std::fill_n(to.slot_weight, to.slots, Real{0});
}

/// Puts a token into the next slot of an expert and returns the slot.
template <class Real>
IndexOf<Real> fill_slot(const Slots<Real>& to, std::int64_t expert, std::int64_t token, Real weight) {
  using Index = IndexOf<Real>;
  const Index slot = static_cast<Index>(to.expert_first[expert] + to.expert_count[expert]++);
  to.slot_token[slot] = static_cast<Index>(token);
  to.slot_weight[slot] = weight;
  return slot;
}

/// token_first and token_slots from slot_token: a counting sort, each token's slots ascending.
template <class Real>
void index_tokens(const Slots<Real>& to) {
  using Index = IndexOf<Real>;
  const std::int64_t end = to.end();
  std::fill_n(to.token_first, to.tokens + 1, Index{0});
  for (std::int64_t s = 0; s < end; ++s)
    if (to.slot_token[s] >= 0) ++to.token_first[to.slot_token[s] + 1];
  for (std::int64_t n = 0; n < to.tokens; ++n) to.token_first[n + 1] += to.token_first[n];
  for (std::int64_t s = 0; s < end; ++s)
    if (to.slot_token[s] >= 0) to.token_slots[to.token_first[to.slot_token[s]]++] = static_cast<Index>(s);
  for (std::int64_t n = to.tokens; n > 0; --n) to.token_first[n] = to.token_first[n - 1];
  to.token_first[0] = 0;
}

/// The `choices` largest of p[0 .. experts), largest first, ties to the lower index.
template <class Real>
void choose_top_k(const Real* p, std::int64_t experts, IndexOf<Real>* chosen, std::int64_t choices) {
  std::int64_t count = 0;
  for (std::int64_t e = 0; e < experts; ++e) {
    if (count == choices && !(p[e] > p[chosen[count - 1]])) continue;
    std::int64_t at = count < choices ? count++ : count - 1;
    for (; at > 0 && p[e] > p[chosen[at - 1]]; --at) chosen[at] = chosen[at - 1];
    chosen[at] = static_cast<IndexOf<Real>>(e);
  }
}

/// The sum of the chosen probabilities plus epsilon: the divisor of normalised weights, never 0.
template <class Real>
Real sum_of_choices(const Real* p, const IndexOf<Real>* chosen, std::int64_t choices, double epsilon) {
  Real sum = 0;
  for (std::int64_t j = 0; j < choices; ++j) sum += p[chosen[j]];
  sum += static_cast<Real>(epsilon);
  return sum == Real{0} ? std::numeric_limits<Real>::min() : sum;
}

/// Whether token n is padding; without `tokens` none is.
template <class Index>
bool is_padding(const Index* tokens, std::int64_t n) {
  return tokens != nullptr && tokens[n] < 0;
}
template <class Index>
std::int64_t count_tokens(const Index* tokens, std::int64_t n) {
  std::int64_t real = 0;
  for (std::int64_t i = 0; i < n; ++i) real += is_padding(tokens, i) ? 0 : 1;
  return real;
}

/// From choice_expert (-1: none): first_share, the segments and slots, choice_slot and the lists of the tokens. A capacity of 0
/// means no limit. weight_of(token, index of the choice).
template <class Real, class WeightOf>
void assign_slots(const Slots<Real>& to, std::int64_t choices, std::int64_t capacity, const WeightOf& weight_of) {
  using Index = IndexOf<Real>;
  const std::int64_t limit = capacity > 0 ? capacity : to.tokens;
  std::fill_n(to.expert_count, to.experts, Index{0});
  std::int64_t chose = 0;
  for (std::int64_t n = 0; n < to.tokens; ++n) {
    if (to.choice_expert[n * choices] < 0) continue;
    ++to.expert_count[to.choice_expert[n * choices]];
    ++chose;
  }
  for (std::int64_t e = 0; e < to.experts; ++e)
    to.first_share[e] = chose > 0 ? static_cast<Real>(to.expert_count[e]) / static_cast<Real>(chose) : Real{0};

  std::fill_n(to.expert_count, to.experts, Index{0});
  for (std::int64_t j = 0; j < choices; ++j)
    for (std::int64_t n = 0; n < to.tokens; ++n) {
      const Index expert = to.choice_expert[n * choices + j];
      const bool kept = expert >= 0 && to.expert_count[expert] < limit;
      if (kept) ++to.expert_count[expert];
      to.choice_slot[n * choices + j] = kept ? 0 : -1;
    }

  open_segments(to);
  for (std::int64_t n = 0; n < to.tokens; ++n)
    for (std::int64_t j = 0; j < choices; ++j)
      if (Index& slot = to.choice_slot[n * choices + j]; slot >= 0)
        slot = fill_slot(to, to.choice_expert[n * choices + j], n, weight_of(n, j));
  index_tokens(to);
}

}  // namespace routing

/// op::ChooseTopK. `tokens` and `bias` [E] may be null; `scratch` holds E reals where there is a bias.
template <class Real>
void choose_top_k(Rows<const Real> p, const Slots<Real>& to, std::int64_t choices, const IndexOf<Real>* tokens,
                  const Real* bias = nullptr, Real* scratch = nullptr) {
  for (std::int64_t n = 0; n < to.tokens; ++n) {
    IndexOf<Real>* chosen = to.choice_expert + n * choices;
    if (routing::is_padding(tokens, n)) {
      std::fill_n(chosen, choices, IndexOf<Real>{-1});
      continue;
    }
    const Real* score = p[n];
    if (bias != nullptr) {
      for (std::int64_t e = 0; e < to.experts; ++e) scratch[e] = p[n][e] + bias[e];
      score = scratch;
    }
    routing::choose_top_k(score, to.experts, chosen, choices);
  }
}

/// The rest of op::RouteTokenChoice, once to.choice_expert holds the choices.
template <class Real>
void assign_top_k(Rows<const Real> p, const Slots<Real>& to, std::int64_t choices, std::int64_t capacity, bool normalise,
                  double epsilon) {
  std::int64_t summed = -1;
  Real divisor = 1;
  routing::assign_slots(to, choices, capacity, [&](std::int64_t n, std::int64_t j) {
    const IndexOf<Real>* chosen = to.choice_expert + n * choices;
    if (normalise && summed != n) divisor = routing::sum_of_choices(p[n], chosen, choices, epsilon);
    summed = n;
    return p[n][chosen[j]] / divisor;
  });
}

/// op::RouteTokenChoice; p [N, E]. `tokens` and `bias` [E] may be null; `scratch` holds E reals where there is a bias.
template <class Real>
void route_token_choice(Rows<const Real> p, const Slots<Real>& to, std::int64_t choices, std::int64_t capacity, bool normalise,
                        const IndexOf<Real>* tokens = nullptr, const Real* bias = nullptr, double epsilon = 1e-9,
                        Real* scratch = nullptr) {
  choose_top_k(p, to, choices, tokens, bias, scratch);
  assign_top_k(p, to, choices, capacity, normalise, epsilon);
}

/// op::RouteTokenChoiceGradient. With w_i = p_i / S: dp_i = (dw_i - sum_j dw_j w_j) / S.
template <class Real>
void route_token_choice_gradient(Rows<const Real> p, const Slots<Real>& to, const Real* dweight, Rows<Real> dp,
                                 std::int64_t choices, bool normalise, double epsilon = 1e-9) {
  using Index = IndexOf<Real>;
  for (std::int64_t n = 0; n < to.tokens; ++n) {
    const Index* chosen = to.choice_expert + n * choices;
    const Index* slot = to.choice_slot + n * choices;
    std::fill_n(dp[n], dp.columns, Real{0});
    if (chosen[0] < 0) continue;
    const Real divisor = normalise ? routing::sum_of_choices(p[n], chosen, choices, epsilon) : Real{1};
    Real through_sum = 0;
    if (normalise)
      for (std::int64_t j = 0; j < choices; ++j)
        if (slot[j] >= 0) through_sum += dweight[slot[j]] * p[n][chosen[j]] / divisor;
    for (std::int64_t j = 0; j < choices && chosen[j] >= 0; ++j)
      dp[n][chosen[j]] = ((slot[j] >= 0 ? dweight[slot[j]] : Real{0}) - through_sum) / divisor;
  }
}

namespace routing {

/// The value that is compared: NaN is below every number.
template <class Real>
Real score_of(Real x) {
  return x == x ? x : -std::numeric_limits<Real>::infinity();
}

/// The capacity-th largest score of expert e over the tokens that are no padding, of which there are at least that many.
/// `scratch` holds N reals.
template <class Real>
Real cut_of(Rows<const Real> p, std::int64_t e, const IndexOf<Real>* tokens, std::int64_t capacity, Real* scratch) {
  std::int64_t count = 0;
  for (std::int64_t n = 0; n < p.rows; ++n)
    if (!is_padding(tokens, n)) scratch[count++] = score_of(p[n][e]);
  std::nth_element(scratch, scratch + capacity - 1, scratch + count, [](Real a, Real b) { return a > b; });
  return scratch[capacity - 1];
}

}  // namespace routing

/// op::RouteExpertChoice; `cuts` [E + 1] may be null. take(e, count, tokens) writes the `count` tokens of largest score of
/// expert e, ascending, and returns the lowest of their scores.
template <class Real, class Take>
void route_expert_choice_by(Rows<const Real> p, const Slots<Real>& to, std::int64_t real, std::int64_t capacity, Real* cuts,
                            const Take& take) {
  using Index = IndexOf<Real>;
  const std::int64_t taken = std::min(real, capacity);
  std::fill_n(to.expert_count, to.experts, static_cast<Index>(taken));
  routing::open_segments(to);
  for (std::int64_t e = 0; e < to.experts && taken > 0; ++e) {
    const std::int64_t first = to.expert_first[e];
    const Real cut = take(e, taken, to.slot_token + first);
    for (std::int64_t s = first; s < first + taken; ++s) to.slot_weight[s] = p[to.slot_token[s]][e];
    to.expert_count[e] = static_cast<Index>(taken);
    if (cuts != nullptr && real >= capacity) cuts[e] += cut;
  }
  if (cuts != nullptr && real > 0) cuts[to.experts] += Real{1};
  routing::index_tokens(to);
}

/// The same by plain loops. `scratch` holds N reals; `tokens` may be null.
template <class Real>
void route_expert_choice(Rows<const Real> p, const Slots<Real>& to, std::int64_t capacity, Real* cuts, Real* scratch,
                         const IndexOf<Real>* tokens = nullptr) {
  using Index = IndexOf<Real>;
  const auto take = [&](std::int64_t e, std::int64_t count, Index* places) {
    const Real cut = routing::cut_of(p, e, tokens, count, scratch);
    std::int64_t ties = count;
    for (std::int64_t n = 0; n < to.tokens; ++n)
      ties -= !routing::is_padding(tokens, n) && routing::score_of(p[n][e]) > cut ? 1 : 0;
    for (std::int64_t n = 0; n < to.tokens; ++n) {
      const Real x = routing::score_of(p[n][e]);
      if (!routing::is_padding(tokens, n) && (x > cut || (x == cut && ties-- > 0))) *places++ = static_cast<Index>(n);
    }
    return cut;
  };
  route_expert_choice_by(p, to, routing::count_tokens(tokens, to.tokens), capacity, cuts, take);
}

/// op::RouteExpertChoiceGradient.
template <class Real>
void route_expert_choice_gradient(const Slots<Real>& to, const Real* dweight, Rows<Real> dp) {
  for (std::int64_t n = 0; n < dp.rows; ++n) std::fill_n(dp[n], dp.columns, Real{0});
  for (std::int64_t e = 0; e < to.experts; ++e)
    for (std::int64_t s = to.expert_first[e]; s < to.expert_first[e] + to.expert_count[e]; ++s)
      dp[to.slot_token[s]][e] = dweight[s];
}

/// op::RouteThreshold; p [N, all experts], threshold [all experts].
template <class Real>
void route_threshold(Rows<const Real> p, const Real* threshold, const Slots<Real>& to, std::int64_t first_expert,
                     const IndexOf<Real>* tokens = nullptr) {
  using Index = IndexOf<Real>;
  std::fill_n(to.expert_count, to.experts, Index{0});
  for (std::int64_t n = 0; n < to.tokens; ++n)
    for (std::int64_t e = 0; e < to.experts && !routing::is_padding(tokens, n); ++e)
      to.expert_count[e] += p[n][first_expert + e] > threshold[first_expert + e] ? 1 : 0;
  routing::open_segments(to);
  for (std::int64_t n = 0; n < to.tokens; ++n)
    for (std::int64_t e = 0; e < to.experts && !routing::is_padding(tokens, n); ++e) {
      const Real x = p[n][first_expert + e];
      if (x > threshold[first_expert + e]) routing::fill_slot(to, e, n, x);
    }
  routing::index_tokens(to);
}

/// op::UpdateThreshold; cuts [E + 1], threshold [E].
template <class Real>
void update_threshold(Real* cuts, Real* threshold, std::int64_t experts, double rate) {
  const Real routed = cuts[experts];
  if (!(routed > Real{0})) return;
  for (std::int64_t e = 0; e < experts; ++e) threshold[e] += static_cast<Real>(rate) * (cuts[e] / routed - threshold[e]);
  std::fill_n(cuts, experts + 1, Real{0});
}

/// op::BalanceLoss; sums in double.
template <class Real>
void balance_loss(Rows<const Real> p, const Real* first_share, double coefficient, Real* loss,
                  const IndexOf<Real>* tokens = nullptr) {
  double sum = 0;
  for (std::int64_t n = 0; n < p.rows; ++n)
    for (std::int64_t e = 0; e < p.columns && !routing::is_padding(tokens, n); ++e)
      sum += static_cast<double>(first_share[e]) * static_cast<double>(p[n][e]);
  const std::int64_t real = std::max<std::int64_t>(routing::count_tokens(tokens, p.rows), 1);
  loss[0] += static_cast<Real>(coefficient * static_cast<double>(p.columns) * sum / static_cast<double>(real));
}

/// op::BalanceLossGradient.
template <class Real>
void balance_loss_gradient(const Real* first_share, Real scale, double coefficient, Rows<Real> dp,
                           const IndexOf<Real>* tokens = nullptr) {
  const std::int64_t real = std::max<std::int64_t>(routing::count_tokens(tokens, dp.rows), 1);
  const Real factor = scale * static_cast<Real>(coefficient * static_cast<double>(dp.columns) / static_cast<double>(real));
  for (std::int64_t n = 0; n < dp.rows; ++n)
    for (std::int64_t e = 0; e < dp.columns && !routing::is_padding(tokens, n); ++e) dp[n][e] += factor * first_share[e];
}

}  // namespace genoform::inner::backend::host

#include "genoform/core/restore_macros.hpp"
