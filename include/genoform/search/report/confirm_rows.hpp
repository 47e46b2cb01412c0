#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "genoform/search/report/speed_up.hpp"

/// The tables of the confirmation of a study.
namespace genoform::search {

/// One model at one size and budget.
struct ConfirmRow {
  std::string name{};
  int size = 0;       ///< steps up
  double budget = 1;  ///< times the study's
  double learning_rate = 0;
  bool is_rate_at_end = false;  ///< of the sweep: one beyond may be better
  std::int64_t steps = 0;
  double step_seconds = 0;
  std::vector<double> validation{}, test{};      ///< bits per byte, one a seed that all models have finished
  std::vector<std::vector<TimedLoss>> curves{};  ///< one a seed, on a trial's windows of the validation text
  std::string failure{};

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("size", self.size);
    visit("budget", self.budget);
    visit("learning_rate", self.learning_rate);
    visit("is_rate_at_end", self.is_rate_at_end);
    visit("steps", self.steps);
    visit("step_seconds", self.step_seconds);
    visit("validation", self.validation);
    visit("test", self.test);
    visit("curves", self.curves);
    visit("failure", self.failure);
  }
};

/// The winner against one control at one size and budget.
struct ConfirmComparison {
  std::string control{};
  int size = 0;
  double budget = 1;
  std::optional<double> mean{}, low{}, high{}, p_after_holm{};  ///< control - winner, bits per byte on the test text
  std::optional<double> speed_up{}, speed_up_low{}, speed_up_high{};
  std::string speed_up_bound{};          ///< ">" or "<" where it is one
  std::vector<double> speed_ups{};       ///< one a seed
  std::optional<double> control_time{};  ///< of the control to the winner's loss, over the winner's time
  std::string control_time_bound{};

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("control", self.control);
    visit("size", self.size);
    visit("budget", self.budget);
    visit("mean", self.mean);
    visit("low", self.low);
    visit("high", self.high);
    visit("p_after_holm", self.p_after_holm);
    visit("speed_up", self.speed_up);
    visit("speed_up_low", self.speed_up_low);
    visit("speed_up_high", self.speed_up_high);
    visit("speed_up_bound", self.speed_up_bound);
    visit("speed_ups", self.speed_ups);
    visit("control_time", self.control_time);
    visit("control_time_bound", self.control_time_bound);
  }
};

/// speed-up = factor * (budget / the study's budget)^exponent, over at least three budgets.
struct ConfirmLaw {
  std::string control{};
  int size = 0;
  double factor = 1, exponent = 0;
  std::optional<double> low{}, high{};  ///< of the exponent, from the fits of single seeds

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("control", self.control);
    visit("size", self.size);
    visit("factor", self.factor);
    visit("exponent", self.exponent);
    visit("low", self.low);
    visit("high", self.high);
  }
};

/// Do two settings rank the models alike?
struct ConfirmCorrelation {
  std::string between{};
  double tau = 0;  ///< Kendall's, of mean validation losses
  int models = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("between", self.between);
    visit("tau", self.tau);
    visit("models", self.models);
  }
};

}  // namespace genoform::search
