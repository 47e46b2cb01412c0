#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/search/report/claim.hpp"
#include "genoform/search/report/confirm_rows.hpp"
#include "genoform/search/report/pooled.hpp"
#include "genoform/search/report/speed_up.hpp"
#include "genoform/search/report/statistics_text.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/confirm.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What the confirmation of a study found, so far.
struct ConfirmResult {
  std::vector<std::string> names, texts;  ///< of the models as found, the winner first
  double budget = 0;                      ///< seconds: the study's
  int seeds = 0, runs = 0, finished = 0;
  std::vector<ConfirmRow> rows;
  std::vector<ConfirmComparison> comparisons;
  std::vector<ConfirmLaw> laws;
  std::vector<ConfirmCorrelation> correlations;

  /// None where the study has no confirmation.
  static std::optional<ConfirmResult> of(const Store& store);
  std::string text() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("names", self.names);
    visit("texts", self.texts);
    visit("budget", self.budget);
    visit("seeds", self.seeds);
    visit("runs", self.runs);
    visit("finished", self.finished);
    visit("rows", self.rows);
    visit("comparisons", self.comparisons);
    visit("laws", self.laws);
    visit("correlations", self.correlations);
  }
};

namespace confirm {

inline std::string times_text(double factor) { return general_text(factor) + "x"; }
inline std::string size_text(int steps) {
  return steps == 0 ? "as found" : std::to_string(steps) + (steps == 1 ? " step up" : " steps up");
}

inline std::string speed_up_text(const ConfirmComparison& c) {
  if (!c.speed_up) return "-";
  std::string text = c.speed_up_bound + fixed_text(*c.speed_up, 2);
  if (c.speed_up_low) text += " (" + fixed_text(*c.speed_up_low, 2) + " to " + fixed_text(*c.speed_up_high, 2) + ")";
  return text;
}

/// A model at one size and budget in a table: loss columns are "-" before a seed is finished by all models.
inline constexpr const char* row_titles[] = {"budget", "size", "model", "validation", "test", "rate", "steps", "ms/step"};
inline std::vector<std::string> columns_of(const ConfirmRow& r) {
  const auto loss = [](const std::vector<double>& losses) {
    return losses.empty() ? "-" : fixed_text(statistics::mean(losses), 3);
  };
  return {times_text(r.budget),
          size_text(r.size),
          r.name,
          r.failure.empty() ? loss(r.validation) : r.failure,
          loss(r.test),
          r.learning_rate > 0 ? general_text(r.learning_rate) + (r.is_rate_at_end ? " !" : "") : "-",
          std::to_string(r.steps),
          fixed_text(1e3 * r.step_seconds, 2)};
}

inline constexpr const char* comparison_titles[] = {"budget",        "size", "control",  "control - winner",
                                                    "95 % interval", "p",    "speed-up", "control's time"};
inline std::vector<std::string> columns_of(const ConfirmComparison& c) {
  return {times_text(c.budget),
          size_text(c.size),
          c.control,
          fixed_text(*c.mean, 3),
          c.low ? interval_text(*c.low, *c.high) : "-",
          c.p_after_holm ? p_text(*c.p_after_holm) : "-",
          speed_up_text(c),
          c.control_time ? c.control_time_bound + fixed_text(*c.control_time, 2) : "-"};
}

inline std::string text_of(const ConfirmLaw& law) {
  std::string text = "Speed-up over " + law.control + ", " + size_text(law.size) + ": " + fixed_text(law.factor, 2) +
                     " * (times the budget)^" + fixed_text(law.exponent, 2);
  if (law.low) text += " (95 % interval of the exponent " + fixed_text(*law.low, 2) + " to " + fixed_text(*law.high, 2) + ")";
  return text;
}
inline std::string text_of(const ConfirmCorrelation& c) {
  return "Rank correlation between " + c.between + ": " + fixed_text(c.tau, 2) + " (Kendall's tau of " +
         std::to_string(c.models) + " models)";
}

}  // namespace confirm

