#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genoform/search/strategy/random_stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// A finished trial as a strategy sees it. Fitness: bits per byte on the validation text, lower is better.
struct Scored {
  int number = 0;
  std::string text;
  double fitness = 0;
  double learning_rate = 0;
  int batch = 0;
  int parent = 0;           ///< the trial it was made from; 0: none
  double step_seconds = 0;  ///< of a training step, here and below at the batch of the baselines
  std::int64_t parameters = 0, activated_parameters = 0;
  std::int64_t bytes = 0;  ///< weights and activations of a training step
};

/// The last `capacity` finished trials: the oldest member leaves, not the worst (regularised evolution, Real et al., 2019).
class Population {
 public:
  Population(std::span<const Scored> history, std::size_t capacity)
      : members_(history.last(std::min(capacity, history.size()))) {}

  std::span<const Scored> members() const { return members_; }

  /// The best of `size` different members sampled at random; ties go to the older one.
  const Scored& tournament(std::size_t size, RandomStream& samples) const {
    std::vector<const Scored*> left;
    for (const Scored& member : members_) left.push_back(&member);
    const Scored* best = nullptr;
    for (std::size_t i = 0; i < std::min(size, members_.size()); ++i) {
      const std::size_t at = samples.below(left.size());
      const Scored* sampled = left[at];
      left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
      if (best == nullptr || sampled->fitness < best->fitness ||
          (!(best->fitness < sampled->fitness) && sampled->number < best->number))
        best = sampled;
    }
    return *best;
  }

 private:
  std::span<const Scored> members_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
