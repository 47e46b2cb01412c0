#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;
using Integers = std::vector<std::int64_t>;

namespace {

/// Checks what op::Assignment promises of every assignment.
void require_consistent(Bench& b, const op::Assignment& to, std::int64_t tokens) {
  const Integers first = b.integers(to.expert_first), count = b.integers(to.expert_count), token = b.integers(to.slot_token);
  const Integers token_first = b.integers(to.token_first), token_slots = b.integers(to.token_slots);
  REQUIRE(first.front() == 0);
  for (std::size_t e = 0; e < count.size(); ++e) {
    const std::int64_t length = first[e + 1] - first[e];
    REQUIRE(length == (count[e] + op::slot_tile - 1) / op::slot_tile * op::slot_tile);
    for (std::int64_t s = first[e]; s < first[e + 1]; ++s) {
      const std::int64_t n = token[static_cast<std::size_t>(s)];
      if (s < first[e] + count[e]) {
        REQUIRE(n >= 0);
        if (s > first[e]) REQUIRE(n > token[static_cast<std::size_t>(s - 1)]);
      } else {
        REQUIRE(n == -1);
        REQUIRE(b.at(to.slot_weight, s) == 0);
      }
    }
  }
  for (std::int64_t s = first.back(); s < to.slot_token.rows; ++s) REQUIRE(token[static_cast<std::size_t>(s)] == -1);
  REQUIRE(token_first.front() == 0);
  REQUIRE(token_first.back() == std::accumulate(count.begin(), count.end(), std::int64_t{0}));
  for (std::int64_t n = 0; n < tokens; ++n)
    for (std::int64_t i = token_first[static_cast<std::size_t>(n)]; i < token_first[static_cast<std::size_t>(n + 1)]; ++i) {
      const std::int64_t s = token_slots[static_cast<std::size_t>(i)];
      REQUIRE(token[static_cast<std::size_t>(s)] == n);
      if (i > token_first[static_cast<std::size_t>(n)]) REQUIRE(s > token_slots[static_cast<std::size_t>(i - 1)]);
    }
}

/// Rows of p by softmax, as the layer makes them.
Tensor probabilities(Bench& b, std::int64_t tokens, std::int64_t experts) {
  const Tensor p = b.random(tokens, experts);
  b.run(op::Softmax{.x = p, .y = p});
  return p;
}

std::int64_t slots(std::int64_t filled, std::int64_t experts) { return op::slots_bound(filled, experts); }

}  // namespace

TEST_CASE("slots_bound holds the worst loads and is a multiple of the tile") {
  for (std::int64_t filled = 0; filled < 100; ++filled)
    for (std::int64_t experts = 1; experts < 20; ++experts) {
      const std::int64_t worst =
          filled == 0 ? 0
                      : ((filled - std::min(filled, experts - 1)) + op::slot_tile - 1) / op::slot_tile * op::slot_tile +
                            std::min(filled, experts - 1) * op::slot_tile;
      REQUIRE(op::slots_bound(filled, experts) >= worst);
      REQUIRE(op::slots_bound(filled, experts) % op::slot_tile == 0);
    }
}

TEST_CASE("token choice takes the largest probabilities, ties to the lower expert") {
  Bench b;
  const Tensor p = b.of(3, 3, {0.2, 0.5, 0.3, 0.4, 0.2, 0.4, 0.3, 0.3, 0.3});
  const op::Assignment to = b.assignment(3, 3, 2, slots(6, 3));
  b.run(op::RouteTokenChoice{.p = p, .to = to, .choices = 2, .normalise = true});
  require_consistent(b, to, 3);
  REQUIRE(b.integers(to.choice_expert) == Integers{1, 2, 0, 2, 0, 1});
  REQUIRE(b.integers(to.expert_count) == Integers{2, 2, 2});
  REQUIRE(b.integers(to.expert_first) == Integers{0, 16, 32, 48});
  REQUIRE(b.integers(to.choice_slot) == Integers{16, 32, 0, 33, 1, 17});
  REQUIRE(b.integers(to.token_slots.row_range(0, 6)) == Integers{16, 32, 0, 33, 1, 17});
  require_close(b.values(to.first_share), {2.0 / 3, 1.0 / 3, 0});
  REQUIRE(b.at(to.slot_weight, 16) == Approx(0.5 / (0.8 + 1e-9)).epsilon(1e-14));
  REQUIRE(b.at(to.slot_weight, 32) == Approx(0.3 / (0.8 + 1e-9)).epsilon(1e-14));
}

