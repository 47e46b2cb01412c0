#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/search/json.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The trials of a search with several objectives that no other dominates, best loss first: the note
/// "front" of a study.
struct ParetoFront {
  std::vector<std::string> objectives;      ///< their names (strategy/objective.hpp)
  std::vector<int> trials;                  ///< by number
  std::vector<std::string> texts;           ///< of each trial
  std::vector<std::vector<double>> values;  ///< of each trial, in the order of the objectives; times in seconds

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("objectives", self.objectives);
    visit("trials", self.trials);
    visit("texts", self.texts);
    visit("values", self.values);
  }
  static ParetoFront of(const nlohmann::json& j) { return from_json<ParetoFront>(j, "Pareto front"); }

  /// Empty, where there is no front.
  std::string text() const {
    constexpr std::size_t max_rows = 20;
    if (trials.empty()) return "";
    std::vector<std::string> head{"trial"};
    for (const std::string& name : objectives) head.push_back(name == "step-time" ? "ms/step" : name);
    TextTable table(head);
    const std::size_t rows = std::min(trials.size(), max_rows);
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<std::string> row{std::to_string(trials[i])};
      for (std::size_t o = 0; o < objectives.size(); ++o) row.push_back(written(objectives[o], values[i][o]));
      table.add(row);
    }
    std::string text = "Pareto front of the search, the genomes that no other one beats in all objectives:\n" + table.text();
    if (rows < trials.size()) text += "and " + std::to_string(trials.size() - rows) + " more, in --json\n";
    return text + "\n";
  }

  /// One object for each trial, with its values by name.
  nlohmann::json json() const {
    nlohmann::json members = nlohmann::json::array();
    for (std::size_t i = 0; i < trials.size(); ++i) {
      nlohmann::json member{{"trial", trials[i]}, {"text", texts[i]}};
      for (std::size_t o = 0; o < objectives.size(); ++o) member["objectives"][objectives[o]] = values[i][o];
      members.push_back(std::move(member));
    }
    return members;
  }

 private:
  static std::string written(const std::string& objective, double value) {
    if (objective == "loss") return fixed_text(value, 3);
    if (objective == "step-time") return fixed_text(1e3 * value, 2);
    return std::to_string(static_cast<std::int64_t>(value));
  }
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
