#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// What is known about a genome before it is trained.
struct Estimate {
  std::optional<double> step_seconds;  ///< of a training step; none: to be measured by the worker that trains it
  std::int64_t parameters = 0, activated_parameters = 0;
  std::int64_t bytes = 0;  ///< weights and activations of a training step
};

/// The oracle of step time and sizes; a pure function of the text and of the sequences of a training step (0: as many as the
/// oracle was made for).
class Estimator {
 public:
  virtual ~Estimator() = default;
  virtual std::string name() const = 0;
  virtual Estimate estimate(const std::string& text, int batch) const = 0;
};

/// What a genome may cost at most; 0: no limit.
struct Limits {
  double step_time_factor = 1.2;  ///< times the step time of the first baseline
  std::int64_t parameters = 0, activated_parameters = 0, bytes = 0;

  nlohmann::json to_json() const;
  static Limits from_json(const nlohmann::json& j);

  /// Why a genome is refused; empty when it is within the limits. `baseline_seconds`: the step time that the factor multiplies.
  std::string refusal(const Estimate& e, double baseline_seconds) const {
    if (e.step_seconds && step_time_factor > 0 && *e.step_seconds > step_time_factor * baseline_seconds) return "step time";
    if (parameters > 0 && e.parameters > parameters) return "parameters";
    if (activated_parameters > 0 && e.activated_parameters > activated_parameters) return "activated parameters";
    if (bytes > 0 && e.bytes > bytes) return "bytes";
    return "";
  }
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE nlohmann::json Limits::to_json() const {
  return {{"step_time_factor", step_time_factor},
          {"parameters", parameters},
          {"activated_parameters", activated_parameters},
          {"bytes", bytes}};
}

GENOFORM_SEARCH_INLINE Limits Limits::from_json(const nlohmann::json& j) {
  return {.step_time_factor = j.at("step_time_factor"),
          .parameters = j.at("parameters"),
          .activated_parameters = j.at("activated_parameters"),
          .bytes = j.at("bytes")};
}

#endif

}  // namespace genoform::search
