#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/search/report/claim.hpp"
#include "genoform/search/report/pooled.hpp"
#include "genoform/search/report/statistics_text.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/ablation.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What a part brings to one model, in bits per byte on the test text: above 0 where it helps.
struct PartEffect {
  std::optional<double> mean, low, high;  ///< with the interval of 95 %; none: not possible, failed, or too few seeds yet
  std::optional<double> p_after_holm;     ///< over all effects of the ablation
  std::string problem;                    ///< why there is none

  bool is_significant() const { return p_after_holm && *p_after_holm < Claim::level; }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("mean", self.mean);
    visit("low", self.low);
    visit("high", self.high);
    visit("p_after_holm", self.p_after_holm);
    visit("problem", self.problem);
  }
};

struct PartResult {
  std::string name;
  PartEffect in_winner{};   ///< loss of the winner without the part - loss of the winner
  PartEffect in_control{};  ///< loss of the control - loss of the control with the part

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("in_winner", self.in_winner);
    visit("in_control", self.in_control);
  }
};

/// What the ablation of a study found, so far.
struct AblationResult {
  std::string winner, control;                        ///< their names
  std::string winner_text, control_text;              ///< canonical
  std::vector<double> winner_losses, control_losses;  ///< on the test text, one a seed
  PartEffect all;                                     ///< loss of the control - loss of the winner
  double budget = 0;                                  ///< seconds of each training
  int seeds = 0, runs = 0, finished = 0;
  std::vector<PartResult> parts;  ///< in the order of the plan

  /// None where the study has no ablation.
  static std::optional<AblationResult> of(const Store& store);
  std::string text() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("winner", self.winner);
    visit("control", self.control);
    visit("winner_text", self.winner_text);
    visit("control_text", self.control_text);
    visit("winner_losses", self.winner_losses);
    visit("control_losses", self.control_losses);
    visit("all", self.all);
    visit("budget", self.budget);
    visit("seeds", self.seeds);
    visit("runs", self.runs);
    visit("finished", self.finished);
    visit("parts", self.parts);
  }
};

namespace ablation {

inline std::string signed_text(double value) { return (value < 0 ? "" : "+") + fixed_text(value, 3); }

/// A part in a table.
inline constexpr const char* part_titles[] = {
    "part", "lost without it", "95 % interval", "p", "gained by the control", "95 % interval", "p"};
inline std::vector<std::string> columns_of(const PartResult& part) {
  std::vector<std::string> columns{part.name};
  for (const PartEffect& e : {part.in_winner, part.in_control}) {
    columns.push_back(e.mean ? signed_text(*e.mean) : "-");
    columns.push_back(e.mean ? interval_text(*e.low, *e.high) : "");
    columns.push_back(e.mean ? p_text(*e.p_after_holm) : "");
  }
  return columns;
}

}  // namespace ablation

#if GENOFORM_SEARCH_BODIES

namespace ablation {

/// The runs of an ablation by model.
class Losses {
 public:
  Losses(const AblationPlan& plan, const std::vector<FollowUpRun>& runs)
      : tests_(plan.models.size()), failures_(plan.models.size()) {
    for (const FollowUpRun& run : runs) {
      const auto m = static_cast<std::size_t>(run.model);
      tests_[m].push_back(run.test);
      if (!run.failure.empty()) failures_[m] = run.failure;
    }
  }
  const std::string& failure(int model) const { return failures_[static_cast<std::size_t>(model)]; }
  /// Of the seeds that all these models have finished.
  std::vector<std::vector<double>> common(const std::vector<int>& models) const {
    std::vector<std::vector<double>> losses(models.size());
    for (std::size_t s = 0; s < tests_.front().size(); ++s) {
      const auto has_loss = [&](int m) { return tests_[static_cast<std::size_t>(m)][s].has_value(); };
      if (!std::all_of(models.begin(), models.end(), has_loss)) continue;
      for (std::size_t i = 0; i < models.size(); ++i) losses[i].push_back(*tests_[static_cast<std::size_t>(models[i])][s]);
    }
    return losses;
  }

