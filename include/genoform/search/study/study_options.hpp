#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/search/clock/estimator.hpp"

namespace genoform::search {

/// An architecture that every genome is compared with. It runs with the same budget, at each of the study's learning rates.
struct Baseline {
  std::string name;
  std::string text;
  bool is_plain = false;  ///< a plain Transformer: its loss at the hurdle is what genomes must reach
};

/// What the record of a study depends on, beside its space, baselines and evaluator.
struct StudyOptions {
  std::uint64_t seed = 1;
  double budget = 3;  ///< seconds of training per trial, on the oracle's clock
  Limits limits{};
  int window = 8;               ///< proposal n sees the results of the trials up to n - window; at least the number of workers
  double learning_rate = 4e-3;  ///< learning rate of every genome
  std::vector<double> baseline_learning_rates{2e-3, 4e-3, 8e-3};  ///< each baseline gets the best of them
  bool hurdle = true;  ///< stop genomes that are behind every plain baseline after a quarter of their steps

  nlohmann::json to_json() const {
    return {{"seed", seed},
            {"budget", budget},
            {"limits", limits.to_json()},
            {"window", window},
            {"learning_rate", learning_rate},
            {"baseline_rates", baseline_learning_rates},
            {"hurdle", hurdle}};
  }
  static StudyOptions from_json(const nlohmann::json& j) {
    return {.seed = j.at("seed"),
            .budget = j.at("budget"),
            .limits = Limits::from_json(j.at("limits")),
            .window = j.at("window"),
            .learning_rate = j.at("learning_rate"),
            .baseline_learning_rates = j.at("baseline_rates"),
            .hurdle = j.at("hurdle")};
  }
};

}  // namespace genoform::search
