#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/store/trial.hpp"
#include "genoform/search/strategy/population.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What the strategy of an arm may look at: its genomes, and the baselines that could be of them, in the order of their numbers.
/// Only the last `capacity` are kept, however long the study is. A genome that a hurdle stopped has the loss that it had there:
/// above those of genomes that went on, since they were better there and got better still.
class History {
 public:
  /// Baselines count at this learning rate. `is_genome`: can this text be a parent? Asked for baselines only.
  History(std::string arm, double learning_rate, std::size_t capacity, std::function<bool(const std::string&)> is_genome)
      : arm_(std::move(arm)),
        learning_rate_(learning_rate),
        capacity_(std::max<std::size_t>(1, capacity)),
        is_genome_(std::move(is_genome)) {}

  /// Adds a finished trial, whose number is above those before, if it counts.
  void add(const Trial& t) {
    const bool counts = t.phase == "baseline" ? t.learning_rate == learning_rate_ && is_genome_(t.text) : t.name == arm_;
    const std::optional<double> fitness = t.fitness();
    if (t.state != State::done || !counts || !fitness) return;
    if (scored_.size() >= capacity_ && scored_.size() - capacity_ >= capacity_)
      scored_.erase(scored_.begin(), scored_.end() - static_cast<std::ptrdiff_t>(capacity_));
    scored_.push_back({t.number, t.text, *fitness, t.learning_rate, t.batch});
  }

  /// Those up to this number.
  std::span<const Scored> up_to(int number) const {
    const auto end =
        std::upper_bound(scored_.begin(), scored_.end(), number, [](int n, const Scored& s) { return n < s.number; });
    return {scored_.data(), static_cast<std::size_t>(end - scored_.begin())};
  }

 private:
  std::string arm_;
  double learning_rate_;
  std::size_t capacity_;
  std::function<bool(const std::string&)> is_genome_;
  std::vector<Scored> scored_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
