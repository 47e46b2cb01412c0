#include "genoform/core/random.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

// Known answers of Philox 4x32-10, from the tests that its authors publish.
constexpr std::uint64_t ones = std::numeric_limits<std::uint64_t>::max();
static_assert(Random(0, 0).bits(0) == 0xE169C58D6627E8D5U);
static_assert(Random(ones, ones).bits(ones) == 0x41C83B0E408F276DU);

TEST_CASE("a random number is a function of seed, stream and index alone") {
  const Random a(1, stream_of("start"));
  const std::uint64_t later = a.bits(1000);
  for (std::uint64_t i = 0; i < 1000; ++i) (void)a.normal(i);
  CHECK(a.bits(1000) == later);
  CHECK(Random(1, stream_of("start")).bits(1000) == later);
  CHECK(Random(2, stream_of("start")).bits(1000) != later);
  CHECK(Random(1, stream_of("stop")).bits(1000) != later);
}

TEST_CASE("uniform and normal numbers have the moments of their distribution") {
  const Random random(7, 1);
  constexpr int count = 100000;
  double uniform = 0, normal = 0, square = 0, fourth = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double u = random.uniform(i), z = random.normal(i);
    REQUIRE((u >= 0 && u < 1 && std::isfinite(z)));
    uniform += u / count;
    normal += z / count;
    square += z * z / count;
    fourth += z * z * z * z / count;
  }
  CHECK(uniform == Approx(0.5).margin(0.005));
  CHECK(normal == Approx(0).margin(0.015));
  CHECK(square == Approx(1).margin(0.02));
  CHECK(fourth == Approx(3).margin(0.15));
}

TEST_CASE("integers below n are below n and all come up") {
  const Random random(3, 9);
  int counts[7]{};
  for (std::uint64_t i = 0; i < 7000; ++i) {
    const std::uint64_t value = random.below(i, 7);
    REQUIRE(value < 7);
    ++counts[value];
  }
  for (const int count : counts) CHECK(count == Approx(1000).margin(150));
  CHECK(random.below(0, 1) == 0);
}
