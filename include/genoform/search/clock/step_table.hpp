#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <set>
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

/// A model that was timed: its work and the seconds of its training step.
struct Probe {
  CostFeatures items;
  double seconds = 0;
};

/// Step time as a sum over the work of a step: seconds for each unit of each item, fitted to probes, never negative.
class StepTable {
 public:
  static constexpr std::size_t min_probes = 10;  ///< to fit and check

  /// Throws Exception when there are too few probes.
  static StepTable fit(const std::vector<Probe>& probes) {
    if (probes.size() < min_probes)
      throw Exception({ErrorKind::usage, "a table of step times needs at least " + std::to_string(min_probes) + " timed models"});
    std::vector<Probe> some;
    for (std::size_t i = 0; i < probes.size(); ++i)
      if (i % 5 != 4) some.push_back(probes[i]);
    const StepTable check = fit_all(some);
    std::vector<double> errors;
    for (std::size_t i = 4; i < probes.size(); i += 5)
      errors.push_back(std::abs(check.seconds(probes[i].items) / probes[i].seconds - 1));
    StepTable table = fit_all(probes);
    table.error_ = median(std::move(errors));
    return table;
  }

  double seconds(const CostFeatures& items) const {
    return seconds_of([&](const std::string& name) {
      const auto found = items.find(name);
      return found == items.end() ? 0.0 : found->second;
    });
  }
  /// `amount_of(name)`: how much of an item there is. Always summed in the order of the names.
  template <class AmountOf>
  double seconds_of(AmountOf amount_of) const {
    double sum = 0;
    for (const auto& [name, seconds] : seconds_) sum += seconds * amount_of(name);
    return sum;
  }
  /// Median relative error on probes that were left out of a first fit.
  double error() const { return error_; }

  nlohmann::json to_json() const;
  static StepTable from_json(const nlohmann::json& j);

 private:
  using Seconds = std::map<std::string, double, std::less<>>;

  /// Relative errors are fitted, so each row is divided by its time; each column by its largest entry.
  static StepTable fit_all(const std::vector<Probe>& probes);

  Seconds seconds_;
  double error_ = 0;
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE nlohmann::json StepTable::to_json() const { return {{"error", error_}, {"seconds", seconds_}}; }

GENOFORM_SEARCH_INLINE StepTable StepTable::from_json(const nlohmann::json& j) {
  StepTable table;
  table.error_ = j.at("error");
  table.seconds_ = j.at("seconds").get<Seconds>();
  return table;
}

GENOFORM_SEARCH_INLINE StepTable StepTable::fit_all(const std::vector<Probe>& probes) {
  std::set<std::string> names;
  for (const Probe& probe : probes)
    for (const auto& [name, amount] : probe.items) names.insert(name);
  std::vector<std::vector<double>> rows(probes.size(), std::vector<double>(names.size(), 0.0));
  std::vector<double> scales;
  std::size_t column = 0;
  for (const std::string& name : names) {
    double scale = 0;
    for (std::size_t r = 0; r < probes.size(); ++r) {
      const auto found = probes[r].items.find(name);
      rows[r][column] = found == probes[r].items.end() ? 0 : found->second / probes[r].seconds;
      scale = std::max(scale, rows[r][column]);
    }
    for (std::vector<double>& row : rows) row[column] /= scale > 0 ? scale : 1;
    scales.push_back(scale > 0 ? scale : 1);
    ++column;
  }
  const std::vector<double> x = non_negative_fit(rows, 1e-3);
  StepTable table;
  column = 0;
  for (const std::string& name : names) {
    if (x[column] > 0) table.seconds_[name] = x[column] / scales[column];
    ++column;
  }
  return table;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