#if GENOFORM_SEARCH_BODIES

namespace confirm {

/// Row of a model among those of all models at one size and budget: `rows` are in the order of each_setting().
inline std::size_t row_of(const ConfirmPlan& plan, std::size_t budget, std::size_t size, std::size_t model) {
  return (budget * plan.options.sizes.size() + size) * plan.models.size() + model;
}

/// Fills the rows of one size and budget with the seeds that all models have finished.
inline void enter_losses(const std::vector<FollowUpRun>& runs, double budget, std::span<ConfirmRow> rows) {
  std::vector<std::vector<const FollowUpRun*>> of_model(rows.size());
  for (const FollowUpRun& run : runs)
    if (!run.is_sweep && run.size == rows.front().size && run.budget == budget)
      of_model[static_cast<std::size_t>(run.model)].push_back(&run);
  for (std::size_t m = 0; m < rows.size(); ++m)
    for (const FollowUpRun* run : of_model[m]) {
      rows[m].learning_rate = run->learning_rate;
      rows[m].steps = run->steps;
      rows[m].step_seconds = run->step_seconds;
      if (!run->failure.empty()) rows[m].failure = run->failure;
    }
  for (std::size_t s = 0; s < of_model.front().size(); ++s) {
    const auto has_loss = [&](std::size_t m) { return of_model[m][s]->test.has_value() || !rows[m].failure.empty(); };
    bool is_common = true;
    for (std::size_t m = 0; m < rows.size(); ++m) is_common = is_common && has_loss(m);
    for (std::size_t m = 0; is_common && m < rows.size(); ++m) {
      if (!rows[m].failure.empty()) continue;
      const FollowUpRun& run = *of_model[m][s];
      rows[m].validation.push_back(*run.validation);
      rows[m].test.push_back(*run.test);
      rows[m].curves.emplace_back();
      for (const CurvePoint& point : run.curve)
        rows[m].curves.back().push_back({static_cast<double>(point.step) * run.step_seconds, point.loss});
    }
  }
}

inline void enter_speed_up(const ConfirmRow& winner, const ConfirmRow& control, ConfirmComparison& c) {
  std::vector<SpeedUp> seeds;
  for (std::size_t s = 0; s < winner.curves.size(); ++s) {
    if (winner.curves[s].empty() || control.curves[s].empty()) return;
    seeds.push_back(speed_up(control.curves[s], winner.curves[s]));
    c.speed_ups.push_back(seeds.back().factor);
  }
  if (seeds.empty()) return;
  const MeanSpeedUp mean = mean_speed_up(seeds);
  c.speed_up = mean.factor;
  if (seeds.size() > 1) c.speed_up_low = mean.low, c.speed_up_high = mean.high;
  c.speed_up_bound = mean.bound == SpeedUp::Bound::at_least ? ">" : mean.bound == SpeedUp::Bound::at_most ? "<" : "";
}

/// All comparisons of one size and budget, p not corrected yet.
inline void compare(std::span<const ConfirmRow> rows, ConfirmResult& result) {
  std::vector<std::vector<double>> test;
  std::vector<std::size_t> with_losses;
  for (std::size_t m = 0; m < rows.size(); ++m)
    if (m == 0 || !rows[m].test.empty()) {
      test.push_back(rows[m].test);
      with_losses.push_back(m);
    }
  if (rows.front().test.empty()) return;
  const auto differences = statistics::pooled_differences(test, 0);
  for (std::size_t i = 1; i < with_losses.size(); ++i) {
    const ConfirmRow& control = rows[with_losses[i]];
    ConfirmComparison c{.control = control.name, .size = control.size, .budget = control.budget};
    c.mean = differences[i].mean;
    if (std::isfinite(differences[i].low)) {
      c.low = differences[i].low;
      c.high = differences[i].high;
      c.p_after_holm = differences[i].p;
    }
    enter_speed_up(rows.front(), control, c);
    result.comparisons.push_back(std::move(c));
  }
}

/// The time of each control to the winner's loss, from the ends of its runs of all budgets.
inline void enter_control_times(ConfirmResult& result) {
  const auto ends_of = [&](const std::string& name, int size) {
    std::vector<TimedLoss> ends;
    for (const ConfirmRow& row : result.rows)
      if (row.name == name && row.size == size && !row.validation.empty())
        ends.push_back({row.budget * result.budget, statistics::mean(row.validation)});
    return ends;
  };
  for (ConfirmComparison& c : result.comparisons) {
    for (const TimedLoss& winner : ends_of(result.names.front(), c.size)) {
      if (winner.seconds != c.budget * result.budget) continue;
      const TimeToLoss time = time_to_loss(ends_of(c.control, c.size), winner.loss);
      c.control_time = time.seconds / winner.seconds;
      c.control_time_bound = time.bound == TimeToLoss::Bound::more_than ? ">"
                             : time.bound == TimeToLoss::Bound::at_most ? "<"
                                                                        : "";
    }
  }
}

inline void correct(ConfirmResult& result) {
  std::vector<double> p;
  for (const ConfirmComparison& c : result.comparisons)
    if (c.p_after_holm) p.push_back(*c.p_after_holm);
  const std::vector<double> corrected = statistics::holm(p);
  std::size_t i = 0;
  for (ConfirmComparison& c : result.comparisons)
    if (c.p_after_holm) c.p_after_holm = corrected[i++];
}

inline void fit_laws(const ConfirmPlan& plan, ConfirmResult& result) {
  for (std::size_t m = 1; m < plan.models.size(); ++m)
    for (const int size : plan.options.sizes) {
      std::vector<double> budgets, factors;
      std::vector<const ConfirmComparison*> used;
      for (const ConfirmComparison& c : result.comparisons) {
        if (c.control != plan.models[m].name || c.size != size || !c.speed_up) continue;
        budgets.push_back(c.budget);
        factors.push_back(*c.speed_up);
        used.push_back(&c);
      }
      if (budgets.size() < 3) continue;
      const PowerLaw law = fit_power_law(budgets, factors);
      ConfirmLaw fitted{.control = plan.models[m].name, .size = size, .factor = law.factor, .exponent = law.exponent};
      std::size_t seeds = used.front()->speed_ups.size();
      for (const ConfirmComparison* c : used) seeds = std::min(seeds, c->speed_ups.size());
      std::vector<double> exponents;
      for (std::size_t s = 0; s < seeds; ++s) {
        std::vector<double> of_seed;
        for (const ConfirmComparison* c : used) of_seed.push_back(c->speed_ups[s]);
        exponents.push_back(fit_power_law(budgets, of_seed).exponent);
      }
      const auto d = statistics::difference(exponents, std::vector<double>(seeds, 0));
      if (std::isfinite(d.low)) fitted.low = d.low, fitted.high = d.high;
      result.laws.push_back(std::move(fitted));
    }
}

inline void correlate(const ConfirmPlan& plan, ConfirmResult& result) {
  const std::vector<double>& budgets = plan.options.budgets;
  const std::vector<int>& sizes = plan.options.sizes;
  const auto add = [&](const std::string& between, std::size_t b1, std::size_t s1, std::size_t b2, std::size_t s2) {
    std::vector<double> first, second;
    for (std::size_t m = 0; m < plan.models.size(); ++m) {
      const ConfirmRow &one = result.rows[row_of(plan, b1, s1, m)], &other = result.rows[row_of(plan, b2, s2, m)];
      if (one.validation.empty() || other.validation.empty()) continue;
      first.push_back(statistics::mean(one.validation));
      second.push_back(statistics::mean(other.validation));
    }
    if (first.size() > 1)
      result.correlations.push_back({between, rank_correlation(first, second), static_cast<int>(first.size())});
  };
  for (std::size_t s = 0; s < sizes.size(); ++s)
    for (std::size_t b = 1; b < budgets.size(); ++b)
      for (std::size_t a = 0; a < b; ++a)
        add(times_text(budgets[a]) + " and " + times_text(budgets[b]) + " the budget, " + size_text(sizes[s]), a, s, b, s);
  for (std::size_t b = 0; b < budgets.size(); ++b)
    for (std::size_t s = 1; s < sizes.size(); ++s)
      for (std::size_t t = 0; t < s; ++t)
        add(size_text(sizes[t]) + " and " + size_text(sizes[s]) + ", " + times_text(budgets[b]) + " the budget", b, t, b, s);
}

}  // namespace confirm

