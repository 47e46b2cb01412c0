#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/search/evaluator/curve.hpp"

/// What a search asks of an evaluator and what it answers. Each struct lists its fields once, for JSON.
namespace genoform::search {

/// What training a genome for a trial came to.
struct TrainReply {
  std::optional<double> loss;          ///< bits per byte on the validation text at the end; none: it was stopped at a hurdle
  std::vector<double> at_hurdles{};    ///< the same at each hurdle of the request that was reached
  std::optional<double> step_seconds;  ///< of a training step, where the worker measured it
  std::int64_t steps = 0;              ///< that it took from the measured time; 0: those of the request
  std::string refusal;                 ///< why the genome was not trained; empty when it was

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("loss", self.loss);
    visit("at_hurdles", self.at_hurdles);
    visit("step_seconds", self.step_seconds);
    visit("steps", self.steps);
    visit("refusal", self.refusal);
  }
  /// What is wrong with it; empty when nothing is.
  std::string problem() const {
    if (!loss && at_hurdles.empty() && refusal.empty()) return "it has neither a loss nor a refusal";
    bool are_finite = !loss || math::is_finite(*loss);
    for (const double at_hurdle : at_hurdles) are_finite = are_finite && math::is_finite(at_hurdle);
    return are_finite ? "" : "its loss is not finite";
  }
};

/// After which step of a trial its loss is measured, and above which loss the training stops there.
struct HurdleRequest {
  double at = 0;                   ///< of the steps, above 0 to 1
  std::optional<double> max_loss;  ///< none: it is measured only

  /// The step, from 1, of a training of so many.
  std::int64_t step_of(std::int64_t steps) const {
    const auto step = static_cast<std::int64_t>(at * static_cast<double>(steps));
    return step < 1 ? 1 : step;
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("at", self.at);
    visit("max_loss", self.max_loss);
  }
};

/// Train a genome for a trial.
struct TrainRequest {
  using Reply = TrainReply;
  static constexpr std::string_view name = "train";

  std::string text;  ///< canonical
  double learning_rate = 0;
  int batch = 0;  ///< sequences of a training step; 0: the evaluator's own number
  std::uint64_t seed = 0;
  std::int64_t steps = 0;                  ///< 0: the worker measures the step time and trains for `budget`
  double budget = 0;                       ///< seconds of training, for steps == 0
  std::optional<double> max_step_seconds;  ///< for steps == 0: a genome whose step takes longer is refused
  std::vector<HurdleRequest> hurdles{};    ///< in the order of their steps

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
    visit("learning_rate", self.learning_rate);
    visit("batch", self.batch);
    visit("seed", self.seed);
    visit("steps", self.steps);
    visit("budget", self.budget);
    visit("max_step_seconds", self.max_step_seconds);
    visit("hurdles", self.hurdles);
  }
};

/// Scores of a finalist, bits per byte over the whole texts.
struct FinalReply {
  double validation = 0, test = 0;
  std::optional<double> test_whole;  ///< where scores count a part of each window: of all its positions
  std::vector<CurvePoint> curve{};   ///< as many points as were asked for, fewer in a run of fewer steps; on a trial's windows

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("validation", self.validation);
    visit("test", self.test);
    visit("test_whole", self.test_whole);
    visit("curve", self.curve);
  }
  std::string problem() const {
    bool are_finite = math::is_finite(validation) && math::is_finite(test) && math::is_finite(test_whole.value_or(0));
    for (const CurvePoint& point : curve) are_finite = are_finite && math::is_finite(point.loss);
    return are_finite ? "" : "a loss of the finalist is not finite";
  }
};

/// Train a finalist; only this request sees the test text.
struct FinalRequest {
  using Reply = FinalReply;
  static constexpr std::string_view name = "final";

  std::string text;
  double learning_rate = 0;
  int batch = 0;  ///< sequences of a training step; 0: the evaluator's own number
  std::uint64_t seed = 0;
  std::int64_t steps = 0;
  std::string folder;  ///< where the model is left; empty: nowhere
  int points = 0;      ///< of the loss curve, at curve_steps(); 0: no curve

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
    visit("learning_rate", self.learning_rate);
    visit("batch", self.batch);
    visit("seed", self.seed);
    visit("steps", self.steps);
    visit("folder", self.folder);
    visit("points", self.points);
  }
};

/// So much work of one kind, as cost features count it.
struct WorkAmount {
  std::string name;
  double amount = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("amount", self.amount);
  }
};

/// Operations of equal work in a training step: all their work, and the seconds that they take together.
struct OperationTime {
  std::vector<WorkAmount> work;
  double seconds = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("work", self.work);
    visit("seconds", self.seconds);
  }
};

/// Seconds of a training step of each text.
struct TimeReply {
  std::vector<double> seconds;
  std::vector<std::vector<OperationTime>> operations{};  ///< of each text, where they were asked for and can be timed; else empty

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("seconds", self.seconds);
    visit("operations", self.operations);
  }
  std::string problem() const {
    for (const double s : seconds)
      if (!(s > 0) || !math::is_finite(s)) return "a step time is not above 0";
    for (const std::vector<OperationTime>& of_text : operations)
      for (const OperationTime& operation : of_text)
        if (!(operation.seconds >= 0) || !math::is_finite(operation.seconds)) return "the time of an operation is below 0";
    return "";
  }
};

/// Measure the step times of some genomes in turns, `steps` training steps of each in each of `rounds`.
struct TimeRequest {
  using Reply = TimeReply;
  static constexpr std::string_view name = "time";

  std::vector<std::string> texts;
  std::vector<int> batches{};  ///< of each text; 0: the evaluator's own number
  int rounds = 1, steps = 1;
  bool by_operation = false;  ///< the operations of a step are wanted too; an evaluator may leave them out

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("texts", self.texts);
    visit("batches", self.batches);
    visit("rounds", self.rounds);
    visit("steps", self.steps);
    visit("by_operation", self.by_operation);
  }
};

using Request = std::variant<TrainRequest, FinalRequest, TimeRequest>;
using Answer = std::variant<TrainReply, FinalReply, TimeReply>;  ///< in the order of the requests

}  // namespace genoform::search