TEST_CASE("overflow drops second choices before first ones, later tokens before earlier ones, and takes their weight away") {
  Bench b;
  // Expert 0: first choice of tokens 2 and 3, second choice of 0 and 1. Two slots: both second choices are dropped.
  const Tensor p = b.of(4, 3, {0.3, 0.6, 0.1, 0.3, 0.6, 0.1, 0.7, 0.1, 0.2, 0.7, 0.1, 0.2});
  const op::Assignment to = b.assignment(4, 3, 2, slots(8, 3));
  b.run(op::RouteTokenChoice{.p = p, .to = to, .choices = 2, .capacity = 2});
  require_consistent(b, to, 4);
  REQUIRE(b.integers(to.choice_slot) == Integers{16, -1, 17, -1, 0, 32, 1, 33});
  require_close(b.values(to.first_share), {0.5, 0.5, 0});
  b.run(op::RouteTokenChoice{.p = p, .to = to, .choices = 2, .capacity = 1, .normalise = true});
  require_consistent(b, to, 4);
  REQUIRE(b.integers(to.choice_slot) == Integers{16, -1, -1, -1, 0, 32, -1, -1});
  REQUIRE(b.at(to.slot_weight, 16) == Approx(0.6 / (0.9 + 1e-9)).epsilon(1e-14));  // the sum is taken before capacity
  require_close(b.values(to.first_share), {0.5, 0.5, 0});                          // and so is the share
}

TEST_CASE("token choice without a limit keeps every choice of every token") {
  Bench b;
  const std::int64_t tokens = 37, experts = 5, choices = 3;
  const Tensor p = probabilities(b, tokens, experts);
  const op::Assignment to = b.assignment(tokens, experts, choices, slots(tokens * choices, experts));
  b.run(op::RouteTokenChoice{.p = p, .to = to, .choices = choices, .normalise = true});
  require_consistent(b, to, tokens);
  const Integers count = b.integers(to.expert_count);
  REQUIRE(std::accumulate(count.begin(), count.end(), std::int64_t{0}) == tokens * choices);
  const auto weights = b.values(to.slot_weight);
  REQUIRE(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(static_cast<double>(tokens)));
}

TEST_CASE("the gradient of token choice agrees with finite differences, normalised or not, with and without drops") {
  for (const bool normalise : {false, true}) {
    for (const std::int64_t capacity : {0, 4}) {
      CAPTURE(normalise, capacity);
      Bench b;
      const std::int64_t tokens = 9, experts = 4, choices = 2;
      const Tensor p = probabilities(b, tokens, experts);
      const op::Assignment to = b.assignment(tokens, experts, choices, slots(tokens * choices, experts));
      const Tensor dweight = b.random(to.slot_token.rows, 1), dp = b.constant(tokens, experts, 5);
      b.run(op::RouteTokenChoice{.p = p, .to = to, .choices = choices, .capacity = capacity, .normalise = normalise});
      b.run(op::RouteTokenChoiceGradient{
          .p = p, .to = to, .dweight = dweight, .dp = dp, .choices = choices, .normalise = normalise});
      b.require_gradient(dp, p, [&] {
        b.run(op::RouteTokenChoice{.p = p, .to = to, .choices = choices, .capacity = capacity, .normalise = normalise});
        return b.dot(to.slot_weight, dweight);
      });
    }
  }
}