 private:
  std::vector<std::vector<std::optional<double>>> tests_;
  std::vector<std::string> failures_;
};

inline void set_effect(PartEffect& effect, const statistics::Difference& d, bool is_reversed) {
  if (!std::isfinite(d.low)) return;
  effect.mean = is_reversed ? -d.mean : d.mean;
  effect.low = is_reversed ? -d.high : d.low;
  effect.high = is_reversed ? -d.low : d.high;
  effect.p_after_holm = d.p;  // corrected when all are there
}

/// The effects at the winner or at the control, with the noise of all models of that side.
inline void enter_effects(const AblationPlan& plan, const Losses& losses, bool is_of_winner, AblationResult& result) {
  std::vector<int> models{is_of_winner ? 0 : 1};
  for (const AblationVariant& v : plan.variants)
    if (v.is_of_winner == is_of_winner && v.model >= 0 && losses.failure(v.model).empty() &&
        std::find(models.begin(), models.end(), v.model) == models.end())
      models.push_back(v.model);
  const auto differences = statistics::pooled_differences(losses.common(models), 0);
  for (const AblationVariant& v : plan.variants) {
    if (v.is_of_winner != is_of_winner) continue;
    const auto part =
        std::find_if(result.parts.begin(), result.parts.end(), [&](const PartResult& p) { return p.name == v.part; });
    PartEffect& effect = is_of_winner ? part->in_winner : part->in_control;
    effect.problem = v.model < 0 ? v.problem : losses.failure(v.model);
    const auto found = std::find(models.begin(), models.end(), v.model);
    if (effect.problem.empty()) set_effect(effect, differences[static_cast<std::size_t>(found - models.begin())], !is_of_winner);
  }
}

inline void correct(AblationResult& result) {
  std::vector<PartEffect*> effects;
  std::vector<double> p;
  for (PartResult& part : result.parts)
    for (PartEffect* effect : {&part.in_winner, &part.in_control})
      if (effect->p_after_holm) {
        effects.push_back(effect);
        p.push_back(*effect->p_after_holm);
      }
  const std::vector<double> corrected = statistics::holm(p);
  for (std::size_t i = 0; i < effects.size(); ++i) effects[i]->p_after_holm = corrected[i];
}

}  // namespace ablation

GENOFORM_SEARCH_INLINE std::optional<AblationResult> AblationResult::of(const Store& store) {
  const std::optional<AblationPlan> plan = ablation_of(store);
  if (!plan) return std::nullopt;
  const std::vector<FollowUpRun> runs = store.follow_ups(ablation_part);
  const ablation::Losses losses(*plan, runs);
  AblationResult result;
  result.winner = plan->winner;
  result.control = plan->control;
  result.winner_text = plan->models[0].text;
  result.control_text = plan->models[1].text;
  result.budget = plan->options.budget;
  result.seeds = plan->options.seeds;
  result.runs = static_cast<int>(runs.size());
  result.finished =
      static_cast<int>(std::count_if(runs.begin(), runs.end(), [](const FollowUpRun& run) { return run.finished(); }));
  const auto both = losses.common({0, 1});
  result.winner_losses = both[0];
  result.control_losses = both[1];
  ablation::set_effect(result.all, statistics::difference(both[1], both[0]), false);
  for (const AblationVariant& v : plan->variants)
    if (v.is_of_winner) result.parts.push_back({.name = v.part});
  ablation::enter_effects(*plan, losses, true, result);
  ablation::enter_effects(*plan, losses, false, result);
  ablation::correct(result);
  return result;
}

GENOFORM_SEARCH_INLINE std::string AblationResult::text() const {
  std::string text = "Ablation of " + winner + " against " + control + ": " + std::to_string(seeds) + " seeds, " +
                     general_text(budget) +
                     " s of measured time each; bits per byte on the test text, above 0 where a part helps";
  text += finished < runs ? ". So far " + std::to_string(finished) + " of " + std::to_string(runs) + " runs.\n" : ".\n";
  if (all.mean)
    text += winner + " " + fixed_text(statistics::mean(winner_losses), 3) + ", " + control + " " +
            fixed_text(statistics::mean(control_losses), 3) + "; all parts together bring " + ablation::signed_text(*all.mean) +
            " (95 % interval " + interval_text(*all.low, *all.high) + ").\n";
  TextTable table({std::begin(ablation::part_titles), std::end(ablation::part_titles)});
  std::string significant, problems;
  int tests = 0;
  for (const PartResult& part : parts) {
    for (const PartEffect* effect : {&part.in_winner, &part.in_control}) {
      const std::string model = effect == &part.in_winner ? winner + " without " : control + " with ";
      if (!effect->problem.empty()) problems += "  " + model + part.name + ": " + effect->problem + "\n";
      tests += effect->p_after_holm ? 1 : 0;
      if (effect->is_significant())
        significant += "  " + model + part.name + ": " + (*effect->mean > 0 ? "it helps" : "it hurts") + "\n";
    }
    table.add(ablation::columns_of(part));
  }
  text += table.text();
  if (!problems.empty()) text += "Not possible, or without a result:\n" + problems;
  if (tests == 0) return text;
  const std::string correction = "p < 0.05 after Holm over " + std::to_string(tests) + " effects";
  text += significant.empty() ? "No part is beyond the noise (" + correction + ").\n"
                              : "Beyond the noise (" + correction + "):\n" + significant;
  return text;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
