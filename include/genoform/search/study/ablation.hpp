#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/edits.hpp"
#include "genoform/search/study/follow_ups.hpp"
#include "genoform/search/study/measured_times.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

struct AblationOptions {
  int seeds = 3;      ///< fresh ones, the same for all models
  double budget = 0;  ///< seconds of training at measured step time
  int rounds = 12;    ///< of timing in turns

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("seeds", self.seeds);
    visit("budget", self.budget);
    visit("rounds", self.rounds);
  }
};

/// One part of the difference between winner and control, tried at one of them.
struct AblationVariant {
  std::string part;          ///< the name of the edit from control to winner
  bool is_of_winner = true;  ///< the winner without the part; else the control with it
  int model = -1;            ///< index of the model to train; -1: the part is not possible alone
  std::string problem{};     ///< why it is not

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("part", self.part);
    visit("is_of_winner", self.is_of_winner);
    visit("model", self.model);
    visit("problem", self.problem);
  }
};

/// Which models an ablation trains: insertion into the control and removal from the winner, as in figure 26 of the Primer paper.
struct AblationPlan {
  AblationOptions options;
  std::string winner, control;    ///< their names
  std::uint64_t first_seed = 0;   ///< of the trainings
  std::vector<Candidate> models;  ///< the winner, the control, and the others, each once
  std::vector<AblationVariant> variants;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("options", self.options);
    visit("winner", self.winner);
    visit("control", self.control);
    visit("first_seed", self.first_seed);
    visit("models", self.models);
    visit("variants", self.variants);
  }
  static AblationPlan of(const nlohmann::json& j) { return from_json<AblationPlan>(j, "the plan of the ablation"); }

  int runs() const { return options.seeds * static_cast<int>(models.size()); }
  /// The name of a model: "trial 57", "trial 57 without sub-layer 2, Ffn: activation ReLU -> SqReLU".
  std::string name_of(int model) const;
};

inline constexpr const char* ablation_part = "ablation";  ///< of the follow-ups of a store

/// The plan for a winner and a control, which must be genomes of the space; throws Exception.
GENOFORM_SEARCH_INLINE AblationPlan plan_ablation(const BlockSpace& space, const Candidate& winner, const Candidate& control);

/// The plan that the store has.
inline std::optional<AblationPlan> ablation_of(const Store& store) { return store.note(ablation_part, AblationPlan::of); }

/// Times the models of a plan in turns, and puts the plan with its runs into the store in place of an earlier one; false when it
/// was stopped before.
GENOFORM_SEARCH_INLINE bool begin_ablation(Store& store, Workers& workers, const AblationPlan& plan, const StopRequest& stop);

/// Trains what the ablation in the store has not finished; false when it was stopped before the end. It may be killed at any
/// moment and go on later.
inline bool continue_ablation(Store& store, Workers& workers, const StopRequest& stop, const OnFollowUp& on_run) {
  return FollowUps(store, workers, ablation_part).train(false, stop, on_run);
}

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE std::string AblationPlan::name_of(int model) const {
  if (model < 2) return model == 0 ? winner : control;
  for (const AblationVariant& v : variants)
    if (v.model == model) return (v.is_of_winner ? winner + " without " : control + " with ") + v.part;
  return "";
}

namespace ablation {

/// Enters the model of a variant, or why there is none.
inline void enter(AblationPlan& plan, AblationVariant variant, const Result<Candidate>& changed) {
  const std::size_t base = variant.is_of_winner ? 0 : 1;
  if (!changed) {
    variant.problem = changed.error().message;
  } else if (*changed == plan.models[base]) {
    variant.problem = "it changes nothing alone";
  } else {
    const auto found = std::find(plan.models.begin(), plan.models.end(), *changed);
    variant.model = static_cast<int>(found - plan.models.begin());
    if (found == plan.models.end()) plan.models.push_back(*changed);
  }
  plan.variants.push_back(std::move(variant));
}

inline std::vector<FollowUpRun> runs_of(const AblationPlan& plan, const std::vector<double>& step_seconds) {
  std::vector<FollowUpRun> runs;
  for (int s = 0; s < plan.options.seeds; ++s)
    for (std::size_t m = 0; m < plan.models.size(); ++m) {
      FollowUpRun run;
      run.number = static_cast<int>(runs.size()) + 1;
      run.model = static_cast<int>(m);
      run.name = plan.name_of(run.model);
      run.text = plan.models[m].text;
      run.learning_rate = plan.models[m].learning_rate;
      run.batch = plan.models[m].batch;
      run.seed = plan.first_seed + static_cast<std::uint64_t>(s);
      run.budget = plan.options.budget;
      run.step_seconds = step_seconds[m];
      run.steps = Budget{run.budget}.steps(run.step_seconds);
      runs.push_back(std::move(run));
    }
  return runs;
}

}  // namespace ablation

GENOFORM_SEARCH_INLINE AblationPlan plan_ablation(const BlockSpace& space, const Candidate& winner, const Candidate& control) {
  AblationPlan plan;
  plan.models = {winner, control};
  const Edits edits(space, control, winner);
  for (std::size_t e = 0; e < edits.size(); ++e) {
    ablation::enter(plan, {.part = edits.name(e), .is_of_winner = true}, edits.with_all_but(e));
    ablation::enter(plan, {.part = edits.name(e), .is_of_winner = false}, edits.with_only(e));
  }
  return plan;
}

GENOFORM_SEARCH_INLINE bool begin_ablation(Store& store, Workers& workers, const AblationPlan& plan, const StopRequest& stop) {
  const auto step_seconds = measured_step_seconds(workers, plan.models, plan.options.rounds, stop);
  if (!step_seconds) return false;
  const auto batch = store.batch();
  store.replace_follow_ups(ablation_part, ablation::runs_of(plan, *step_seconds));
  store.set_note(ablation_part, json_of(plan).dump());
  batch->commit();
  return true;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
