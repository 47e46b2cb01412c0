#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/search/table/small_space.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/evaluator/table_evaluator.hpp"
#include "genoform/search/study.hpp"

/// Studies whose trainings are looked up in a table, so that thousands of them take seconds and the truth is known.
namespace method {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

/// A world in which all genomes are equally good and only the seeds differ, by the noise of a table.
class EqualGenomes : public Evaluator {
 public:
  explicit EqualGenomes(const ResultTable& table) : noise_(table) {}
  TrainReply train(const TrainRequest& request) override {
    TrainReply reply;
    reply.loss = mean + noise_.of(request.text, request.seed).validation;
    return reply;
  }
  FinalReply train_final(const FinalRequest& request) override {
    const SeedNoise::Losses noise = noise_.of(request.text, request.seed);
    return {.validation = mean + noise.validation, .test = mean + noise.test, .test_whole = {}};
  }
  TimeReply time(const TimeRequest& request) override { return {.seconds = std::vector(request.texts.size(), 1e-3)}; }

 private:
  static constexpr double mean = 3;
  SeedNoise noise_;
};

/// What a simulated study is made of.
struct Setting {
  const Strategy* strategy = nullptr;
  int trials = 60;  ///< of each arm
  HurdleOptions hurdles{.rule = HurdleRule::none};
  bool has_control = false;  ///< an arm that is confined to plain attention and FFN, and a final
  int finalists = 3;
};

/// What is known of a genome of the table.
struct Truth {
  std::size_t rank = 0;  ///< 1: the best of all by the mean of its validation losses
  double validation = 0, test = 0;
};

class Simulator {
 public:
  explicit Simulator(const ResultTable& table)
      : table_(table), sizes_(table), space_(small_space::options()), control_(small_space::plain_options()) {
    std::vector<std::pair<double, std::string>> order;
    for (const auto& [text, rows] : table.genomes()) {
      const TableRow::Point mean = table.mean(text, rows.front().points.back().steps);
      truths_[text] = {.rank = 0, .validation = mean.validation, .test = mean.test};
      order.emplace_back(mean.validation, text);
    }
    std::sort(order.begin(), order.end());
    for (std::size_t i = 0; i < order.size(); ++i) truths_[order[i].second].rank = i + 1;
  }

  std::size_t genomes() const { return truths_.size(); }
  const Truth& truth(const std::string& text) const { return truths_.at(text); }
  const BlockSpace& space() const { return space_; }

  /// What a study without a final found.
  struct Found {
    Truth named;  ///< of the genome with the lowest loss
    std::vector<Trial> trials;
  };
  Found search(const Setting& setting, std::uint64_t number) const {
    TableEvaluator evaluator(table_);
    Found found{.named = {}, .trials = run(setting, number, evaluator).trials()};
    found.named = truth(ranked(found.trials, [](const Trial&) { return true; }).front()->text);
    return found;
  }

  /// What a study with a control arm and a final claims, and the truth of that.
  struct Claimed {
    Claim::Outcome outcome = Claim::Outcome::none;
    double mean = 0, low = 0, high = 0, truth = 0;  ///< control - found, test losses
  };
  Claimed claim(const Setting& setting, std::uint64_t number, bool are_equal) const {
    TableEvaluator evaluator(table_);
    EqualGenomes equal(table_);
    const Report report = run(setting, number, are_equal ? static_cast<Evaluator&>(equal) : evaluator);
    const Claim c = report.claim();
    if (c.outcome == Claim::Outcome::none) return {};
    const double difference = truth(c.control->finalist.text).test - truth(c.found->finalist.text).test;
    return {c.outcome, c.difference.mean, c.difference.low, c.difference.high, are_equal ? 0 : difference};
  }

 private:
  /// Runs a study; numbers are apart so far that the seeds of their finals differ.
  Report run(const Setting& setting, std::uint64_t number, Evaluator& evaluator) const {
    StudyOptions options;
    options.seed = 1 + 10000 * number;
    options.budget = table_.setup().budget;
    options.limits.step_time_factor = 0;
    options.learning_rate = table_.setup().learning_rate;
    options.baseline_learning_rates = {options.learning_rate};
    options.hurdles = setting.hurdles;
    InProcessWorkers workers(evaluator);
    Study study{space_, *setting.strategy, sizes_, {{"Transformer", small_space::transformer, true}}, workers, options};
    StudyRun run;
    run.genomes = setting.trials;
    if (setting.has_control) {
      study.controls = {{"plain layers", &control_, setting.strategy}};
      run.genomes *= 2;
      run.finals = FinalOptions{.genomes = setting.finalists, .seeds = 5, .rounds = 1};
    }
    return study.run(run);
  }

  const ResultTable& table_;
  TableSizes sizes_;
  BlockSpace space_, control_;
  std::map<std::string, Truth> truths_;
};

/// The mean of some values with its interval of 95 %.
inline statistics::Difference mean_of(const std::vector<double>& values) {
  return statistics::difference(values, std::vector<double>(values.size(), 0));
}

}  // namespace method
