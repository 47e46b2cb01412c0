#include "genoform/search/study/study_size.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

/// Seconds that the trainings of a study of that size take on its workers.
double seconds_of(const StudySize& size, const StudyTime& time) {
  return size.budget * (size.trials + time.baseline_runs + study_size::final_cost * time.final_runs) / time.workers;
}

}  // namespace

TEST_CASE("a study of a quarter of an hour on two workers has 200 trials and fills its time") {
  const StudyTime time{.seconds = 900, .workers = 2, .flops_per_second = 4e10};
  const StudySize size = study_size_of(time);
  CHECK(size.trials == 200);
  CHECK(seconds_of(size, time) == Approx(0.88 * 900));
  CHECK(size.budget > 5);
}

TEST_CASE("any time is filled, and each arm gets the same number of trials") {
  for (const double seconds : {20.0, 60.0, 900.0, 3600.0, 8 * 3600.0, 7 * 86400.0})
    for (const int workers : {1, 2, 16, 512}) {
      const StudyTime time{.seconds = seconds, .workers = workers, .flops_per_second = 4e10};
      const StudySize size = study_size_of(time);
      CAPTURE(seconds, workers);
      CHECK(size.trials >= 4 * time.arms);
      CHECK(size.trials % time.arms == 0);
      CHECK(seconds_of(size, time) == Approx(0.88 * seconds));
      CHECK((size.search_share > 0.2 && size.search_share < 1));
      // The finals fit into what the search leaves.
      CHECK(study_size::final_cost * time.final_runs * size.budget <= (1 - size.search_share) * seconds * workers);
    }
}

TEST_CASE("time of preparation is left out of the trials") {
  const StudySize size = study_size_of({.seconds = 900, .preparation = 450, .flops_per_second = 4e10});
  CHECK(size.budget == Approx(study_size_of({.seconds = 900, .flops_per_second = 4e10}).budget / 2));
}

TEST_CASE("four times the time brings twice the trials and about twice the budget") {
  const StudySize one = study_size_of({.seconds = 900, .flops_per_second = 4e10});
  const StudySize four = study_size_of({.seconds = 3600, .flops_per_second = 4e10});
  CHECK(four.trials == 2 * one.trials);
  CHECK(four.budget / one.budget == Approx(2.0).margin(0.6));
}

TEST_CASE("models of the middle width see about 20 bytes a parameter, and widths rise in units of 16") {
  const double flops = 4e10;
  for (const double seconds : {900.0, 8 * 3600.0, 7 * 86400.0}) {
    const StudySize size = study_size_of({.seconds = seconds, .flops_per_second = flops});
    CAPTURE(seconds);
    REQUIRE(size.widths.size() >= 2);
    CHECK(std::is_sorted(size.widths.begin(), size.widths.end()));
    CHECK(std::all_of(size.widths.begin(), size.widths.end(), [](int w) { return w >= 16 && w % (w < 32 ? 8 : 16) == 0; }));
    const double width = size.widths[size.widths.size() / 2], parameters = 24 * width * width;
    const double bytes = size.budget * flops / (6 * parameters);
    CHECK(bytes / parameters > 8);
    CHECK(bytes / parameters < 40);
  }
}

TEST_CASE("a slow machine gets the smallest models") {
  CHECK(study_size_of({.seconds = 60, .flops_per_second = 1e8}).widths == std::vector{16, 24, 32});
}