GENOFORM_SEARCH_INLINE std::optional<ConfirmResult> ConfirmResult::of(const Store& store) {
  const std::optional<ConfirmPlan> plan = confirmation_of(store);
  if (!plan) return std::nullopt;
  const std::vector<FollowUpRun> runs = store.follow_ups(confirm_part);
  ConfirmResult result;
  for (const ConfirmModel& model : plan->models) {
    result.names.push_back(model.name);
    result.texts.push_back(model.texts.front());
  }
  result.budget = plan->budget;
  result.seeds = plan->options.seeds;
  result.runs = static_cast<int>(runs.size());
  result.finished =
      static_cast<int>(std::count_if(runs.begin(), runs.end(), [](const FollowUpRun& run) { return run.finished(); }));
  for (const double budget : plan->options.budgets)
    for (const int size : plan->options.sizes) {
      const std::size_t begin = result.rows.size();
      for (const ConfirmModel& model : plan->models) result.rows.push_back({.name = model.name, .size = size, .budget = budget});
      const std::span<ConfirmRow> rows = std::span(result.rows).subspan(begin);
      confirm::enter_losses(runs, budget * plan->budget, rows);
      for (std::size_t m = 0; m < rows.size(); ++m) {
        const double middle = plan->models[m].learning_rate, rate = rows[m].learning_rate;
        rows[m].is_rate_at_end = rate == sweep_factors[0] * middle || rate == sweep_factors[2] * middle;
      }
      confirm::compare(rows, result);
    }
  confirm::enter_control_times(result);
  confirm::correct(result);
  confirm::fit_laws(*plan, result);
  confirm::correlate(*plan, result);
  return result;
}

