#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/models/scale.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/edits.hpp"
#include "genoform/search/study/follow_ups.hpp"
#include "genoform/search/study/measured_times.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

struct ConfirmOptions {
  std::vector<double> budgets{1, 4, 16};  ///< times the study's
  std::vector<int> sizes{0, 1};           ///< steps up; 0: as found
  int seeds = 3;                          ///< fresh ones, the same for all models
  int controls = 2;                       ///< the best of them
  double sweep = 0.25;                    ///< of a budget, for the runs that choose a learning rate
  int points = 12;                        ///< of each curve
  int rounds = 12;                        ///< of timing in turns

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("budgets", self.budgets);
    visit("sizes", self.sizes);
    visit("seeds", self.seeds);
    visit("controls", self.controls);
    visit("sweep", self.sweep);
    visit("points", self.points);
    visit("rounds", self.rounds);
  }
};

/// One model of a confirmation, at each size.
struct ConfirmModel {
  std::string name;
  double learning_rate = 0;        ///< the study's, the middle of the sweeps
  int batch = 0;                   ///< sequences of a training step; 0: the evaluator's own number
  std::vector<std::string> texts;  ///< one a size of the options

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("learning_rate", self.learning_rate);
    visit("batch", self.batch);
    visit("texts", self.texts);
  }
};

/// What a confirmation trains: the winner and controls, for several times the study's budget and at several sizes.
struct ConfirmPlan {
  ConfirmOptions options;
  double budget = 0;  ///< seconds: the study's
  std::uint64_t first_seed = 0;
  std::vector<ConfirmModel> models;  ///< the winner first

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("options", self.options);
    visit("budget", self.budget);
    visit("first_seed", self.first_seed);
    visit("models", self.models);
  }
  static ConfirmPlan of(const nlohmann::json& j) { return from_json<ConfirmPlan>(j, "the plan of the confirmation"); }
};

inline constexpr const char* confirm_part = "confirmation";  ///< of the follow-ups of a store
inline constexpr double sweep_factors[] = {0.5, 1, 2};       ///< of the study's learning rate

/// How a model grows by so many steps. Each doubles Width and the widths of hidden layers and heads, as Brainformer does from
/// 100M to 1B and on to 8B; from the second step on the number of blocks doubles too. Heads and experts keep their number.
inline models::Scale steps_up(int steps) {
  const std::int64_t widths = std::int64_t{1} << steps, blocks = steps < 2 ? 1 : std::int64_t{1} << (steps - 1);
  return {.stacks = {blocks}, .width = {widths}, .heads = {1}, .head_dim = {widths}, .experts = 0};
}

/// A model at each size. Throws Exception (input) where one cannot grow. Kinds of your own are read by `kinds` and cannot grow.
GENOFORM_SEARCH_INLINE ConfirmModel grown_model(const std::string& name, const Candidate& candidate,
                                                const std::vector<int>& sizes, const KindNames& kinds);

/// The plan that the store has.
inline std::optional<ConfirmPlan> confirmation_of(const Store& store) { return store.note(confirm_part, ConfirmPlan::of); }

/// The runs of a plan in their order, without step times: sweeps, then the trainings, small budgets first.
GENOFORM_SEARCH_INLINE std::vector<FollowUpRun> runs_of(const ConfirmPlan& plan);

/// Times the models of a plan in turns, and puts the plan with its runs into the store in place of an earlier one; false when it
/// was stopped before.
GENOFORM_SEARCH_INLINE bool begin_confirmation(Store& store, Workers& workers, const ConfirmPlan& plan, const StopRequest& stop);

/// Trains what the confirmation in the store has not finished: sweeps, then the models at the best rates; false when it was
/// stopped before the end. It may be killed at any moment and go on later.
GENOFORM_SEARCH_INLINE bool continue_confirmation(Store& store, Workers& workers, const StopRequest& stop,
                                                  const OnFollowUp& on_run);

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE ConfirmModel grown_model(const std::string& name, const Candidate& candidate,
                                                const std::vector<int>& sizes, const KindNames& kinds) {
  ConfirmModel model{.name = name, .learning_rate = candidate.learning_rate, .batch = candidate.batch, .texts = {}};
  const Genome genome = Genome::parse(candidate.text, kinds).value();
  for (const int steps : sizes) {
    if (steps == 0) {
      model.texts.push_back(candidate.text);
      continue;
    }
    const Result<Genome> grown = models::scaled(genome, steps_up(steps));
    if (!grown)
      throw Exception({ErrorKind::input, name + " does not grow by " + std::to_string(steps) +
                                             " steps: " + grown.error().message + "; take fewer --sizes"});
    model.texts.push_back(grown->text());
  }
  return model;
}

