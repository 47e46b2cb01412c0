#include "genoform/search/study/hurdle_options.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "genoform/core/median.hpp"
#include "genoform/search/report/hurdle_figures.hpp"
#include "genoform/search/report/report.hpp"
#include "tests/catch.hpp"
#include "tests/search/interruption.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

DigitStudy with_hurdles(double let_through) {
  DigitStudy study;
  study.options.hurdles = {.rule = HurdleRule::primer, .count = 4, .let_through = let_through};
  study.options.limits.step_time_factor = 0;
  return study;
}

std::vector<Trial> genomes_of(const std::string& path) {
  std::vector<Trial> genomes;
  for (const Trial& t : trials_of(path))
    if (t.phase == "search" && t.state == State::done) genomes.push_back(t);
  return genomes;
}

/// The threshold that the rule sets, from all trials of an arm.
std::optional<double> threshold(const std::vector<Trial>& genomes, const Trial& of, std::size_t hurdle, int window) {
  std::vector<double> losses;
  for (const Trial& t : genomes) {
    if (t.name != of.name || t.number > of.number - window) continue;
    bool has_arrived = true;
    for (std::size_t i = 0; i < hurdle; ++i) has_arrived = has_arrived && t.hurdles[i].loss && !t.hurdles[i].stops();
    if (has_arrived && t.hurdles[hurdle].loss) losses.push_back(*t.hurdles[hurdle].loss);
  }
  if (losses.size() < 10) return std::nullopt;
  if (losses.size() > 20) losses.erase(losses.begin(), losses.end() - 20);
  return median(std::move(losses));
}

}  // namespace

TEST_CASE("hurdles lie where bands of equal expected cost end, and save what Primer's arithmetic says") {
  const std::vector<double> four = HurdleOptions{.rule = HurdleRule::primer, .count = 4}.fractions();
  const std::vector<double> seconds{812.9, 2438.7, 5690.3, 12193.5};  // of 25,200 s a trial, as in the paper
  REQUIRE(four.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) CHECK(25200 * four[i] == Approx(seconds[i]).epsilon(1e-4));
  CHECK(HurdleOptions::expected_saving(4) == Approx(6.2));
  for (int count = 1; count <= HurdleOptions::max_count; ++count) {
    std::vector<double> ends = HurdleOptions{.rule = HurdleRule::primer, .count = count}.fractions();
    ends.push_back(1);
    double begin = 0, reached = 1, cost = 0;
    for (const double end : ends) {
      CHECK((end - begin) * reached == Approx(ends.front()));  // every band costs the same
      cost += (end - begin) * reached;
      begin = end;
      reached /= 2;
    }
    CHECK(reached == Approx(std::pow(0.5, count + 1)));  // 50, 25, 12.5, 6.25 % of all pass 1, 2, 3, 4 hurdles
    CHECK(1 / cost == Approx(HurdleOptions::expected_saving(count)));
  }
  CHECK(HurdleOptions{.rule = HurdleRule::none}.fractions().empty());
  CHECK(HurdleOptions{.rule = HurdleRule::brainformer}.fractions() == std::vector<double>{0.25});
}

TEST_CASE("half of the genomes that arrive pass each of Primer's hurdles, and little is left to train") {
  const TemporaryFile file("genoform-hurdles-halve");
  DigitStudy study = with_hurdles(0);
  study.use_random = true;
  study.genomes = 1000;
  REQUIRE(study.run(file.path()));
  const HurdleFigures f = HurdleFigures::of(trials_of(file.path()));
  REQUIRE(f.hurdles.size() == 4);
  double share = 1;
  for (std::size_t i = 0; i < 4; ++i) {
    share /= 2;
    INFO("hurdle " << i + 1 << ": " << f.hurdles[i].arrived << " arrived, " << f.hurdles[i].passed << " passed");
    CHECK(f.hurdles[i].passed / 1000.0 == Approx(share).margin(0.05));
    if (i > 0) CHECK(f.hurdles[i].arrived == f.hurdles[i - 1].passed);
  }
  CHECK(f.saving() > 4.5);  // those before there are medians are trained to the end
  CHECK(f.saving() < HurdleOptions::expected_saving(4) + 0.5);
  std::vector<double> at_end, all;
  for (const Trial& t : genomes_of(file.path())) {
    all.push_back(loss_of(t.text));
    if (t.loss) at_end.push_back(*t.loss);
  }
  std::sort(all.begin(), all.end());
  CHECK(median(std::move(at_end)) < all[150]);
}

TEST_CASE("the loss that a hurdle allows is the median of what the trials of the arm up to the window arrived with") {
  const TemporaryFile file("genoform-hurdles-medians");
  DigitStudy study = with_hurdles(0.1);
  study.has_controls = true;
  study.genomes = 300;
  REQUIRE(study.run(file.path()));
  const std::vector<Trial> genomes = genomes_of(file.path());
  int compared = 0;
  for (const Trial& t : genomes) {
    REQUIRE(t.hurdles.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CHECK(t.hurdles[i].max_loss == threshold(genomes, t, i, study.options.window));
      compared += t.hurdles[i].max_loss ? 1 : 0;
    }
  }
  CHECK(compared > 300);
}

