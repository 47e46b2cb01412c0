#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "genoform/backend/host/router.hpp"
#include "genoform/backend/reference/router.hpp"
#include "genoform/layers/routers/routing.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Random scores and the assignment that a router of the host computes from them.
struct Pool {
  std::int64_t tokens, experts, k;
  std::vector<double> scores, weight, share;
  std::vector<std::int64_t> ids, first, count, slot_token, token_first, token_slots, choice_slot, choice_expert;

  static Pool any(std::int64_t max_choices) {
    Pool p;
    p.tokens = *rc::gen::inRange<std::int64_t>(1, 40);
    p.experts = *rc::gen::inRange<std::int64_t>(1, 9);
    p.k = *rc::gen::inRange<std::int64_t>(1, std::min(max_choices, p.experts) + 1);
    const int levels = *rc::gen::element(3, 1000);  // few levels: many ties
    const std::size_t elements = p.size(p.tokens * p.experts);
    for (std::size_t i = 0; i < elements; ++i)
      p.scores.push_back((1 + *rc::gen::inRange(0, levels)) / static_cast<double>(levels));
    for (std::int64_t n = 0; n < p.tokens; ++n) p.ids.push_back(*rc::gen::inRange(0, 6) == 0 ? -1 : 7);
    for (std::int64_t n = 0; n < p.tokens; ++n) {  // each row sums to 1
      double sum = 0;
      for (std::int64_t e = 0; e < p.experts; ++e) sum += p.at(n, e);
      for (std::int64_t e = 0; e < p.experts; ++e) p.scores[p.size(n * p.experts + e)] /= sum;
    }
    return p;
  }
  std::size_t size(std::int64_t n) const { return static_cast<std::size_t>(n); }
  double at(std::int64_t n, std::int64_t e) const { return scores[size(n * experts + e)]; }
  host::Rows<const double> rows() const { return {scores.data(), tokens, experts, experts}; }
  std::int64_t real() const { return tokens - std::count(ids.begin(), ids.end(), -1); }

  host::Slots<double> slots() {
    const std::int64_t bound = op::slots_bound(tokens * experts, experts);
    first.assign(size(experts + 1), 0);
    count.assign(size(experts), 0);
    slot_token.assign(size(bound), 0);
    weight.assign(size(bound), 0);
    token_first.assign(size(tokens + 1), 0);
    token_slots.assign(size(bound), 0);
    choice_slot.assign(size(tokens * experts), 0);
    choice_expert.assign(size(tokens * experts), 0);
    share.assign(size(experts), 0);
    return {first.data(),
            count.data(),
            slot_token.data(),
            weight.data(),
            token_first.data(),
            token_slots.data(),
            choice_slot.data(),
            choice_expert.data(),
            share.data(),
            experts,
            tokens,
            bound};
  }
  /// Checks every assignment: a slot serves one token, an expert a token once, padding no expert, and the two lists agree.
  void check(std::int64_t max_of_a_token, std::int64_t max_of_an_expert) {
    std::int64_t filled = 0;
    for (std::int64_t e = 0; e < experts; ++e) {
      RC_ASSERT(count[size(e)] <= max_of_an_expert);
      filled += count[size(e)];
      for (std::int64_t s = first[size(e)]; s < first[size(e + 1)]; ++s) {
        const bool used = s < first[size(e)] + count[size(e)];
        RC_ASSERT((slot_token[size(s)] >= 0) == used);
        if (used) RC_ASSERT(ids[size(slot_token[size(s)])] >= 0);
        if (used && s > first[size(e)]) RC_ASSERT(slot_token[size(s)] > slot_token[size(s - 1)]);
        if (!used) RC_ASSERT(weight[size(s)] == 0);
      }
    }
    RC_ASSERT(token_first[size(tokens)] == filled);
    for (std::int64_t n = 0; n < tokens; ++n) {
      RC_ASSERT(token_first[size(n + 1)] - token_first[size(n)] <= max_of_a_token);
      for (std::int64_t i = token_first[size(n)]; i < token_first[size(n + 1)]; ++i)
        RC_ASSERT(slot_token[size(token_slots[size(i)])] == n);
    }
  }
  double weight_of(std::int64_t n) const {
    double sum = 0;
    for (std::int64_t i = token_first[size(n)]; i < token_first[size(n + 1)]; ++i) sum += weight[size(token_slots[size(i)])];
    return sum;
  }
  std::int64_t places_of(std::int64_t n) const { return token_first[size(n + 1)] - token_first[size(n)]; }
};

}  // namespace

TEST_CASE(
    "tokens that choose fill no slot twice, no expert beyond its capacity, and have weights that sum to one where nothing is "
    "dropped") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(4);
    const auto capacity = *rc::gen::inRange<std::int64_t>(0, p.tokens + 1);
    const bool normalise = *rc::gen::arbitrary<bool>();
    host::route_token_choice<double>(p.rows(), p.slots(), p.k, capacity, normalise, p.ids.data());
    p.check(p.k, capacity == 0 ? p.tokens : capacity);
    for (std::int64_t n = 0; n < p.tokens; ++n) {
      RC_ASSERT(p.weight_of(n) <= 1 + 1e-12);
      const bool whole = p.ids[p.size(n)] >= 0 && p.places_of(n) == p.k;
      if (normalise) RC_ASSERT((std::abs(p.weight_of(n) - 1) < 1e-7) == whole);
    }
    if (capacity == 0) RC_ASSERT(p.token_first.back() == p.real() * p.k);
  }));
}

