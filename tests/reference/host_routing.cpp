#include <algorithm>

#include "genoform/backend/host/routing.hpp"
#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;

namespace {

/// The same assignment by two algorithms: sorting in the reference, counting in the code that the other back ends share.
struct Pair {
  Bench b;
  std::int64_t tokens, experts, choices;
  Tensor p;
  op::Assignment sorted, counted;

  /// Few different values, so that there are many ties.
  Pair(std::uint64_t seed, std::int64_t max_choices) {
    const Random random(seed, 3);
    tokens = 1 + static_cast<std::int64_t>(random.below(0, 40));
    experts = 1 + static_cast<std::int64_t>(random.below(1, 9));
    choices = 1 + static_cast<std::int64_t>(random.below(2, static_cast<std::uint64_t>(std::min(max_choices, experts))));
    const std::uint64_t levels = 1 + random.below(3, 8);
    p = b.empty(tokens, experts);
    for (std::int64_t n = 0; n < tokens; ++n)
      for (std::int64_t e = 0; e < experts; ++e)
        b.at(p, n, e) = static_cast<double>(1 + random.below(static_cast<std::uint64_t>(10 + n * experts + e), levels)) / 16;
    sorted = assignment();
    counted = assignment();
  }
  op::Assignment assignment() {
    op::Assignment to = b.assignment(tokens, experts, choices, op::slots_bound(tokens * experts, experts));
    to.choice_slot.stride = to.choice_expert.stride = choices;  // the shared loops require contiguous arrays
    return to;
  }
  host::Slots<double> slots() { return host::slots_of(counted, b.memories()); }
  host::Rows<const double> probabilities() { return host::rows_of(p, b.memories()); }

  void require_equal() {
    REQUIRE(b.integers(sorted.expert_first) == b.integers(counted.expert_first));
    REQUIRE(b.integers(sorted.expert_count) == b.integers(counted.expert_count));
    REQUIRE(b.integers(sorted.slot_token) == b.integers(counted.slot_token));
    tests::require_close(b.values(sorted.slot_weight), b.values(counted.slot_weight),
                         1e-14);  // the sums are taken in another order
    REQUIRE(b.integers(sorted.token_first) == b.integers(counted.token_first));
    const std::int64_t filled = b.integers(sorted.token_first).back();
    REQUIRE(b.integers(sorted.token_slots.row_range(0, filled)) == b.integers(counted.token_slots.row_range(0, filled)));
  }
};

constexpr std::uint64_t cases = 300;

}  // namespace

TEST_CASE("token choice by sorting and by counting is the same, with ties, overflow and single experts") {
  for (std::uint64_t seed = 0; seed < cases; ++seed) {
    CAPTURE(seed);
    Pair two(seed, 4);
    const auto capacity = static_cast<std::int64_t>(Random(seed, 4).below(0, static_cast<std::uint64_t>(two.tokens + 1)));
    const bool normalise = seed % 2 == 0;
    two.b.run(
        op::RouteTokenChoice{.p = two.p, .to = two.sorted, .choices = two.choices, .capacity = capacity, .normalise = normalise});
    host::route_token_choice(two.probabilities(), two.slots(), two.choices, capacity, normalise);
    two.require_equal();
    REQUIRE(two.b.integers(two.sorted.choice_expert) == two.b.integers(two.counted.choice_expert));
    REQUIRE(two.b.integers(two.sorted.choice_slot) == two.b.integers(two.counted.choice_slot));
    REQUIRE(two.b.values(two.sorted.first_share) == two.b.values(two.counted.first_share));
  }
}

TEST_CASE("expert choice by sorting and by selection is the same, with ties at the cut") {
  for (std::uint64_t seed = 0; seed < cases; ++seed) {
    CAPTURE(seed);
    Pair two(seed, 1);
    const auto capacity = 1 + static_cast<std::int64_t>(Random(seed, 4).below(0, static_cast<std::uint64_t>(two.tokens)));
    const Tensor cuts = two.b.constant(two.experts + 1, 1, 0), scratch = two.b.empty(two.tokens, 1),
                 other_cuts = two.b.constant(two.experts + 1, 1, 0);
    two.b.run(op::RouteExpertChoice{.p = two.p, .to = two.sorted, .capacity = capacity, .cuts = cuts});
    host::route_expert_choice(two.probabilities(), two.slots(), capacity, two.b.memories().reals(other_cuts),
                              two.b.memories().reals(scratch));
    two.require_equal();
    REQUIRE(two.b.values(cuts) == two.b.values(other_cuts));
  }
}

TEST_CASE("thresholds by both algorithms are the same, with probabilities equal to the threshold") {
  for (std::uint64_t seed = 0; seed < cases; ++seed) {
    CAPTURE(seed);
    Pair two(seed, 1);
    const Tensor threshold = two.b.constant(two.experts, 1, 3.0 / 16);
    two.b.run(op::RouteThreshold{.p = two.p, .threshold = threshold, .to = two.sorted});
    host::route_threshold(two.probabilities(), two.b.memories().reals(threshold), two.slots(), 0);
    two.require_equal();
  }
}