TEST_CASE("a study with hurdles leaves the same record for any number of workers, and after kills") {
  DigitStudy study = with_hurdles(0.1);
  study.has_controls = true;
  study.genomes = 120;
  study.setup["microseconds"] = 200;
  std::vector<std::string> records;
  for (const int workers : {1, 3}) {
    const TemporaryFile file("genoform-hurdles-workers");
    study.workers = workers;
    REQUIRE(study.run(file.path()));
    records.push_back(record_of(file.path()));
  }
  CHECK(records[0] == records[1]);
  const TemporaryFile killed("genoform-hurdles-killed");
  CHECK(kill_until_done(study, killed.path(), records[0], 11) >= 1);
}

TEST_CASE("some genomes pass all hurdles on purpose, and the search learns of them what it would have learned") {
  const TemporaryFile some("genoform-let-through"), none("genoform-let-none");
  DigitStudy study = with_hurdles(0.1);
  study.genomes = 400;
  REQUIRE(study.run(some.path()));
  study.options.hurdles.let_through = 0;
  REQUIRE(study.run(none.path()));
  const std::vector<Trial> a = genomes_of(some.path()), b = genomes_of(none.path());
  REQUIRE(a.size() == b.size());
  int let_through = 0, behind = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].text == b[i].text);
    CHECK(a[i].fitness() == b[i].fitness());
    CHECK_FALSE(b[i].let_through);
    if (!a[i].let_through) continue;
    ++let_through;
    CHECK(a[i].loss.has_value());
    for (const Hurdle& h : a[i].hurdles) CHECK(h.loss.has_value());
    behind += b[i].loss ? 0 : 1;
  }
  CHECK(let_through > 20);
  CHECK(let_through < 60);
  CHECK(behind > 10);
}

TEST_CASE("a report says what hurdles saved and whether they were right") {
  std::vector<Trial> trials;
  const auto add = [&](bool let_through, std::vector<double> losses, std::optional<double> end) {
    Trial t;
    t.number = static_cast<int>(trials.size()) + 1;
    t.phase = "search";
    t.state = State::done;
    t.steps = 100;
    t.step_seconds = 0.01;
    t.let_through = let_through;
    t.loss = end;
    for (std::size_t i = 0; i < 2; ++i)
      t.hurdles.push_back(
          {.at = i == 0 ? 0.2 : 0.5, .max_loss = 3.0, .loss = i < losses.size() ? std::optional(losses[i]) : std::nullopt});
    trials.push_back(t);
  };
  add(false, {4.0}, {});        // stopped at the first: 0.2 s
  add(false, {2.9, 3.1}, {});   // at the second: 0.5 s
  add(false, {2.9, 2.8}, 2.0);  // at none: 1 s
  add(true, {4.0, 3.5}, 2.5);   // would have stopped at the first
  add(true, {2.8, 2.7}, 2.2);
  add(true, {3.5, 2.6}, 2.1);
  const HurdleFigures f = HurdleFigures::of(trials);
  REQUIRE(f.hurdles.size() == 2);
  CHECK(f.seconds == Approx(4.7));
  CHECK(f.saving() == Approx(6 / 4.7));
  CHECK(f.hurdles[0].arrived == 6);
  CHECK(f.hurdles[0].passed == 3);
  CHECK(f.hurdles[1].arrived == 3);
  CHECK(f.hurdles[1].passed == 2);
  CHECK(f.stopped == 2);
  CHECK(f.let_through == 3);
  CHECK(f.hurdles[0].correlation() == Approx(0.5));
  CHECK(f.hurdles[1].correlation() == Approx(1));
  CHECK(f.text().find("a saving of 1.28; correlation on 3 genomes that were let through") != std::string::npos);
  CHECK(f.json().at("hurdles")[0].at("rank_correlation").get<double>() == Approx(0.5));
  trials.pop_back();
  CHECK(HurdleFigures::of(trials).json().at("hurdles")[0].at("rank_correlation").is_null());  // too few to say
}

TEST_CASE("the report of a study with hurdles has their table") {
  DigitStudy study = with_hurdles(0.1);
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers workers(evaluator);
  const Report report = study.on(workers).run({.genomes = 200});
  CHECK(report.text().find("rank correlation with the end") != std::string::npos);
  CHECK(report.json().at("hurdles").at("hurdles").size() == 4);
  study.options.hurdles.rule = HurdleRule::none;
  const Report without = study.on(workers).run({.genomes = 20});
  CHECK(without.text().find("rank correlation") == std::string::npos);
  CHECK(without.json().at("hurdles").at("hurdles").empty());
}

TEST_CASE("hurdles that cannot be are refused") {
  const TemporaryFile file("genoform-no-hurdles");
  DigitStudy study = with_hurdles(0.1);
  for (const int count : {0, 9, -1}) {
    study.options.hurdles.count = count;
    CHECK_THROWS_AS(study.run(file.path()), Exception);
  }
  study.options.hurdles = {.let_through = 1.5};
  CHECK_THROWS_AS(study.run(file.path()), Exception);
  nlohmann::json options = HurdleOptions().to_json();
  CHECK(HurdleOptions::from_json(options).rule == HurdleRule::brainformer);
  options["rule"] = "hope";
  CHECK_THROWS_AS(HurdleOptions::from_json(options), Exception);
}
