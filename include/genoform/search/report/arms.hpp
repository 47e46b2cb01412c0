#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "genoform/search/json.hpp"
#include "genoform/search/store/trial.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The arm that a trial belongs to, in words.
inline std::string arm_of(const Trial& t) { return t.phase == "baseline" ? "baselines" : t.name.empty() ? "search" : t.name; }
/// The arms that have trials, in the order in which they began, the study's own search first and the baselines last.
inline std::vector<std::string> arms_of(std::span<const Trial> trials) {
  std::vector<std::string> arms, baselines;
  for (const Trial& t : trials) {
    std::vector<std::string>& list = t.phase == "baseline" ? baselines : arms;
    if (std::find(list.begin(), list.end(), arm_of(t)) == list.end()) list.push_back(arm_of(t));
  }
  std::stable_partition(arms.begin(), arms.end(), [](const std::string& arm) { return arm == "search"; });
  arms.insert(arms.end(), baselines.begin(), baselines.end());
  return arms;
}
inline std::size_t index_of_arm(const std::vector<std::string>& arms, const Trial& t) {
  return static_cast<std::size_t>(std::find(arms.begin(), arms.end(), arm_of(t)) - arms.begin());
}

/// What a finished trial cost on the oracle's clock, in seconds. Trainings that failed count in full: how far they came is not in
/// the record.
inline double trained_seconds(const Trial& t) {
  const double whole = static_cast<double>(t.steps) * t.step_seconds;
  return t.state == State::failed ? whole : t.state == State::done ? whole * t.trained_fraction() : 0;
}

/// The best loss of an arm against what its trials cost, in the order of their numbers.
struct ArmCurve {
  struct Step {
    double seconds;  ///< of the arm's trials up to this one, on the oracle's clock
    double loss;     ///< bits per byte on the validation text
    int trial;
  };
  std::string arm;
  std::vector<Step> steps;     ///< one for each trial that was better than all before
  double seconds = 0;          ///< of all trials
  int trials = 0, passed = 0;  ///< finished ones; those of them that were trained to the end
};

inline std::vector<ArmCurve> curves_of(std::span<const Trial> trials) {
  std::vector<ArmCurve> curves;
  const std::vector<std::string> arms = arms_of(trials);
  for (const std::string& arm : arms) curves.push_back({.arm = arm, .steps = {}});
  for (const Trial& t : trials) {
    if (!t.finished()) continue;
    ArmCurve& curve = curves[index_of_arm(arms, t)];
    curve.seconds += trained_seconds(t);
    ++curve.trials;
    if (t.state != State::done || !t.loss) continue;
    ++curve.passed;
    if (curve.steps.empty() || *t.loss < curve.steps.back().loss) curve.steps.push_back({curve.seconds, *t.loss, t.number});
  }
  return curves;
}

inline nlohmann::json json_of_curves(std::span<const Trial> trials) {
  nlohmann::json all = nlohmann::json::array();
  for (const ArmCurve& curve : curves_of(trials)) {
    nlohmann::json best = nlohmann::json::array();
    for (const ArmCurve::Step& s : curve.steps) best.push_back({{"seconds", s.seconds}, {"loss", s.loss}, {"trial", s.trial}});
    all.push_back({{"arm", curve.arm}, {"seconds", curve.seconds}, {"trials", curve.trials}, {"best", std::move(best)}});
  }
  return all;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
