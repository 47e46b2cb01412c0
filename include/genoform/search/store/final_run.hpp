#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/store/trial.hpp"

namespace genoform::search {

/// A genome or baseline that goes to the final.
struct Finalist {
  std::string name;  ///< of the baseline, "trial 57", or of a control arm with its trial
  std::string text;
  bool is_baseline = false, is_control = false;  ///< none of both: found by the search of the study
  int trial = 0;                                 ///< where it comes from
  double learning_rate = 0;
  int batch = 0;  ///< sequences of a training step; 0: the evaluator's own number
  std::int64_t steps = 0;
  double oracle_seconds = 0, step_seconds = 0;  ///< of a training step: what the study assumed, what was measured interleaved

  /// As the search left it: the measured step time is the assumed one.
  static Finalist of(const Trial& t) {
    const bool is_baseline = t.phase == "baseline", is_control = !is_baseline && !t.name.empty();
    const std::string number = "trial " + std::to_string(t.number);
    return {.name = is_baseline  ? t.name
                    : is_control ? t.name + ", " + number
                                 : number,
            .text = t.text,
            .is_baseline = is_baseline,
            .is_control = is_control,
            .trial = t.number,
            .learning_rate = t.learning_rate,
            .batch = t.batch,
            .steps = t.steps,
            .oracle_seconds = t.step_seconds,
            .step_seconds = t.step_seconds};
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("text", self.text);
    visit("is_baseline", self.is_baseline);
    visit("is_control", self.is_control);
    visit("trial", self.trial);
    visit("learning_rate", self.learning_rate);
    visit("batch", self.batch);
    visit("steps", self.steps);
    visit("oracle_seconds", self.oracle_seconds);
    visit("step_seconds", self.step_seconds);
  }
};

/// One training of a finalist with a fresh seed at measured time, and its scores over the whole validation and test texts.
struct FinalRun {
  int number = 0;  ///< from 1
  Finalist finalist;
  std::uint64_t seed = 0;
  std::optional<double> validation, test;  ///< bits per byte, causal
  std::optional<double> test_whole;        ///< where scores count a part of each window: of all its positions
  std::string failure;                     ///< why there are no losses

  bool finished() const { return test.has_value() || !failure.empty(); }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("number", self.number);
    visit("finalist", self.finalist);
    visit("seed", self.seed);
    visit("validation", self.validation);
    visit("test", self.test);
    visit("test_whole", self.test_whole);
    visit("failure", self.failure);
  }
};

}  // namespace genoform::search
