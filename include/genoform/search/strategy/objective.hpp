#pragma once
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/listed.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/strategy/population.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What a search with several objectives makes small: the fitness, seconds of a training step, trainable parameters, those that a
/// token uses, and bytes of a training step (weights and activations).
enum class Objective { loss, step_time, parameters, activated_parameters, bytes };

inline constexpr std::string_view objective_names[] = {"loss", "step-time", "parameters", "activated-parameters", "bytes"};
constexpr std::string_view name_of(Objective objective) { return objective_names[static_cast<int>(objective)]; }

/// The value of an objective, lower is better.
inline double value_of(Objective objective, const Scored& scored) {
  switch (objective) {
    case Objective::loss: return scored.fitness;
    case Objective::step_time: return scored.step_seconds;
    case Objective::parameters: return static_cast<double>(scored.parameters);
    case Objective::activated_parameters: return static_cast<double>(scored.activated_parameters);
    case Objective::bytes: return static_cast<double>(scored.bytes);
  }
  return 0;
}
/// All of them, in that order.
inline std::vector<double> values_of(const std::vector<Objective>& objectives, const Scored& scored) {
  std::vector<double> values;
  for (const Objective objective : objectives) values.push_back(value_of(objective, scored));
  return values;
}

/// The objectives of a list such as "loss,step-time". Errors (usage): an unknown name, one that comes twice, fewer than two.
inline Result<std::vector<Objective>> objectives_in(std::string_view list) {
  std::vector<Objective> objectives;
  const std::string allowed = listed(objective_names);
  for (std::size_t first = 0, end = 0; end < list.size(); first = end + 1) {
    end = std::min(list.find(',', first), list.size());
    const std::string_view name = list.substr(first, end - first);
    const auto found = std::find(std::begin(objective_names), std::end(objective_names), name);
    if (found == std::end(objective_names))
      return Error{ErrorKind::usage, "\"" + std::string(name) + "\" is no objective; they are " + allowed};
    const auto objective = static_cast<Objective>(found - std::begin(objective_names));
    if (std::find(objectives.begin(), objectives.end(), objective) != objectives.end())
      return Error{ErrorKind::usage, "the objective \"" + std::string(name) + "\" comes twice"};
    objectives.push_back(objective);
  }
  if (objectives.size() < 2) return Error{ErrorKind::usage, "two objectives or more are needed, separated by commas: " + allowed};
  return objectives;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
