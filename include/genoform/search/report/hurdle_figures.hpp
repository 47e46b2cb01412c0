#pragma once
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/report/statistics.hpp"
#include "genoform/search/store/trial.hpp"

namespace genoform::search {

/// What hurdles did to the genomes of a study, and whether they were right.
struct HurdleFigures {
  struct At {
    double fraction = 0;          ///< of the steps
    int arrived = 0, passed = 0;  ///< genomes; those that were let through count up to where they would have stopped
    /// Losses at the hurdle and at the end of the genomes that were let through all hurdles.
    std::vector<double> there, at_end;

    /// Spearman's rank correlation of the two; NaN for fewer than three genomes.
    double correlation() const {
      return there.size() < 3 ? std::numeric_limits<double>::quiet_NaN() : statistics::spearman(there, at_end);
    }
  };
  std::vector<At> hurdles;
  double seconds = 0, seconds_without = 0;  ///< of training, by step times of the oracle: spent, and without hurdles
  int stopped = 0, let_through = 0;         ///< genomes

  /// How many times less was trained.
  double saving() const { return seconds > 0 ? seconds_without / seconds : 1; }

  static HurdleFigures of(std::span<const Trial> trials);
  /// Empty where there were no hurdles.
  std::string text() const;
  nlohmann::json json() const;
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE HurdleFigures HurdleFigures::of(std::span<const Trial> trials) {
  HurdleFigures f;
  for (const Trial& t : trials) {
    if (t.phase != "search" || t.state != State::done || t.hurdles.empty()) continue;
    const double whole = static_cast<double>(t.steps) * t.step_seconds;
    f.seconds += whole * t.trained_fraction();
    f.seconds_without += whole;
    if (!t.loss) ++f.stopped;
    if (t.let_through) ++f.let_through;
    bool is_behind = false;  // of an earlier hurdle
    for (std::size_t i = 0; i < t.hurdles.size() && t.hurdles[i].loss; ++i) {
      if (i == f.hurdles.size()) f.hurdles.push_back({.fraction = t.hurdles[i].at, .there = {}, .at_end = {}});
      At& at = f.hurdles[i];
      if (!is_behind) ++at.arrived;
      is_behind = is_behind || t.hurdles[i].stops();
      if (!is_behind) ++at.passed;
      if (!t.let_through || !t.loss) continue;
      at.there.push_back(*t.hurdles[i].loss);
      at.at_end.push_back(*t.loss);
    }
  }
  return f;
}

GENOFORM_SEARCH_INLINE std::string HurdleFigures::text() const {
  if (hurdles.empty()) return "";
  TextTable table({"hurdle", "at % of the steps", "arrived", "passed", "passed %", "rank correlation with the end"});
  for (std::size_t i = 0; i < hurdles.size(); ++i) {
    const At& at = hurdles[i];
    const double correlation = at.correlation();
    table.add({std::to_string(i + 1), fixed_text(100 * at.fraction, 1), std::to_string(at.arrived), std::to_string(at.passed),
               at.arrived > 0 ? fixed_text(100.0 * at.passed / at.arrived, 0) : "-",
               std::isnan(correlation) ? "-" : fixed_text(correlation, 2)});
  }
  return "Hurdles: " + fixed_text(seconds, 1) + " s of training by the oracle instead of " + fixed_text(seconds_without, 1) +
         " s, a saving of " + fixed_text(saving(), 2) + "; correlation on " + std::to_string(let_through) +
         " genomes that were let through:\n" + table.text();
}

GENOFORM_SEARCH_INLINE nlohmann::json HurdleFigures::json() const {
  nlohmann::json all = nlohmann::json::array();
  for (const At& at : hurdles) {
    nlohmann::json j{{"fraction", at.fraction}, {"arrived", at.arrived}, {"passed", at.passed}, {"rank_correlation", nullptr}};
    if (const double correlation = at.correlation(); !std::isnan(correlation)) j["rank_correlation"] = correlation;
    all.push_back(std::move(j));
  }
  return {{"hurdles", std::move(all)},
          {"seconds", seconds},
          {"seconds_without", seconds_without},
          {"saving", saving()},
          {"let_through", let_through}};
}

#endif

}  // namespace genoform::search
