#include "genoform/search/strategy/nsga2.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "benchmarks/search/method/simulator.hpp"
#include "genoform/core/random.hpp"
#include "genoform/search/strategy/random_search.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const std::vector<Objective> loss_and_time{Objective::loss, Objective::step_time};

/// Points on a grid, so that many are equal in a value.
std::vector<pareto::Point> random_points(std::uint64_t seed, std::size_t count, std::size_t values) {
  const Random random(seed, stream_of("points"));
  std::vector<pareto::Point> points(count);
  std::uint64_t sampled = 0;
  for (pareto::Point& p : points)
    for (std::size_t v = 0; v < values; ++v) p.push_back(static_cast<double>(random.below(sampled++, 7)));
  return points;
}

/// The area that the points dominate below a reference.
double hypervolume(std::vector<pareto::Point> points, double first, double second) {
  std::sort(points.begin(), points.end());
  double area = 0;
  for (const pareto::Point& p : points) {
    if (p[0] >= first || p[1] >= second) continue;
    area += (first - p[0]) * (second - p[1]);
    second = p[1];
  }
  return area;
}

}  // namespace

TEST_CASE("non-dominated sorting ranks points as a hand does") {
  const std::vector<pareto::Point> points{{1, 5}, {2, 3}, {4, 1}, {3, 4}, {5, 2}, {5, 5}, {2, 3}};
  CHECK(pareto::ranks(points) == std::vector<std::size_t>{0, 0, 0, 1, 1, 2, 0});
  CHECK(pareto::front(points) == std::vector<std::size_t>{0, 1, 2, 6});
  CHECK_FALSE(pareto::dominates(points[1], points[6]));
  CHECK(pareto::ranks({}).empty());
}

TEST_CASE("the crowding distance is the room between neighbours of a rank, infinite at its ends") {
  const std::vector<pareto::Point> points{{0, 10}, {2, 6}, {4, 4}, {10, 0}, {11, 11}};
  const std::vector<double> distances = pareto::crowding_distances(points, pareto::ranks(points));
  CHECK(distances[0] == infinity);
  CHECK(distances[1] == Approx(4.0 / 10 + 6.0 / 10));
  CHECK(distances[2] == Approx(8.0 / 10 + 6.0 / 10));
  CHECK(distances[3] == infinity);
  CHECK(distances[4] == infinity);
}

TEST_CASE("no point of a front is dominated, every other one is by a point of the rank before") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::vector<pareto::Point> points = random_points(seed, 40, 2 + seed % 3);
    const std::vector<std::size_t> ranks = pareto::ranks(points), front = pareto::front(points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      const auto is_beaten_by_rank = [&](std::size_t rank) {
        for (std::size_t j = 0; j < points.size(); ++j)
          if (ranks[j] == rank && pareto::dominates(points[j], points[i])) return true;
        return false;
      };
      CHECK_FALSE(is_beaten_by_rank(ranks[i]));
      if (ranks[i] > 0) CHECK(is_beaten_by_rank(ranks[i] - 1));
      CHECK((ranks[i] == 0) == (std::find(front.begin(), front.end(), i) != front.end()));
    }
  }
}

TEST_CASE("parents are the best of the last trials by rank, then by crowding") {
  const std::vector<std::pair<double, double>> values{{3, 3}, {0, 10}, {2, 6}, {2.1, 5.9}, {4, 4}, {10, 0}};
  std::vector<Scored> history;
  for (const auto& [loss, seconds] : values) {
    Scored s;
    s.number = static_cast<int>(history.size()) + 1;
    s.fitness = loss;
    s.step_seconds = seconds;
    history.push_back(s);
  }
  std::vector<int> numbers;
  for (const Scored* parent : Nsga2(loss_and_time, {.initial = 1, .population = 4}).parents_of(history))
    numbers.push_back(parent->number);
  CHECK(numbers == std::vector{2, 6, 1, 3});
}

TEST_CASE("objectives are named, two or more, each once") {
  CHECK(objectives_in("loss,step-time").value() == loss_and_time);
  const auto problem = [](const char* list) { return objectives_in(list).error().message; };
  CHECK(problem("loss,speed").find("\"speed\" is no objective; they are loss, step-time, parameters") != std::string::npos);
  CHECK(problem("loss,loss").find("comes twice") != std::string::npos);
  CHECK(problem("loss").find("two objectives or more") != std::string::npos);
  CHECK_THROWS_AS(Nsga2({Objective::loss}), Exception);
}

TEST_CASE("a study with several objectives leaves the same record for any number of workers, and reports its front") {
  const TemporaryFile one("genoform-nsga2-1"), three("genoform-nsga2-3");
  const Nsga2 strategy({Objective::loss, Objective::step_time, Objective::parameters}, {.initial = 12, .population = 10});
  const DigitStudy digits;
  std::vector<std::string> records;
  for (const auto& [workers, file] : {std::pair{1, &one}, std::pair{3, &three}}) {
    WorkerPool pool(workers, launcher(), digits.setup);
    const Study study{digits.space, strategy, digits.clock, digits.baselines, pool, digits.options};
    Store store(file->path(), Store::Open::write);
    REQUIRE(study.run(store, {.genomes = 80}));
    records.push_back(store.record());
  }
  CHECK(records[0] == records[1]);
  const Report report(Store(one.path(), Store::Open::read));
  const nlohmann::json front = report.json().at("front");
  REQUIRE(front.size() > 2);
  CHECK(report.text().find("Pareto front of the search") != std::string::npos);
  std::vector<pareto::Point> points;
  for (const Trial* t : ranked(report.trials(), [](const Trial& trial) { return trial.phase == "search"; })) {
    const Estimate sizes = digits.clock.estimate(t->text, 0);
    points.push_back({*t->loss, t->step_seconds, static_cast<double>(sizes.parameters)});
  }
  CHECK(front.size() == pareto::front(points).size());
  for (const nlohmann::json& member : front) {
    const pareto::Point p{member.at("objectives").at("loss"), member.at("objectives").at("step-time"),
                          member.at("objectives").at("parameters")};
    CHECK(std::find(points.begin(), points.end(), p) != points.end());
    CHECK(std::none_of(points.begin(), points.end(), [&](const pareto::Point& other) { return pareto::dominates(other, p); }));
  }
}

TEST_CASE("on a table of all genomes NSGA-II finds a larger front than random search with the same trials") {
  const ResultTable table = ResultTable::read(GENOFORM_SEARCH_TABLE);
  const method::Simulator simulator(table);
  const Nsga2 nsga2(loss_and_time, {.initial = 16, .population = 16});
  const RandomSearch random;
  std::vector<double> gains;
  for (std::uint64_t study = 0; study < 20; ++study) {
    const auto area = [&](const Strategy& strategy) {
      std::vector<pareto::Point> points;
      for (const Trial& t : simulator.search({.strategy = &strategy, .trials = 60}, study).trials)
        if (t.loss) points.push_back({simulator.truth(t.text).validation, 1e3 * t.step_seconds});
      return hypervolume(points, 5, 2);
    };
    gains.push_back(area(nsga2) - area(random));
  }
  CHECK(method::mean_of(gains).low > 0);
}
