#pragma once
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/core/median.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/evaluator/curve.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/evaluator/operation_timer.hpp"
#include "genoform/search/evaluator/training_setup.hpp"
#include "genoform/train.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Makes the model of a text with initial values of a seed; throws Exception.
template <class Backend>
using ModelMaker = std::function<std::unique_ptr<BasicModel<Backend>>(const std::string& text, std::uint64_t seed)>;

/// Seconds of this thread's processor time: a worker is one pinned thread, and what else the machine does must not count.
inline double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// Trains genomes on a text.
template <class Backend = Cpu>
class TrainingEvaluator : public Evaluator {
 public:
  /// `seconds` is the clock of step times; a back end that works on other threads or devices needs one of its own. Throws
  /// Exception when the text cannot be read or is too short.
  TrainingEvaluator(TrainingSetup setup, ModelMaker<Backend> make, std::function<double()> seconds = thread_seconds)
      : setup_(std::move(setup)),
        make_(std::move(make)),
        seconds_(std::move(seconds)),
        corpus_(Corpus::from_file(setup_.data).value()) {
    corpus_.check_context(static_cast<std::size_t>(setup_.context)).value();
  }

  TrainReply train(const TrainRequest& request) override {
    TrainReply reply;
    std::int64_t steps = request.steps;
    if (steps == 0) {
      reply.step_seconds =
          measured({.texts = {request.text}, .batches = {request.batch}, .rounds = 3, .steps = 4}).seconds.front();
      reply.steps = steps = Budget{request.budget}.steps(*reply.step_seconds);
      if (request.max_step_seconds && *reply.step_seconds > *request.max_step_seconds) {
        reply.refusal = "step time";
        return reply;
      }
    }
    const Run run = start(request.text, request.learning_rate, request.batch, request.seed, steps);
    Evaluation<Backend> evaluation(*run.model, setup_.context, setup_.windows);
    const auto score = [&] { return bits(evaluation.nats(corpus_.validation(), setup_.first_position())); };
    for (std::int64_t s = 1; s <= steps; ++s) {
      run.trainer->step(corpus_).value();
      if (!passes_hurdles(request, s, steps, score, reply)) return reply;
    }
    reply.loss = score();
    return reply;
  }

  FinalReply train_final(const FinalRequest& request) override {
    const Run run = start(request.text, request.learning_rate, request.batch, request.seed, request.steps);
    const std::vector<std::int64_t> points = curve_steps(request.steps, request.points);
    Evaluation<Backend> on_the_way(*run.model, setup_.context, setup_.windows);
    FinalReply reply;
    for (std::int64_t s = 1; s <= request.steps; ++s) {
      run.trainer->step(corpus_).value();
      if (std::binary_search(points.begin(), points.end(), s))
        reply.curve.push_back({s, bits(on_the_way.nats(corpus_.validation(), setup_.first_position()))});
    }
    Evaluation<Backend> evaluation(*run.model, setup_.context, setup_.final_windows);
    reply.validation = bits(evaluation.nats(corpus_.validation(), setup_.first_position()));
    reply.test = bits(evaluation.nats(corpus_.test(), setup_.first_position()));
    if (setup_.first_position() > 0) reply.test_whole = bits(evaluation.nats(corpus_.test()));
    if (!request.folder.empty()) save(*run.model, request.folder).value();
    return reply;
  }

  TimeReply time(const TimeRequest& request) override {
    if (request.batches.size() != request.texts.size())
      throw Exception({ErrorKind::input, std::to_string(request.batches.size()) + " batches for " +
                                             std::to_string(request.texts.size()) + " models to time"});
    return measured(request);
  }

 private:
  /// A model with its trainer. The order of the data depends on the seed alone, so all genomes of a study see the same.
  struct Run {
    std::unique_ptr<BasicModel<Backend>> model;
    std::unique_ptr<Trainer<Backend>> trainer;
  };