TEST_CASE("expert choice fills every expert exactly, ties to the lower token, and adds up the cuts") {
  Bench b;
  const Tensor p = b.of(4, 2, {0.5, 0.5, 0.2, 0.8, 0.5, 0.5, 0.6, 0.4});
  const op::Assignment to = b.assignment(4, 2, 1, slots(4, 2));
  const Tensor cuts = b.constant(3, 1, 1);
  b.run(op::RouteExpertChoice{.p = p, .to = to, .capacity = 2, .cuts = cuts});
  require_consistent(b, to, 4);
  REQUIRE(b.integers(to.expert_count) == Integers{2, 2});
  REQUIRE(b.integers(to.slot_token.row_range(0, 2)) == Integers{0, 3});
  REQUIRE(b.integers(to.slot_token.row_range(16, 2)) == Integers{0, 1});
  require_close(b.values(to.slot_weight.row_range(0, 2)), {0.5, 0.6});
  require_close(b.values(cuts), {1.5, 1.5, 2});
  REQUIRE(b.integers(to.token_first) == Integers{0, 2, 3, 3, 4});  // token 2 has no expert
}

TEST_CASE("the gradient of expert choice agrees with finite differences") {
  Bench b;
  const std::int64_t tokens = 19, experts = 3, capacity = 17;
  const Tensor p = probabilities(b, tokens, experts);
  const op::Assignment to = b.assignment(tokens, experts, 1, slots(capacity * experts, experts));
  const Tensor dweight = b.random(to.slot_token.rows, 1), dp = b.constant(tokens, experts, 5);
  b.run(op::RouteExpertChoice{.p = p, .to = to, .capacity = capacity, .cuts = {}});
  require_consistent(b, to, tokens);
  REQUIRE(b.integers(to.expert_first) == Integers{0, 32, 64, 96});
  b.run(op::RouteExpertChoiceGradient{.to = to, .dweight = dweight, .dp = dp});
  b.require_gradient(dp, p, [&] {
    b.run(op::RouteExpertChoice{.p = p, .to = to, .capacity = capacity, .cuts = {}});
    return b.dot(to.slot_weight, dweight);
  });
}

TEST_CASE("a threshold is exceeded strictly, expert by expert, in a range of the experts") {
  Bench b;
  const Tensor p = b.of(3, 3, {0.25, 0.5, 0.25, 0.1, 0.2, 0.7, 0.4, 0.3, 0.3}), threshold = b.of(3, 1, {0.3, 0.2, 0.25});
  const op::Assignment all = b.assignment(3, 3, 1, slots(9, 3));
  b.run(op::RouteThreshold{.p = p, .threshold = threshold, .to = all});
  require_consistent(b, all, 3);
  REQUIRE(b.integers(all.expert_count) == Integers{1, 2, 2});
  REQUIRE(b.integers(all.token_first) == Integers{0, 1, 2, 5});
  const op::Assignment last = b.assignment(3, 1, 1, slots(3, 1));
  b.run(op::RouteThreshold{.p = p, .threshold = threshold, .to = last, .first_expert = 2});
  require_consistent(b, last, 3);
  REQUIRE(b.integers(last.slot_token.row_range(0, 3)) == Integers{1, 2, -1});
  require_close(b.values(last.slot_weight.row_range(0, 3)), {0.7, 0.3, 0});
}

TEST_CASE("the threshold moves towards the mean cut of the pools since the last step, and stays without pools") {
  Bench b;
  const Tensor threshold = b.of(2, 1, {0.5, 0.1}), cuts = b.of(3, 1, {0.6, 0.2, 2});
  b.run(op::UpdateThreshold{.cuts = cuts, .threshold = threshold});
  require_close(b.values(threshold), {0.498, 0.1});
  require_close(b.values(cuts), {0, 0, 0});
  b.run(op::UpdateThreshold{.cuts = cuts, .threshold = threshold});
  require_close(b.values(threshold), {0.498, 0.1});
}
