#include "genoform/data/hash_table.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("a table by modulo counts up, a random one depends on its seed only") {
  REQUIRE(hash_table::modulo(7, 3) == std::vector<std::int32_t>{0, 1, 2, 0, 1, 2, 0});
  const auto a = hash_table::random(200, 5, 1), b = hash_table::random(200, 5, 1), c = hash_table::random(200, 5, 2);
  REQUIRE(a == b);
  REQUIRE(a != c);
  for (const auto e : a) REQUIRE((e >= 0 && e < 5));
}

TEST_CASE("a table by frequency keeps the loads within one frequent id of each other") {
  REQUIRE(rc::check([] {
    const auto text = *rc::gen::container<std::vector<Token>>(rc::gen::inRange(-1, 30));
    const int experts = *rc::gen::inRange(1, 7);
    const auto counts = hash_table::counts_of(text, 30);
    const auto table = hash_table::balanced(counts, experts);
    std::vector<std::int64_t> loads(static_cast<std::size_t>(experts), 0), ids = loads;
    for (std::size_t id = 0; id < 30; ++id) {
      loads[static_cast<std::size_t>(table[id])] += counts[id];
      ++ids[static_cast<std::size_t>(table[id])];
    }
    const auto most = *std::max_element(counts.begin(), counts.end());
    RC_ASSERT(*std::max_element(loads.begin(), loads.end()) - *std::min_element(loads.begin(), loads.end()) <= most);
  }));
}

TEST_CASE("ids that never occur are dealt out evenly") {
  const std::vector<std::int64_t> counts(12, 0);
  REQUIRE(hash_table::balanced(counts, 4) == hash_table::modulo(12, 4));
}

TEST_CASE("a table without ids or experts is refused in every build") {
  CHECK_THROWS_WITH(hash_table::modulo(16, 0), "a table of 16 ids for 0 experts; allowed is at least 1 of each");
  CHECK_THROWS_WITH(hash_table::random(0, 2, 1), "a table of 0 ids for 2 experts; allowed is at least 1 of each");
  CHECK_THROWS_WITH(hash_table::balanced({}, 2), "a table of 0 ids for 2 experts; allowed is at least 1 of each");
}