namespace confirm {

inline FollowUpRun run_of(const ConfirmPlan& plan, std::size_t model, std::size_t size, double budget) {
  FollowUpRun run;
  run.model = static_cast<int>(model);
  run.size = plan.options.sizes[size];
  run.name = plan.models[model].name;
  run.text = plan.models[model].texts[size];
  run.batch = plan.models[model].batch;
  run.budget = budget;
  return run;
}

/// Calls visit(model, index of the size, budget) for all of them, small budgets first.
template <class Visit>
void each_setting(const ConfirmPlan& plan, Visit visit) {
  for (const double factor : plan.options.budgets)
    for (std::size_t size = 0; size < plan.options.sizes.size(); ++size)
      for (std::size_t model = 0; model < plan.models.size(); ++model) visit(model, size, factor * plan.budget);
}

/// Sets step times and steps, which are measured for each size with its models in turns; false when it was stopped.
inline bool measure(const ConfirmPlan& plan, std::vector<FollowUpRun>& runs, Workers& workers, const StopRequest& stop) {
  for (std::size_t size = 0; size < plan.options.sizes.size(); ++size) {
    std::vector<Candidate> models;
    for (const ConfirmModel& model : plan.models) models.push_back({model.texts[size], model.learning_rate, model.batch});
    const auto seconds = measured_step_seconds(workers, models, plan.options.rounds, stop);
    if (!seconds) return false;
    for (FollowUpRun& run : runs) {
      if (run.size != plan.options.sizes[size]) continue;
      run.step_seconds = (*seconds)[static_cast<std::size_t>(run.model)];
      run.steps = Budget{run.budget}.steps(run.step_seconds);
    }
  }
  return true;
}

/// The learning rate whose sweep for a training ended best; where none has a loss, the study's.
inline double chosen_rate(const ConfirmPlan& plan, const std::vector<FollowUpRun>& runs, const FollowUpRun& training) {
  double rate = plan.models[static_cast<std::size_t>(training.model)].learning_rate;
  double best = std::numeric_limits<double>::infinity();
  for (const FollowUpRun& sweep : runs) {
    const bool belongs = sweep.is_sweep && sweep.model == training.model && sweep.size == training.size &&
                         sweep.budget == plan.options.sweep * training.budget;
    if (!belongs || !sweep.validation || *sweep.validation >= best) continue;
    best = *sweep.validation;
    rate = sweep.learning_rate;
  }
  return rate;
}

}  // namespace confirm

GENOFORM_SEARCH_INLINE std::vector<FollowUpRun> runs_of(const ConfirmPlan& plan) {
  std::vector<FollowUpRun> runs;
  confirm::each_setting(plan, [&](std::size_t model, std::size_t size, double budget) {
    for (const double factor : sweep_factors) {
      FollowUpRun run = confirm::run_of(plan, model, size, plan.options.sweep * budget);
      run.is_sweep = true;
      run.learning_rate = factor * plan.models[model].learning_rate;
      run.seed = plan.first_seed;
      runs.push_back(std::move(run));
    }
  });
  for (const double factor : plan.options.budgets)
    for (std::size_t size = 0; size < plan.options.sizes.size(); ++size)
      for (int s = 0; s < plan.options.seeds; ++s)
        for (std::size_t model = 0; model < plan.models.size(); ++model) {
          FollowUpRun run = confirm::run_of(plan, model, size, factor * plan.budget);
          run.seed = plan.first_seed + 1 + static_cast<std::uint64_t>(s);
          run.points = plan.options.points;
          runs.push_back(std::move(run));
        }
  for (std::size_t i = 0; i < runs.size(); ++i) runs[i].number = static_cast<int>(i) + 1;
  return runs;
}

GENOFORM_SEARCH_INLINE bool begin_confirmation(Store& store, Workers& workers, const ConfirmPlan& plan, const StopRequest& stop) {
  std::vector<FollowUpRun> runs = runs_of(plan);
  if (!confirm::measure(plan, runs, workers, stop)) return false;
  const auto batch = store.batch();
  store.replace_follow_ups(confirm_part, runs);
  store.set_note(confirm_part, json_of(plan).dump());
  batch->commit();
  return true;
}

GENOFORM_SEARCH_INLINE bool continue_confirmation(Store& store, Workers& workers, const StopRequest& stop,
                                                  const OnFollowUp& on_run) {
  const std::optional<ConfirmPlan> plan = confirmation_of(store);
  FollowUps follow_ups(store, workers, confirm_part);
  if (!follow_ups.train(true, stop, on_run)) return false;
  follow_ups.change([&](FollowUpRun& run) { run.learning_rate = confirm::chosen_rate(*plan, follow_ups.runs(), run); });
  return follow_ups.train(false, stop, on_run);
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
