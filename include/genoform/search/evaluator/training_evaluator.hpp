#pragma once
#include <time.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/evaluator/training_setup.hpp"
#include "genoform/train.hpp"

namespace genoform::search {

/// Makes the model of a text with initial values of a seed; throws Exception.
using ModelMaker = std::function<std::unique_ptr<BasicModel<Cpu>>(const std::string& text, std::uint64_t seed)>;

/// Trains genomes on a text. Requests: {"do": "train", "text", "learning_rate", "seed", "steps" or "budget" (seconds) and
/// "step_limit", "hurdle"} for a trial, the same with "final" and "folder" for a finalist, {"do": "time", "texts", "rounds",
/// "steps"} for step times.
class TrainingEvaluator : public Evaluator {
 public:
  /// Throws Exception when the text cannot be read or is too short.
  TrainingEvaluator(TrainingSetup setup, ModelMaker make)
      : setup_(std::move(setup)), make_(std::move(make)), corpus_(Corpus::from_file(setup_.data).value()) {
    corpus_.check_context(static_cast<std::size_t>(setup_.context)).value();
  }

  nlohmann::json answer(const nlohmann::json& request) override {
    const std::string what = request.at("do");
    if (what == "train") return train(request);
    if (what == "time") return {{"seconds", step_seconds(request.at("texts"), request.at("rounds"), request.at("steps"))}};
    throw Exception({ErrorKind::usage, "a worker cannot \"" + what + "\""});
  }

 private:
  /// A model with its trainer. The order of the data depends on the seed alone, so all genomes of a study see the same.
  struct Run {
    std::unique_ptr<BasicModel<Cpu>> model;
    std::unique_ptr<Trainer<Cpu>> trainer;
  };

  Run start(const std::string& text, double learning_rate, std::uint64_t seed, std::int64_t steps, int windows) const {
    Run run{make_(text, seed), nullptr};
    run.trainer = std::make_unique<Trainer<Cpu>>(*run.model, TrainOptions{.steps = static_cast<int>(steps),
                                                                          .batch = setup_.batch,
                                                                          .learning_rate = static_cast<float>(learning_rate),
                                                                          .context = setup_.context,
                                                                          .seed = seed,
                                                                          .windows = windows});
    return run;
  }

  nlohmann::json train(const nlohmann::json& request) const {
    const std::string text = request.at("text");
    nlohmann::json answer = nlohmann::json::object();
    std::int64_t steps = request.value("steps", std::int64_t{0});
    if (steps == 0) {
      const double seconds = step_seconds({text}, 3, 4).front();
      steps = Budget{request.at("budget")}.steps(seconds);
      answer = {{"step_seconds", seconds}, {"steps", steps}};
      if (request.contains("step_limit") && seconds > request.at("step_limit").get<double>()) {
        answer["refused"] = "step time";
        return answer;
      }
    }
    const bool is_final = request.value("final", false);
    const Run run = start(text, request.at("learning_rate"), request.at("seed"), steps, is_final ? 0 : setup_.windows);
    for (std::int64_t s = 1; s <= steps; ++s) {
      const Step step = run.trainer->step(corpus_);
      if (step.was_validated()) answer["loss"] = step.validation;
      if (is_final || s != std::max<std::int64_t>(1, steps / 4)) continue;
      const double loss = run.trainer->validate(corpus_);
      answer["at_hurdle"] = loss;
      if (request.contains("hurdle") && loss > request.at("hurdle").get<double>()) return answer;
    }
    if (is_final) finish(request, *run.model, answer);
    return answer;
  }

  /// The losses of a finalist on the whole validation and test texts, and its model folder.
  void finish(const nlohmann::json& request, BasicModel<Cpu>& model, nlohmann::json& answer) const {
    Evaluation<Cpu> evaluation(model, setup_.context, setup_.final_windows);
    const double per_nat = 1 / std::numbers::ln2 / corpus_.bytes_per_token();
    answer["validation"] = static_cast<double>(evaluation.nats(corpus_.validation())) * per_nat;
    answer["test"] = static_cast<double>(evaluation.nats(corpus_.test())) * per_nat;
    if (request.contains("folder")) save(model, request.at("folder").get<std::string>()).value();
  }

  /// Seconds of this thread's processor time: a worker is one pinned thread, and what else the machine does must not count.
  static double processor_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  /// The median time of a training step of each text, measured in turns so that a slow moment of the machine meets all of them.
  std::vector<double> step_seconds(const std::vector<std::string>& texts, int rounds, int steps) const {
    std::vector<Run> runs;
    std::vector<std::vector<double>> seconds(texts.size());
    for (const std::string& text : texts) runs.push_back(start(text, 1e-3, 1, std::int64_t{rounds} * steps + 2, 0));
    for (const Run& run : runs)
      for (int warm_up = 0; warm_up < 2; ++warm_up) run.trainer->step(corpus_).value();
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < runs.size(); ++i)
        for (int s = 0; s < steps; ++s) {
          const double before = processor_seconds();
          runs[i].trainer->step(corpus_).value();
          seconds[i].push_back(processor_seconds() - before);
        }
    std::vector<double> medians;
    for (std::vector<double>& times : seconds) {
      std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
      medians.push_back(times[times.size() / 2]);
    }
    return medians;
  }

  TrainingSetup setup_;
  ModelMaker make_;
  Corpus corpus_;
};

}  // namespace genoform::search
