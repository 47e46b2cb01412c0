#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/store/trial.hpp"
#include "genoform/search/strategy/population.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The sizes of a genome and its step time at one batch for all, by which objectives compare genomes that were trained with
/// different ones. A step time that only a worker knows is taken in proportion to the batch.
inline Estimate sizes_of(const Trial& t, const Estimator& oracle, int batch) {
  Estimate sizes = oracle.estimate(t.text, batch);
  if (!sizes.step_seconds && t.batch > 0) sizes.step_seconds = t.step_seconds * batch / t.batch;
  return sizes;
}

/// A finished trial as strategies see it.
inline Scored scored_of(const Trial& t, double fitness, const Estimate& sizes) {
  return {.number = t.number,
          .text = t.text,
          .fitness = fitness,
          .learning_rate = t.learning_rate,
          .batch = t.batch,
          .parent = t.parent,
          .step_seconds = sizes.step_seconds.value_or(t.step_seconds),
          .parameters = sizes.parameters,
          .activated_parameters = sizes.activated_parameters,
          .bytes = sizes.bytes};
}

/// What the strategy of an arm may look at: its genomes, and the baselines that could be of them, in the order of their numbers.
/// Only the last `capacity` are kept, however long the study is. A genome that a hurdle stopped has the loss that it had there:
/// above those of genomes that went on, since they were better there and got better still.
class History {
 public:
  /// `is_genome`: can this text be a parent? Asked for baselines only. `sizes`: of a genome, where the strategy asks for them.
  History(std::string arm, std::size_t capacity, std::function<bool(const std::string&)> is_genome,
          std::function<Estimate(const Trial&)> sizes)
      : arm_(std::move(arm)),
        capacity_(std::max<std::size_t>(1, capacity)),
        is_genome_(std::move(is_genome)),
        sizes_(std::move(sizes)) {}

  /// Adds a finished trial, whose number is above those before, if it counts.
  void add(const Trial& t) {
    const bool counts = t.phase == "baseline" ? is_genome_(t.text) : t.name == arm_;
    const std::optional<double> fitness = t.fitness();
    if (t.state != State::done || !counts || !fitness) return;
    if (scored_.size() >= capacity_ && scored_.size() - capacity_ >= capacity_)
      scored_.erase(scored_.begin(), scored_.end() - static_cast<std::ptrdiff_t>(capacity_));
    scored_.push_back(scored_of(t, *fitness, sizes_(t)));
  }

  /// Those up to this number.
  std::span<const Scored> up_to(int number) const {
    const auto end =
        std::upper_bound(scored_.begin(), scored_.end(), number, [](int n, const Scored& s) { return n < s.number; });
    return {scored_.data(), static_cast<std::size_t>(end - scored_.begin())};
  }

 private:
  std::string arm_;
  std::size_t capacity_;
  std::function<bool(const std::string&)> is_genome_;
  std::function<Estimate(const Trial&)> sizes_;
  std::vector<Scored> scored_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