  /// Measures at the hurdles that lie after this step; false when one of them stops the training.
  template <class Score>
  static bool passes_hurdles(const TrainRequest& request, std::int64_t step, std::int64_t steps, const Score& score,
                             TrainReply& reply) {
    const auto is_due = [&](std::size_t i) { return i < request.hurdles.size() && request.hurdles[i].step_of(steps) == step; };
    if (!is_due(reply.at_hurdles.size())) return true;
    const double loss = score();
    while (is_due(reply.at_hurdles.size())) {
      const std::optional<double> max_loss = request.hurdles[reply.at_hurdles.size()].max_loss;
      reply.at_hurdles.push_back(loss);
      if (max_loss && loss > *max_loss) return false;
    }
    return true;
  }

  double bits(const Result<double>& nats) const { return nats.value() / std::numbers::ln2 / corpus_.bytes_per_token(); }

  Run start(const std::string& text, double learning_rate, int batch, std::uint64_t seed, std::int64_t steps,
            extend::Observer* observer = nullptr) const {
    Run run{make_(text, seed), nullptr};
    if (observer != nullptr) run.model->observe(observer);
    TrainOptions options;
    options.steps = static_cast<int>(steps);
    options.batch = batch > 0 ? batch : setup_.batch;
    options.learning_rate = static_cast<float>(learning_rate);
    options.context = setup_.context;
    options.seed = seed;
    options.optimizer = setup_.optimizer.choice;
    options.windows = 0;
    run.trainer = std::make_unique<Trainer<Backend>>(*run.model, std::move(options));
    return run;
  }

  /// A model whose steps are timed.
  struct TimedRun {
    OperationTimer operations{};  ///< outlives the model that it observes
    Run run{};
    std::vector<double> seconds{};    ///< of each step that counts
    std::vector<double> of_rounds{};  ///< their median in each round
  };

  /// The time of a training step of each text. The texts take turns, and what counts is the median over the rounds of the ratio
  /// to the first text, so that a slow moment of the machine changes no ratio. The first step of a turn does not count: it finds
  /// the caches full of what the others left there, as no step of a training does.
  TimeReply measured(const TimeRequest& request) const {
    std::vector<TimedRun> runs(request.texts.size());
    for (std::size_t i = 0; i < runs.size(); ++i)
      runs[i].run = start(request.texts[i], 1e-3, request.batches[i], 1, 1 + std::int64_t{request.rounds} * (1 + request.steps),
                          request.by_operation ? &runs[i].operations : nullptr);
    for (TimedRun& timed : runs) timed.run.trainer->step(corpus_).value();  // touches its memory
    for (int round = 0; round < request.rounds; ++round)
      for (TimedRun& timed : runs) take_turn(timed, request.steps);
    TimeReply reply;
    for (const TimedRun& timed : runs) {
      std::vector<double> ratios;
      for (std::size_t r = 0; r < timed.of_rounds.size(); ++r) ratios.push_back(timed.of_rounds[r] / runs.front().of_rounds[r]);
      reply.seconds.push_back(median(runs.front().of_rounds) * median(std::move(ratios)));
      if (request.by_operation) reply.operations.push_back(timed.operations.times(median(timed.seconds), reply.seconds.back()));
    }
    return reply;
  }
  void take_turn(TimedRun& timed, int steps) const {
    timed.run.trainer->step(corpus_).value();
    timed.operations.forget_step();
    for (int s = 0; s < steps; ++s) {
      const double before = seconds_();
      timed.run.trainer->step(corpus_).value();
      timed.seconds.push_back(seconds_() - before);
      timed.operations.end_step();
    }
    timed.of_rounds.push_back(median({timed.seconds.end() - steps, timed.seconds.end()}));
  }

  TrainingSetup setup_;
  ModelMaker<Backend> make_;
  std::function<double()> seconds_;
  Corpus corpus_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
