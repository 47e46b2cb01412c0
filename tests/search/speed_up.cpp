#include "genoform/search/report/speed_up.hpp"

#include <cmath>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/search/evaluator/curve.hpp"
#include "genoform/search/report/pooled.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

/// 4 - 0.3 ln(speed * t) at 12 times from 3 to 48 seconds.
std::vector<TimedLoss> curve(double speed, double offset = 0) {
  std::vector<TimedLoss> points;
  for (int i = 0; i < 12; ++i) {
    const double seconds = 3 * std::pow(16.0, i / 11.0);
    points.push_back({seconds, 4 + offset - 0.3 * std::log(speed * seconds)});
  }
  return points;
}

}  // namespace

TEST_CASE("the speed-up factor of curves whose factor is known is that factor, on either side") {
  for (const double factor : {1.0, 1.3, 2.5, 8.0}) {
    const SpeedUp faster = speed_up(curve(1), curve(factor)), slower = speed_up(curve(factor), curve(1));
    CHECK(faster.factor == Approx(factor));
    CHECK(slower.factor == Approx(1 / factor));
    CHECK(faster.bound == SpeedUp::Bound::exact);
    CHECK(slower.bound == SpeedUp::Bound::exact);
  }
}

TEST_CASE("a model that is ahead from its first point on has a bound of the factor, and one that is never there a later time") {
  const SpeedUp far = speed_up(curve(1), curve(100));
  CHECK(far.bound == SpeedUp::Bound::at_least);
  CHECK(far.factor == Approx(16));
  CHECK(speed_up(curve(100), curve(1)).bound == SpeedUp::Bound::at_most);
  const std::vector<TimedLoss> slow = curve(1);
  const TimeToLoss never = time_to_loss(slow, slow.back().loss - 0.01);
  CHECK(never.bound == TimeToLoss::Bound::more_than);
  CHECK(never.seconds == Approx(48));
  CHECK(time_to_loss(slow, slow.front().loss).bound == TimeToLoss::Bound::at_most);
  CHECK(time_to_loss(slow, 4 - 0.3 * std::log(10.0)).seconds == Approx(10));
}

TEST_CASE("factors of several seeds have their geometric mean and an interval that covers it") {
  const std::vector<SpeedUp> seeds{{1.5}, {2}, {8.0 / 3}};
  const MeanSpeedUp mean = mean_speed_up(seeds);
  CHECK(mean.factor == Approx(2));
  CHECK(mean.low > 0.9);
  CHECK(mean.low < 1.5);
  CHECK(mean.high == Approx(4 / mean.low));
}

TEST_CASE("a power law is found again, and rank correlation is 1 for one order and -1 for the other") {
  const std::vector<double> x{1, 4, 16, 64};
  std::vector<double> y;
  for (const double v : x) y.push_back(1.7 * std::pow(v, 0.12));
  const PowerLaw law = fit_power_law(x, y);
  CHECK(law.factor == Approx(1.7));
  CHECK(law.exponent == Approx(0.12));
  CHECK(rank_correlation(x, y) == Approx(1));
  CHECK(rank_correlation(x, std::vector<double>{4, 3, 2, 1}) == Approx(-1));
  CHECK(rank_correlation(x, std::vector<double>{1, 3, 2, 4}) == Approx(2.0 / 3));
  CHECK(rank_correlation(x, std::vector<double>{5, 5, 5, 5}) == 0);
}

TEST_CASE("a curve has its points from a 16th of the run to its end, each once") {
  const std::vector<std::int64_t> steps = curve_steps(1600, 12);
  REQUIRE(steps.size() == 12);
  CHECK(steps.front() == 100);
  CHECK(steps.back() == 1600);
  for (std::size_t i = 1; i < steps.size(); ++i)
    CHECK(static_cast<double>(steps[i]) / static_cast<double>(steps[i - 1]) == Approx(std::pow(16.0, 1.0 / 11)).epsilon(0.01));
  CHECK(curve_steps(8, 12) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 8});
  CHECK(curve_steps(8, 0).empty());
  CHECK(curve_steps(8, 1) == std::vector<std::int64_t>{8});
}

TEST_CASE(
    "intervals with pooled noise cover the true differences in 93 to 97 of 100 tables, and two models give the paired test") {
  constexpr int tables = 1000, models = 8, seeds = 3;
  int covered = 0, false_alarms = 0;
  for (int table = 0; table < tables; ++table) {
    const Random random(static_cast<std::uint64_t>(table), stream_of("pooled"));
    std::vector<std::vector<double>> losses(models);
    std::uint64_t sample = 0;
    for (int s = 0; s < seeds; ++s) {
      const double data = 0.1 * random.normal(sample++);
      for (std::size_t m = 0; m < models; ++m) losses[m].push_back(2 + data + 0.01 * random.normal(sample++));
    }
    const auto differences = statistics::pooled_differences(losses, 0);
    std::vector<double> p;
    for (std::size_t m = 1; m < models; ++m) {
      covered += differences[m].low <= 0 && differences[m].high >= 0 ? 1 : 0;
      p.push_back(differences[m].p);
    }
    bool is_alarm = false;
    for (const double corrected : statistics::holm(p)) is_alarm = is_alarm || corrected < 0.05;
    false_alarms += is_alarm ? 1 : 0;
  }
  CHECK(covered >= tables * (models - 1) * 93 / 100);
  CHECK(covered <= tables * (models - 1) * 97 / 100);
  CHECK(false_alarms <= tables * 6 / 100);
  const std::vector<std::vector<double>> two{{2.0, 2.1, 2.3}, {2.2, 2.25, 2.6}};
  const auto pooled = statistics::pooled_differences(two, 0)[1];
  const auto paired = statistics::difference(two[1], two[0]);
  CHECK(pooled.mean == Approx(paired.mean));
  CHECK(pooled.low == Approx(paired.low));
  CHECK(pooled.p == Approx(paired.p));
}