GENOFORM_SEARCH_INLINE std::string ConfirmResult::text() const {
  std::string text = "Confirmation of " + names.front() + ": " + std::to_string(seeds) + " seeds, budgets as times of " +
                     general_text(budget) + " s of measured time";
  text += finished < runs ? ". So far " + std::to_string(finished) + " of " + std::to_string(runs) + " runs.\n\n" : ".\n\n";
  TextTable models({std::begin(confirm::row_titles), std::end(confirm::row_titles)});
  bool has_end = false;
  for (const ConfirmRow& r : rows) {
    has_end = has_end || r.is_rate_at_end;
    models.add(confirm::columns_of(r));
  }
  text += "Losses, bits per byte, each model at the best learning rate of a short sweep:\n" + models.text();
  if (has_end) text += "! the best rate was at an end of the sweep: one beyond it may be better\n";
  if (comparisons.empty()) return text;
  TextTable against({std::begin(confirm::comparison_titles), std::end(confirm::comparison_titles)});
  for (const ConfirmComparison& c : comparisons) against.add(confirm::columns_of(c));
  text +=
      "\nThe winner against each control, above 0 and above 1 where the winner is better (* beyond the noise, after Holm):\n" +
      against.text() +
      "speed-up: time of the control to the loss that both reach, over that of the winner, within these runs\n"
      "control's time: time of the control to the winner's loss, by the ends of its runs of all budgets, over that of the "
      "winner\n";
  for (const ConfirmLaw& law : laws) text += (&law == &laws.front() ? "\n" : "") + confirm::text_of(law) + "\n";
  for (const ConfirmCorrelation& c : correlations) text += (&c == &correlations.front() ? "\n" : "") + confirm::text_of(c) + "\n";
  return text;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
