#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/clock/calibration.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/space/block_space.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

DigitStudy with_batches() {
  DigitStudy study;
  study.options.batch = 8;
  study.options.batches = {4, 8, 16};
  study.genomes = 150;
  return study;
}

std::map<int, Trial> ended(const std::string& path) {
  std::map<int, Trial> trials;
  for (const Trial& t : trials_of(path))
    if (t.state == State::done) trials[t.number] = t;
  return trials;
}

}  // namespace

TEST_CASE("a genome has the batch of its parent or one beside it, a random one any, and baselines the study's") {
  const TemporaryFile file("genoform-batches");
  REQUIRE(with_batches().run(file.path()));
  const std::map<int, Trial> trials = ended(file.path());
  std::set<int> of_random, of_children;
  int kept = 0, moved = 0;
  for (const auto& [number, t] : trials) {
    if (t.phase == "baseline") {
      CHECK(t.batch == 8);
    } else if (t.parent == 0) {
      of_random.insert(t.batch);
    } else {
      of_children.insert(t.batch);
      const int parents = trials.at(t.parent).batch;
      CHECK((t.batch == parents || t.batch == 2 * parents || 2 * t.batch == parents));
      ++(t.batch == parents ? kept : moved);
    }
  }
  CHECK(of_random == std::set<int>{4, 8, 16});
  CHECK(of_children == std::set<int>{4, 8, 16});
  CHECK(moved > 5);
  CHECK(kept > 2 * moved);
}

TEST_CASE("a genome is the same as an earlier one only at the same batch, and gets steps by its step time there") {
  const TemporaryFile file("genoform-batches-equal");
  DigitStudy study = with_batches();
  study.space = Digits(3, 2);  // eight genomes, of which one is a baseline at a batch
  study.baselines = {{"plain", "000", true}};
  study.options.limits.step_time_factor = 0;
  study.genomes = 100;
  REQUIRE(study.run(file.path()));
  std::set<std::pair<std::string, int>> different;
  const std::map<int, Trial> trials = ended(file.path());
  std::size_t genomes = 0;
  for (const auto& [number, t] : trials) {
    CHECK(t.step_seconds == Approx(1e-3 * (1 + 0.1 * (t.text[0] - '0')) * t.batch / 8));
    CHECK(t.steps == Budget{study.options.budget}.steps(t.step_seconds));
    if (t.phase != "search") continue;
    ++genomes;
    different.emplace(t.text, t.batch);
  }
  CHECK(genomes == 8 * 3 - 1);
  CHECK(different.size() == genomes);
}

TEST_CASE("the limit of step time compares genomes with the first baseline at their own batch") {
  for (const bool is_measured : {false, true}) {
    const TemporaryFile file("genoform-batches-limit");
    DigitStudy study = with_batches();
    study.is_measured = is_measured;
    study.options.limits.step_time_factor = 1.25;
    REQUIRE(study.run(file.path()));
    std::set<int> batches;
    for (const auto& [number, t] : ended(file.path())) {
      if (t.phase != "search") continue;
      CHECK(t.text[0] <= '2');
      batches.insert(t.batch);
    }
    CHECK(batches == std::set<int>{4, 8, 16});
  }
}

TEST_CASE("a study with batches leaves the same record for any number of workers, and its finalists keep theirs") {
  std::vector<std::string> records;
  for (const int workers : {1, 3}) {
    const TemporaryFile file("genoform-batches-workers");
    DigitStudy study = with_batches();
    study.workers = workers;
    study.has_final = true;
    study.setup["microseconds"] = 100;
    REQUIRE(study.run(file.path()));
    records.push_back(record_of(file.path()));
    const Store store(file.path(), Store::Open::read);
    const std::map<int, Trial> trials = ended(file.path());
    for (const FinalRun& run : store.finals()) {
      CHECK(run.finalist.batch == trials.at(run.finalist.trial).batch);
      CHECK(run.finalist.batch > 0);
    }
    CHECK(Report(store).text().find(", batch ") != std::string::npos);
  }
  CHECK(records[0] == records[1]);
}

TEST_CASE("a table that saw several batches knows the step time at each") {
  const BlockSpace space;
  const ModelSizes sizes(12, 64);
  const auto texts = calibration_texts(space, proxy_baselines({}), sizes, 1, {.probes = 90, .max_flops = 2});
  const std::vector<int> batches = calibration_batches(texts.size(), {6, 12, 24});
  CHECK(std::set<int>(batches.begin(), batches.end()) == std::set<int>{6, 12, 24});
  CHECK(calibration_batches(2, {}) == std::vector<int>{0, 0});
  const auto seconds_of = [&](const std::string& text, int batch) {  // a part for each step, one that grows, one by parameters
    const Cost cost = sizes.at(batch).cost(text);
    return 1e-3 + 2e-11 * static_cast<double>(cost.training_flops()) + 5e-9 * static_cast<double>(cost.parameters);
  };
  std::vector<Probe> probes;
  for (std::size_t i = 0; i < texts.size(); ++i)
    probes.push_back(probe_of(sizes.at(batches[i]).items(texts[i]), seconds_of(texts[i], batches[i]), {}));
  const TableOracle oracle(sizes, StepTable::fit(probes));
  std::vector<double> errors;
  for (std::uint64_t i = 0; i < 40; ++i) {
    RandomStream samples(Random(5, stream_of("unseen")), i << 32);
    const std::string text = space.random(samples);
    for (const int batch : {6, 12, 24})
      errors.push_back(std::abs(*oracle.estimate(text, batch).step_seconds / seconds_of(text, batch) - 1));
  }
  std::sort(errors.begin(), errors.end());
  CHECK(errors[errors.size() / 2] < 0.03);
  CHECK(errors[errors.size() * 9 / 10] < 0.1);
}

TEST_CASE("batches that cannot be are refused") {
  const TemporaryFile file("genoform-no-batches");
  DigitStudy study = with_batches();
  study.options.batch = 0;
  CHECK_THROWS_AS(study.run(file.path()), Exception);
  study.options.batch = 8;
  study.options.batches = {0, 8};
  CHECK_THROWS_AS(study.run(file.path()), Exception);
}
