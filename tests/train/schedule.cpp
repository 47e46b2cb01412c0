#include "genoform/train/schedule.hpp"
#include "tests/catch.hpp"

using genoform::Schedule;

TEST_CASE("the cosine schedule warms up linearly and ends at its floor") {
  const Schedule s{.kind = Schedule::Kind::cosine, .warm_up = 100, .floor = 0.1};
  REQUIRE(s.factor(0, 2000) == Approx(0.01));
  REQUIRE(s.factor(49, 2000) == Approx(0.5).epsilon(0.01));
  REQUIRE(s.factor(1000, 2000) == Approx(0.55));
  REQUIRE(s.factor(1999, 2000) == Approx(0.1).epsilon(0.001));
}

TEST_CASE("the warm-up is a twentieth of the run unless it is given") {
  const Schedule s{};
  REQUIRE(s.factor(0, 2000) == Approx(0.01));
  REQUIRE(s.factor(0, 10) == Approx(1.0));
}

TEST_CASE("the papers' schedule is constant, then falls with the square root of the step") {
  const Schedule s{.kind = Schedule::Kind::reciprocal_square_root, .warm_up = 100};
  REQUIRE(s.factor(0, 2000) == 1.0);
  REQUIRE(s.factor(100, 2000) == 1.0);
  REQUIRE(s.factor(400, 2000) == Approx(0.5));
}

TEST_CASE("the papers' learning rate is 0.01 for 10,000 steps and half of that at 40,000") {
  const Schedule s{.kind = Schedule::Kind::reciprocal_square_root, .warm_up = 10000};
  REQUIRE(0.01 * s.factor(0, 500000) == 0.01);
  REQUIRE(0.01 * s.factor(10000, 500000) == 0.01);
  REQUIRE(0.01 * s.factor(40000, 500000) == 0.005);
}
