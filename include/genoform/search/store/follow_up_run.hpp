#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/evaluator/curve.hpp"

namespace genoform::search {

/// One training after a final, of a model that questions its result: a row of the journal.
struct FollowUpRun {
  int number = 0;            ///< from 1, within its follow-up
  int model = 0;             ///< index in the plan of the follow-up
  int size = 0;              ///< steps up from the size that the model was found at
  std::string name;          ///< of the model, for people
  bool is_sweep = false;     ///< a short run that chooses a learning rate
  std::string text;          ///< canonical, grown
  double learning_rate = 0;  ///< 0: not chosen yet
  int batch = 0;             ///< sequences of a training step; 0: the evaluator's own number
  std::uint64_t seed = 0;
  double budget = 0;  ///< seconds of training at the measured step time
  std::int64_t steps = 0;
  double step_seconds = 0;                 ///< measured
  int points = 0;                          ///< of the curve that are measured
  std::optional<double> validation, test;  ///< bits per byte, causal; a sweep has no test loss
  std::vector<CurvePoint> curve;
  std::string failure;  ///< why there are no losses

  bool finished() const { return validation.has_value() || !failure.empty(); }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("number", self.number);
    visit("model", self.model);
    visit("size", self.size);
    visit("name", self.name);
    visit("is_sweep", self.is_sweep);
    visit("text", self.text);
    visit("learning_rate", self.learning_rate);
    visit("batch", self.batch);
    visit("seed", self.seed);
    visit("budget", self.budget);
    visit("steps", self.steps);
    visit("step_seconds", self.step_seconds);
    visit("points", self.points);
    visit("validation", self.validation);
    visit("test", self.test);
    visit("curve", self.curve);
    visit("failure", self.failure);
  }
};

}  // namespace genoform::search