TEST_CASE("first choices get their slots before second ones, and earlier tokens before later ones") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(3);
    const auto capacity = *rc::gen::inRange<std::int64_t>(1, p.tokens + 1);
    host::route_token_choice<double>(p.rows(), p.slots(), p.k, capacity, true, p.ids.data());
    std::vector<std::int64_t> taken(p.size(p.experts), 0);
    for (std::int64_t j = 0; j < p.k; ++j)
      for (std::int64_t n = 0; n < p.tokens; ++n) {
        const std::int64_t e = p.choice_expert[p.size(n * p.k + j)];
        if (e < 0) continue;
        RC_ASSERT((p.choice_slot[p.size(n * p.k + j)] >= 0) == (taken[p.size(e)] < capacity));
        ++taken[p.size(e)];
      }
  }));
}

TEST_CASE("no limit is the capacity that holds every token") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(3), q = p;
    host::route_token_choice<double>(p.rows(), p.slots(), p.k, 0, true, p.ids.data());
    host::route_token_choice<double>(q.rows(), q.slots(), q.k, q.tokens, true, q.ids.data());
    RC_ASSERT(p.slot_token == q.slot_token);
    RC_ASSERT(p.weight == q.weight);
  }));
}

TEST_CASE("the balance loss is 1 where routing is even and the number of experts where all tokens go to one") {
  REQUIRE(rc::check([] {
    const auto experts = *rc::gen::inRange<std::int64_t>(1, 9), tokens = experts * *rc::gen::inRange<std::int64_t>(1, 6);
    const auto elements = static_cast<std::size_t>(tokens * experts);
    std::vector<double> even(elements, 1 / static_cast<double>(experts)), one_hot(elements, 0.0),
        shares(static_cast<std::size_t>(experts), 1 / static_cast<double>(experts)),
        first(static_cast<std::size_t>(experts), 0.0);
    for (std::int64_t n = 0; n < tokens; ++n) one_hot[static_cast<std::size_t>(n * experts)] = 1;
    first[0] = 1;
    double loss = 0, collapsed = 0;
    host::balance_loss<double>({even.data(), tokens, experts, experts}, shares.data(), 1, &loss);
    host::balance_loss<double>({one_hot.data(), tokens, experts, experts}, first.data(), 1, &collapsed);
    RC_ASSERT(std::abs(loss - 1) < 1e-12);
    RC_ASSERT(std::abs(collapsed - static_cast<double>(experts)) < 1e-12);
  }));
}

TEST_CASE("experts that choose fill their capacity exactly, or with every token there is") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(1);
    const auto capacity = *rc::gen::inRange<std::int64_t>(1, p.tokens + 1);
    std::vector<double> scratch(p.size(p.tokens));
    host::route_expert_choice<double>(p.rows(), p.slots(), capacity, nullptr, scratch.data(), p.ids.data());
    p.check(p.experts, capacity);
    for (std::int64_t e = 0; e < p.experts; ++e) RC_ASSERT(p.count[p.size(e)] == std::min(capacity, p.real()));
    RC_ASSERT(p.token_first.back() == p.experts * std::min(capacity, p.real()));
  }));
}

TEST_CASE("a balanced assignment gives every expert floor or ceil of its share, and no other one has a larger sum") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(1);
    if (*rc::gen::inRange(0, 8) == 0) p.scores[0] = std::numeric_limits<double>::quiet_NaN();
    if (*rc::gen::inRange(0, 8) == 0) p.scores.back() = -std::numeric_limits<double>::infinity();
    std::vector<double> memory(p.size(host::balanced_elements(p.tokens, p.experts)));
    std::vector<std::int64_t> owner(p.size(p.tokens)), real;
    host::choose_balanced<double>(p.rows(), p.ids.data(), owner.data(), memory.data());
    std::vector<std::int64_t> load(p.size(p.experts), 0);
    const auto value = [&](std::int64_t n, std::int64_t e) {
      const double x = p.at(n, e);
      return x == x ? std::clamp(x, -1e6, 1e6) : -1e6;
    };
    double sum = 0;
    for (std::int64_t n = 0; n < p.tokens; ++n) {
      RC_ASSERT((owner[p.size(n)] < 0) == (p.ids[p.size(n)] < 0));
      if (p.ids[p.size(n)] < 0) continue;
      real.push_back(n);
      ++load[p.size(owner[p.size(n)])];
      sum += value(n, owner[p.size(n)]);
    }
    const std::int64_t least = p.real() / p.experts;
    for (const std::int64_t l : load) RC_ASSERT(l == least || (l == least + 1 && p.real() % p.experts != 0));
    const auto best = reference::cheapest_assignment(p.experts * (least + 1), [&](std::int64_t row, std::int64_t place) {
      if (row >= p.real()) return place % (least + 1) < least ? 1e12 : 0.0;
      return -value(real[p.size(row)], place / (least + 1));
    });
    double largest = 0;
    for (std::int64_t i = 0; i < p.real(); ++i) largest += value(real[p.size(i)], best[p.size(i)] / (least + 1));
    RC_ASSERT(sum >= largest - 1e-6 * std::max(1.0, std::abs(largest)));
  }));
}

