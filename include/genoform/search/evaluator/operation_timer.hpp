#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/median.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/search/clock/cost_features.hpp"
#include "genoform/search/evaluator/requests.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Times the operations of training steps, those of equal work together: `model.observe(&timer)` before a trainer is made, and
/// end_step() after each step that counts. Not those of the optimizer and not the clearing of gradients, which a step table knows
/// by the parameters. For back ends that have finished an operation when its call returns.
class OperationTimer final : public extend::Observer {
 public:
  std::size_t record(Phase phase, const OperationInfo& op) override {
    if (phase == Phase::update || op.name == op::Clear::name) return untimed;
    const auto [place, is_new] = groups_.try_emplace(features_of(op), seconds_.size());
    if (is_new) {
      seconds_.emplace_back();
      now_.emplace_back();
    }
    return place->second;
  }
  void run(std::size_t number, void (*operation)(void*), void* state) override {
    if (number == untimed) return operation(state);
    const auto start = Clock::now();
    operation(state);
    now_[number].seconds += std::chrono::duration<double>(Clock::now() - start).count();
    ++now_[number].calls;
  }

  void end_step() {
    for (std::size_t i = 0; i < now_.size(); ++i) {
      seconds_[i].push_back(now_[i].seconds);
      calls_.resize(now_.size());
      calls_[i] = now_[i].calls;
    }
    forget_step();
  }
  /// What was timed since the last step that counts is left out.
  void forget_step() { now_.assign(now_.size(), {}); }

  /// The seconds of each group, in the order of their work, in a step that took `median_step` here and is taken for
  /// `step_seconds`: medians over the steps, in proportion.
  std::vector<OperationTime> times(double median_step, double step_seconds) const {
    std::vector<OperationTime> times;
    double sum = 0;
    for (const auto& [features, i] : groups_) {
      if (seconds_[i].empty() || calls_[i] == 0) continue;
      OperationTime time{.work = {}, .seconds = median(seconds_[i])};
      for (const auto& [name, amount] : features) time.work.push_back({.name = name, .amount = amount * calls_[i]});
      sum += time.seconds;
      times.push_back(std::move(time));
    }
    // The step is measured in processor time, its operations in time that other processes share: they may be longer together.
    const double scale = step_seconds / std::max(sum, median_step);
    for (OperationTime& time : times) time.seconds *= scale;
    return times;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t untimed = static_cast<std::size_t>(-1);
  struct Calls {
    double seconds = 0;
    int calls = 0;
  };

  std::map<CostFeatures, std::size_t> groups_;  ///< by the work of one call: place in the lists below
  std::vector<Calls> now_;                      ///< of the step that is under way
  std::vector<int> calls_;                      ///< in a step
  std::vector<std::vector<double>> seconds_;    ///< of each step that counts
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
