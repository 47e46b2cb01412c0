#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

namespace genoform::search {

/// One training of a finalist with a fresh seed at measured time, and its losses on the whole validation and test texts.
struct FinalRun {
  int number = 0;    ///< from 1
  std::string name;  ///< of the baseline, or "trial 57"
  std::string text;
  bool is_baseline = false;
  int trial = 0;  ///< where it comes from
  double learning_rate = 0;
  std::uint64_t seed = 0;
  std::int64_t steps = 0;
  double oracle_seconds = 0, step_seconds = 0;  ///< of a training step: what the study assumed, what was measured interleaved
  std::optional<double> validation, test;       ///< bits per byte, causal
  std::string failure;                          ///< why there are no losses

  bool finished() const { return test.has_value() || !failure.empty(); }

  nlohmann::json to_json() const {
    nlohmann::json j{{"number", number},
                     {"name", name},
                     {"text", text},
                     {"is_baseline", is_baseline},
                     {"trial", trial},
                     {"learning_rate", learning_rate},
                     {"seed", seed},
                     {"steps", steps},
                     {"oracle_seconds", oracle_seconds},
                     {"step_seconds", step_seconds},
                     {"failure", failure}};
    if (validation) j["validation"] = *validation;
    if (test) j["test"] = *test;
    return j;
  }
  static FinalRun from_json(const nlohmann::json& j) {
    FinalRun run{.number = j.at("number"),
                 .name = j.at("name"),
                 .text = j.at("text"),
                 .is_baseline = j.at("is_baseline"),
                 .trial = j.at("trial"),
                 .learning_rate = j.at("learning_rate"),
                 .seed = j.at("seed"),
                 .steps = j.at("steps"),
                 .oracle_seconds = j.at("oracle_seconds"),
                 .step_seconds = j.at("step_seconds"),
                 .validation = {},
                 .test = {},
                 .failure = j.at("failure")};
    if (j.contains("validation")) run.validation = j.at("validation").get<double>();
    if (j.contains("test")) run.test = j.at("test").get<double>();
    return run;
  }
};

}  // namespace genoform::search
