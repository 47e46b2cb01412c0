#include "genoform/search/study.hpp"

#include <limits>
#include <string>

#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

std::string record_on(Workers& workers, const Strategy* strategy = nullptr) {
  const TemporaryFile file("genoform-study");
  const DigitStudy digits;
  const Study study{digits.space,  strategy != nullptr ? *strategy : digits.evolution, digits.clock, digits.baselines, workers,
                    digits.options};
  Store store(file.path(), Store::Open::write);
  StudyRun run;
  run.genomes = 200;
  REQUIRE(study.run(store, run));
  return store.record();
}

/// Evolution that keeps the whole history in memory.
struct LongMemory : Evolution {
  using Evolution::Evolution;
  std::size_t memory() const override { return std::numeric_limits<std::size_t>::max(); }
};

}  // namespace

TEST_CASE("an evaluator in the process leaves the record that worker processes leave") {
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers one(evaluator), eight(evaluator, 8);
  WorkerPool processes(3, launcher(), nlohmann::json::object());
  const std::string record = record_on(one);
  CHECK(record_on(eight) == record);
  CHECK(record_on(processes) == record);
}

TEST_CASE("how much of the history is kept in memory does not change the record") {
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers workers(evaluator);
  const LongMemory whole({.initial = 12, .population = 20, .tournament = 6, .twice = 0.25});
  CHECK(record_on(workers, &whole) == record_on(workers));
}

TEST_CASE("a study of one's own needs no file, and its report names the best genome") {
  FunctionEvaluator evaluator([](const TrainRequest& r) { return loss_of(r.text); });
  InProcessWorkers workers(evaluator, 4);
  const DigitStudy digits;
  const Report report = digits.on(workers).run({.genomes = 100});
  CHECK(report.genomes() == 100);
  REQUIRE(report.winner().has_value());
  for (const Trial& t : report.trials())
    if (t.loss) CHECK(loss_of(report.winner()->finalist.text) <= *t.loss);
}

TEST_CASE("a search whose limits no genome meets ends, counts what was refused and has no final") {
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers workers(evaluator);
  DigitStudy digits;
  digits.options.limits.step_time_factor = 0.5;
  Store store = Store::in_memory();
  StudyRun run;
  run.finals = FinalOptions{};
  for (int times = 0; times < 2; ++times) {  // again: it finds and counts the same
    CHECK(digits.on(workers).run(store, run));
    const Report report(store);
    CHECK_FALSE(report.has_genome());
    CHECK(report.standings().empty());
    CHECK(report.json().at("refused") == Proposals::max_samples);
    CHECK(report.json().at("refusals") == nlohmann::json({{"step time", Proposals::max_samples}}));
    CHECK(report.obstacles() == "refused: step time (2000)");
    CHECK(report.text().find("No genome was trained to a result; take wider limits") != std::string::npos);
    CHECK(report.text().find("The best baseline is plain.") == std::string::npos);
    CHECK(report.text().find("The best baseline is other.") != std::string::npos);
  }
}

TEST_CASE("a search whose trainings all fail says why and has no final") {
  FunctionEvaluator evaluator([](const TrainRequest& r) -> double {
    throw Exception({ErrorKind::not_finite, "step " + std::to_string(1 + r.text[0] % 7) + ": the loss is not finite; no more"});
  });
  InProcessWorkers workers(evaluator);
  StudyRun run;
  run.genomes = 10;
  run.finals = FinalOptions{};
  const Report report = DigitStudy().on(workers).run(run);
  CHECK_FALSE(report.has_genome());
  CHECK_FALSE(report.winner().has_value());
  CHECK(report.json().at("failures") == nlohmann::json({{"the loss is not finite", 16}}));
  CHECK(report.text().find("failed: the loss is not finite (16)") != std::string::npos);
}

TEST_CASE("proposing in vain ends when the search is asked to stop, and goes on later") {
  struct Slow : Digits {
    mutable int asked = 0;
    std::string random(RandomStream& samples) const override {
      ++asked;
      return Digits::random(samples);
    }
  };
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers workers(evaluator);
  DigitStudy digits;
  digits.options.limits.step_time_factor = 0.5;
  const Slow space;
  const Study study{space, digits.evolution, digits.clock, digits.baselines, workers, digits.options};
  Store store = Store::in_memory();
  StudyRun run;
  run.stop = [&] { return space.asked >= 20 ? Stop::now : Stop::no; };
  CHECK_FALSE(study.run(store, run));
  CHECK(space.asked == 20);
  run.stop = [] { return Stop::no; };
  CHECK(study.run(store, run));
  CHECK(Report(store).json().at("refused") == Proposals::max_samples);
}

TEST_CASE("a final needs an evaluator that trains finalists and says so") {
  FunctionEvaluator evaluator([](const TrainRequest& r) { return loss_of(r.text); });
  InProcessWorkers workers(evaluator);
  StudyRun run;
  run.genomes = 10;
  run.finals = FinalOptions{};
  try {
    (void)DigitStudy().on(workers).run(run);
    FAIL("there was a final");
  } catch (const Exception& error) { CHECK(std::string(error.what()).find("override Evaluator::time") != std::string::npos); }
}

TEST_CASE("a study tells of its trials once they are in the store, and when the search ends") {
  FunctionEvaluator evaluator([](const TrainRequest& r) { return loss_of(r.text); });
  InProcessWorkers workers(evaluator, 2);
  const DigitStudy digits;
  Store store = Store::in_memory();
  StudyRun run;
  run.genomes = 20;
  int ended = 0, ends = 0;
  run.on_trial = [&](const Ledger& ledger, const Trial& t) {
    ++ended;
    CHECK(t.finished());
    CHECK(ledger.best().has_value());
    CHECK(store.is_trial_of(t.number, t.name, t.text, t.learning_rate, t.batch));
  };
  run.on_search_end = [&](const Ledger& ledger, bool is_complete) {
    ++ends;
    CHECK(is_complete);
    CHECK(ledger.genomes_ended() == 20);
    CHECK(ledger.baselines_ended() == 6);
  };
  CHECK(digits.on(workers).run(store, run));
  CHECK(ended == 26);
  CHECK(ends == 1);
}
