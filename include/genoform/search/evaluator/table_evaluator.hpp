#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/evaluator/result_table.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// By how much single trainings differ from the mean of their genome, as the seeds of a table show at the end of its trainings:
/// what is common to all genomes of a seed, which see the same data, and what is left.
class SeedNoise {
 public:
  struct Losses {
    double validation = 0, test = 0;  ///< bits per byte
  };

  explicit SeedNoise(const ResultTable& table) {
    const auto seeds = static_cast<std::size_t>(table.setup().seeds);
    const auto genomes = static_cast<double>(table.genomes().size());
    if (seeds < 2) throw Exception({ErrorKind::input, "a table of one seed shows no noise"});
    std::vector<Losses> of_seed(seeds);
    for (const auto& [text, rows] : table.genomes()) {
      const TableRow::Point mean = table.mean(text, rows.front().points.back().steps);
      for (std::size_t s = 0; s < seeds; ++s) {
        const TableRow::Point& end = rows[s].points.back();
        left_.push_back({end.validation - mean.validation, end.test - mean.test});
        of_seed[s].validation += left_.back().validation / genomes;
        of_seed[s].test += left_.back().test / genomes;
      }
    }
    // Two means were taken away: what is left is too small by this factor.
    const double grow = std::sqrt(static_cast<double>(seeds) / static_cast<double>(seeds - 1));
    for (std::size_t i = 0; i < left_.size(); ++i) {
      left_[i].validation = grow * (left_[i].validation - of_seed[i % seeds].validation);
      left_[i].test = grow * (left_[i].test - of_seed[i % seeds].test);
    }
    for (const Losses& s : of_seed) common_.push_back({grow * s.validation, grow * s.test});
  }

  /// What a training with a fresh seed adds to the mean of its genome: a pure function of both. Samples are taken from what the
  /// seeds of all genomes left, so their distribution need not be normal.
  Losses of(const std::string& text, std::uint64_t seed) const {
    const Losses& common = common_[Random(seed, stream_of("noise.seed")).below(0, common_.size())];
    const Losses& own = left_[Random(seed, stream_of("noise.genome") ^ stream_of(text)).below(0, left_.size())];
    return {common.validation + own.validation, common.test + own.test};
  }
  /// The standard deviation of one seed's validation loss around the mean of its genome, without what all genomes share.
  double deviation() const {
    double sum = 0;
    for (const Losses& own : left_) sum += own.validation * own.validation;
    return std::sqrt(sum / static_cast<double>(left_.size()));
  }

 private:
  std::vector<Losses> common_, left_;
};

/// Answers from a table in place of training. Trials take the losses of a seed of the table; finals, whose seeds are fresh, take
/// the mean of the genome with noise. A genome, number of steps or learning rate that the table lacks is an Exception (input).
class TableEvaluator : public Evaluator {
 public:
  /// The table must live as long.
  explicit TableEvaluator(const ResultTable& table) : table_(table), noise_(table) {}

  TrainReply train(const TrainRequest& request) override {
    check(request.learning_rate);
    const std::vector<TableRow>& rows = table_.of(request.text);
    const TableRow& row = rows[request.seed % rows.size()];
    TrainReply reply;
    for (const HurdleRequest& hurdle : request.hurdles) {
      const double loss = row.at(hurdle.step_of(request.steps)).validation;
      reply.at_hurdles.push_back(loss);
      if (hurdle.max_loss && loss > *hurdle.max_loss) return reply;
    }
    reply.loss = row.at(request.steps).validation;
    return reply;
  }
  FinalReply train_final(const FinalRequest& request) override {
    check(request.learning_rate);
    const TableRow::Point mean = table_.mean(request.text, request.steps);
    const SeedNoise::Losses noise = noise_.of(request.text, request.seed);
    return {.validation = mean.validation + noise.validation, .test = mean.test + noise.test, .test_whole = {}};
  }
  TimeReply time(const TimeRequest& request) override {
    TimeReply reply;
    for (const std::string& text : request.texts) reply.seconds.push_back(table_.of(text).front().step_seconds);
    return reply;
  }

  const SeedNoise& noise() const { return noise_; }

 private:
  void check(double learning_rate) const {
    if (learning_rate != table_.setup().learning_rate)
      throw Exception({ErrorKind::input, "the table was made with the learning rate " +
                                             general_text(table_.setup().learning_rate) + ", not " +
                                             general_text(learning_rate)});
  }

  const ResultTable& table_;
  SeedNoise noise_;
};

/// Step times and sizes as a table has them.
class TableSizes : public Estimator {
 public:
  /// The table must live as long.
  explicit TableSizes(const ResultTable& table) : table_(table) {}
  std::string name() const override { return "results"; }
  Estimate estimate(const std::string& text, int) const override {
    const TableRow& row = table_.of(text).front();
    return {.step_seconds = row.step_seconds,
            .parameters = row.parameters,
            .activated_parameters = row.activated_parameters,
            .bytes = row.bytes};
  }

 private:
  const ResultTable& table_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
