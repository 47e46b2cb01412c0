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

/// What a strategy may look at: the genomes that were trained at one learning rate, in the order of their numbers. Fitness is the
/// last loss that was reached. Only the last `capacity` are kept, however long the study is.
class History {
 public:
  /// `is_genome`: can this text be a parent? Asked for baselines only.
  History(double learning_rate, std::size_t capacity, std::function<bool(const std::string&)> is_genome)
      : learning_rate_(learning_rate), capacity_(std::max<std::size_t>(1, capacity)), is_genome_(std::move(is_genome)) {}

  /// Adds a finished trial, whose number is above those before, if it counts.
  void add(const Trial& t) {
    if (t.state != State::done || t.learning_rate != learning_rate_) return;
    const std::optional<double> fitness = t.loss ? t.loss : t.at_hurdle;
    if (!fitness || (t.phase == "baseline" && !is_genome_(t.text))) return;
    if (scored_.size() >= capacity_ && scored_.size() - capacity_ >= capacity_)
      scored_.erase(scored_.begin(), scored_.end() - static_cast<std::ptrdiff_t>(capacity_));
    scored_.push_back({t.number, t.text, *fitness});
  }

  /// Those up to this number.
  std::span<const Scored> up_to(int number) const {
    const auto end =
        std::upper_bound(scored_.begin(), scored_.end(), number, [](int n, const Scored& s) { return n < s.number; });
    return {scored_.data(), static_cast<std::size_t>(end - scored_.begin())};
  }

 private:
  double learning_rate_;
  std::size_t capacity_;
  std::function<bool(const std::string&)> is_genome_;
  std::vector<Scored> scored_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
