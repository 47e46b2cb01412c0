#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/median.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/clock/cost_features.hpp"
#include "genoform/search/clock/least_squares.hpp"
#include "genoform/search/json.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Work that was timed.
struct TimedWork {
  CostFeatures items;
  double seconds = 0;
};

/// A model that was timed: its work and the seconds of its training step, and parts of both where they were timed one by one.
/// The parts tell apart what always grows together in a whole step.
struct Probe {
  CostFeatures items;
  double seconds = 0;
  std::vector<TimedWork> parts{};
};

/// Step time as a sum over the work of a step: seconds for each unit of each item, fitted to probes, never negative.
class StepTable {
 public:
  static constexpr std::size_t min_probes = 10;  ///< to fit and check
  static constexpr std::size_t folds = 5;

  /// Throws Exception when there are too few probes.
  static StepTable fit(const std::vector<Probe>& probes) {
    if (probes.size() < min_probes)
      throw Exception({ErrorKind::usage, "a table of step times needs at least " + std::to_string(min_probes) + " timed models"});
    StepTable table = fit_all(probes);
    std::vector<double> errors;
    for (std::size_t fold = 0; fold < folds; ++fold) {
      std::vector<Probe> others;
      for (std::size_t i = 0; i < probes.size(); ++i)
        if (i % folds != fold) others.push_back(probes[i]);
      const StepTable check = fit_all(others);
      for (std::size_t i = fold; i < probes.size(); i += folds)
        errors.push_back(std::abs(check.seconds(probes[i].items) / probes[i].seconds - 1));
    }
    std::sort(errors.begin(), errors.end());
    table.error_ = median(errors);
    table.error_of_nine_tenths_ = errors[(errors.size() * 9 + 9) / 10 - 1];
    return table;
  }

  double seconds(const CostFeatures& items) const {
    double sum = 0;
    for (const auto& [name, seconds] : seconds_)
      if (const auto found = items.find(name); found != items.end()) sum += seconds * found->second;
    return sum;
  }
  /// The seconds for a unit of each item that takes any.
  const CostFeatures& items() const { return seconds_; }
  /// Relative error on unseen models, from fits that each left out a fifth of the probes: the median, and what nine of ten are
  /// within.
  double error() const { return error_; }
  double error_of_nine_tenths() const { return error_of_nine_tenths_; }

  nlohmann::json to_json() const;
  static StepTable from_json(const nlohmann::json& j);

 private:
  /// Errors relative to the step are fitted, so each row, a part or a step, is divided by the time of its step; each column by
  /// its largest entry.
  static StepTable fit_all(const std::vector<Probe>& probes);

  CostFeatures seconds_;
  double error_ = 0, error_of_nine_tenths_ = 0;
};

#if GENOFORM_SEARCH_BODIES

namespace step_table {
inline constexpr int version = 2;  ///< of the items: a table with others knows nothing of these
}

GENOFORM_SEARCH_INLINE nlohmann::json StepTable::to_json() const {
  return {{"version", step_table::version},
          {"error", error_},
          {"error_of_nine_tenths", error_of_nine_tenths_},
          {"seconds", seconds_}};
}

GENOFORM_SEARCH_INLINE StepTable StepTable::from_json(const nlohmann::json& j) {
  if (j.value("version", 0) != step_table::version)
    throw Exception({ErrorKind::input,
                     "this table of step times is of another version of genoform; --resume --recalibrate measures them anew"});
  StepTable table;
  table.error_ = j.at("error");
  table.error_of_nine_tenths_ = j.at("error_of_nine_tenths");
  table.seconds_ = j.at("seconds").get<CostFeatures>();
  return table;
}

namespace step_table {

/// Rows and targets of a fit: a row for each piece of work that was timed.
class Equations {
 public:
  void add(const CostFeatures& items, double seconds, double step_seconds) {
    std::vector<double> row(names_.size(), 0.0);
    for (const auto& [name, amount] : items) {
      const auto [place, is_new] = columns_.try_emplace(name, names_.size());
      if (is_new) names_.push_back(name), row.push_back(0);
      row[place->second] = amount / step_seconds;
    }
    rows_.push_back(std::move(row));
    targets_.push_back(seconds / step_seconds);
  }
  /// The seconds of each item, without those that take none.
  CostFeatures solve() {
    std::vector<double> scales(names_.size(), 0.0);
    for (std::vector<double>& row : rows_) {
      row.resize(names_.size(), 0.0);
      for (std::size_t i = 0; i < row.size(); ++i) scales[i] = std::max(scales[i], row[i]);
    }
    for (std::vector<double>& row : rows_)
      for (std::size_t i = 0; i < row.size(); ++i) row[i] /= scales[i] > 0 ? scales[i] : 1;
    const std::vector<double> x = non_negative_fit(rows_, targets_, 1e-5);
    CostFeatures seconds;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (x[i] > 0) seconds[names_[i]] = x[i] / scales[i];
    return seconds;
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::size_t, std::less<>> columns_;
  std::vector<std::vector<double>> rows_;
  std::vector<double> targets_;
};

}  // namespace step_table

GENOFORM_SEARCH_INLINE StepTable StepTable::fit_all(const std::vector<Probe>& probes) {
  step_table::Equations equations;
  for (const Probe& probe : probes) {
    if (probe.parts.empty()) equations.add(probe.items, probe.seconds, probe.seconds);
    for (const TimedWork& part : probe.parts) equations.add(part.items, part.seconds, probe.seconds);
  }
  StepTable table;
  table.seconds_ = equations.solve();
  return table;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
