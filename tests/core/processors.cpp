#include "genoform/core/processors.hpp"

#include <sched.h>

#include "tests/catch.hpp"

using namespace genoform::inner;

TEST_CASE("usable processors are those of the affinity, at most the quota, and at least one") {
  CHECK(Processors{.visible = 8, .allowed = 8}.usable() == 8);
  CHECK(Processors{.visible = 8, .allowed = 8}.reason().empty());
  CHECK(Processors{.visible = 8, .allowed = 3}.usable() == 3);
  CHECK(Processors{.visible = 8, .allowed = 3}.reason() == "the affinity of the process allows 3");
  CHECK(Processors{.visible = 8, .allowed = 3, .quota = 2}.usable() == 2);
  CHECK(Processors{.visible = 8, .allowed = 3, .quota = 2}.reason() == "the quota of the control group is 2");
  CHECK(Processors{.visible = 8, .allowed = 0}.usable() == 1);
}

TEST_CASE("a process that is bound to one processor can use one") {
  cpu_set_t before, one;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  const int first = allowed_processors().front();
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(first), &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(allowed_processors() == std::vector<int>{first});
  CHECK(usable_processors() == 1);
  REQUIRE(sched_setaffinity(0, sizeof before, &before) == 0);
}
