#pragma once
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/search/json.hpp"
#include "genoform/train/optimizer_choice.hpp"

namespace genoform::search {

/// An OptimizerChoice as a field of a JsonStruct: {"name": "adamw", "beta1": 0.9, ...} with the settings that differ from the
/// optimizer's own defaults.
struct OptimizerField {
  OptimizerChoice choice{};

  nlohmann::json to_json() const {
    nlohmann::json j{{"name", choice.name}};
    for (const auto& [setting, value] : choice.settings) j[setting] = value;
    return j;
  }
  /// Throws Exception (input) when the name is missing or a setting is no number. Which names and settings there are is known to
  /// the evaluator's Optimizers.
  static OptimizerField from_json(const nlohmann::json& j) {
    if (!j.is_object() || !j.contains("name") || !j.at("name").is_string())
      throw Exception({ErrorKind::input, "optimizer: \"name\" is missing"});
    OptimizerField field{OptimizerChoice(j.at("name").get<std::string>())};
    for (const auto& [setting, value] : j.items()) {
      if (setting == "name") continue;
      if (!value.is_number()) throw Exception({ErrorKind::input, "optimizer: \"" + setting + "\" is no number"});
      field.choice.settings.emplace_back(setting, value.get<double>());
    }
    return field;
  }
};

}  // namespace genoform::search