TEST_CASE("a balanced assignment of many tokens ends, whatever the scores are") {
  for (const std::int64_t experts : {1, 2, 7, 16}) {
    const std::int64_t tokens = 1001;
    for (const int kind : {0, 1, 2, 3}) {
      std::vector<double> scores, memory(static_cast<std::size_t>(host::balanced_elements(tokens, experts)));
      const Random random(5, static_cast<std::uint64_t>(kind));
      for (std::int64_t i = 0; i < tokens * experts; ++i)
        scores.push_back(kind == 0   ? 1.0
                         : kind == 1 ? std::numeric_limits<double>::quiet_NaN()
                         : kind == 2 ? (i % experts == 0 ? 1e30 : -1e30)
                                     : random.normal(static_cast<std::uint64_t>(i)));
      std::vector<std::int64_t> owner(static_cast<std::size_t>(tokens)), load(static_cast<std::size_t>(experts), 0);
      host::choose_balanced<double>({scores.data(), tokens, experts, experts}, nullptr, owner.data(), memory.data());
      for (const std::int64_t e : owner) ++load[static_cast<std::size_t>(e)];
      for (const std::int64_t l : load) REQUIRE((l == tokens / experts || l == (tokens + experts - 1) / experts));
    }
  }
}

TEST_CASE("thresholds send a token exactly to the experts that it is above, the largest first, up to the capacity") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(1);
    const std::vector<double> threshold(p.size(p.experts), *rc::gen::element(0.0, 0.1, 0.25));
    const auto capacity = *rc::gen::inRange<std::int64_t>(0, p.tokens + 1);
    const host::Slots<double> to = p.slots();
    host::choose_above<double>(p.rows(), threshold.data(), p.ids.data(), to.choice_expert);
    host::assign_slots<double>(p.rows(), to, p.experts, capacity);
    p.check(p.experts, capacity == 0 ? p.tokens : capacity);
    for (std::int64_t n = 0; n < p.tokens; ++n) {
      std::int64_t above = 0, chosen = 0;
      for (std::int64_t e = 0; e < p.experts; ++e) {
        above += p.ids[p.size(n)] >= 0 && p.at(n, e) > threshold[0] ? 1 : 0;
        const std::int64_t one = p.choice_expert[p.size(n * p.experts + e)];
        chosen += one >= 0 ? 1 : 0;
        if (e > 0 && one >= 0) RC_ASSERT(p.at(n, p.choice_expert[p.size(n * p.experts + e - 1)]) >= p.at(n, one));
      }
      RC_ASSERT(above == chosen);
    }
  }));
}

TEST_CASE("a constant added to every bias changes no choice, and the weights do not depend on the biases") {
  REQUIRE(rc::check([] {
    Pool p = Pool::any(3), q = p;
    std::vector<double> bias, shifted, scratch(p.size(p.experts));
    for (std::int64_t e = 0; e < p.experts; ++e) {
      bias.push_back(*rc::gen::inRange(-4, 5) / 64.0);
      shifted.push_back(bias.back() + 2);
    }
    for (Pool* one : {&p, &q})  // multiples of 2^-20, so that sums are exact
      for (double& x : one->scores) x = std::round(x * 1048576) / 1048576;
    host::route_token_choice<double>(p.rows(), p.slots(), p.k, 0, true, p.ids.data(), bias.data(), 0, scratch.data());
    host::route_token_choice<double>(q.rows(), q.slots(), q.k, 0, true, q.ids.data(), shifted.data(), 0, scratch.data());
    RC_ASSERT(p.slot_token == q.slot_token);
    RC_ASSERT(p.weight == q.weight);
    for (std::int64_t n = 0; n < p.tokens; ++n)
      if (p.ids[p.size(n)] >= 0) RC_ASSERT(std::abs(p.weight_of(n) - 1) < 1e-12);
  }));
}

TEST_CASE("the capacity of an expert is the smallest sufficient integer, at most the number of tokens") {
  REQUIRE(rc::check([] {
    const auto k = *rc::gen::inRange<std::int64_t>(1, 5), tokens = *rc::gen::inRange<std::int64_t>(1, 5000),
               percent = *rc::gen::inRange<std::int64_t>(1, 400), experts = *rc::gen::inRange<std::int64_t>(1, 70);
    const std::int64_t c = expert_capacity(k, tokens, percent, experts), whole = k * tokens * percent;
    RC_ASSERT(c == tokens || c * 100 * experts >= whole);
    RC_ASSERT((c - 1) * 100 * experts < whole);
    RC_ASSERT(expert_capacity(k, tokens, 0, experts) == tokens);
  }));
}
