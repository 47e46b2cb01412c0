#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/result.hpp"
#include "genoform/data/batches.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/train/optimizer_choice.hpp"
#include "genoform/train/schedule.hpp"

namespace genoform::inner::train {

/// How a model is trained: `Trainer trainer(model, {.steps = 500, .batch = 16, .learning_rate = 3e-3f});`.
/// What a member does not allow is an Exception (usage) of the Trainer's constructor.
struct TrainOptions {
  int steps = 1000;  ///< steps of the optimizer in the whole run, at least 1; the schedule ends there
  int batch = 16;    ///< sequences of a micro-batch, at least 1; a micro-batch is also the pool that routers choose from
  float learning_rate = 3e-3f;  ///< the largest learning rate, above 0; `schedule` says how it changes over the run
  int context = 0;              ///< positions of a sequence, at most the model's Context; 0: the model's
  int accumulate = 1;           ///< micro-batches of a step, at least 1; the gradient is that of all of them as one batch
  std::uint64_t seed = 1;       ///< of the order of the data, and of the noise of routers; the model has its own
  Schedule schedule{};          ///< of the learning rate: warm-up for a twentieth of the run, then a cosine down to a tenth
  OptimizerChoice optimizer{};  ///< AdamW or Adafactor with settings; AdamW with its defaults
  int validate_every = 0;       ///< steps between validations, at least 0; there is always one after the last step
  int windows = 512;            ///< validation windows of `context` positions, 0 to max_windows; 0: never validate
  std::string log{};            ///< folder, which must exist, for log.jsonl and log.csv; empty: none
  /// Patterns of tensor names that stay as they are, as in {"embedding.*", "blocks.0.*"}; none: what model.freeze() was told.
  std::vector<std::string> frozen{};
  bool recompute = false;  ///< less memory for more time, see Engine::set_recompute; when off, the model's own setting holds
  /// Asked often from the thread that trains, between two operations where the back end computes on the host: whether to leave
  /// the step or validation that runs. A step that is left is an Error (interrupted) that has changed nothing; empty: never.
  std::function<bool()> interrupted{};
  RouterTraining routers{};  ///< z-loss and jitter of routers (its seed is `seed`); where off, the model's own hold
};

namespace train_options {

/// The options with the context filled in, for a model of Context<model_context>. Throws Exception (usage) when one makes no
/// sense.
inline TrainOptions checked(TrainOptions o, int model_context) {
  const auto refuse = [](const std::string& what) { throw Exception({ErrorKind::usage, what}); };
  if (o.context == 0) o.context = model_context;
  if (o.steps < 1 || o.batch < 1 || o.accumulate < 1) refuse("steps, batch and accumulate must be at least 1");
  if (o.context < 1 || o.context > model_context)
    refuse("a context of " + std::to_string(o.context) + " positions; the model has Context<" + std::to_string(model_context) +
           ">");
  if (!(o.learning_rate > 0) || !math::is_finite(o.learning_rate)) refuse("the learning rate must be above 0");
  if (!(o.schedule.floor >= 0 && o.schedule.floor <= 1)) refuse("the floor of the schedule must be from 0 to 1");
  if (!(o.routers.z_loss >= 0) || !math::is_finite(o.routers.z_loss)) refuse("the z-loss of routers must be at least 0");
  if (!(o.routers.jitter >= 0 && o.routers.jitter < 1)) refuse("the jitter of routers must be at least 0 and below 1");
  if (o.windows < 0 || o.windows > max_windows)
    refuse(std::to_string(o.windows) + " validation windows; allowed are 0 to " + std::to_string(max_windows));
  if (o.validate_every < 0) refuse("validate_every must be at least 0");
  return o;
}

}  // namespace train_options

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::TrainOptions;
}  // namespace genoform
