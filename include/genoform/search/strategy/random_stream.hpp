#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "genoform/core/random.hpp"

namespace genoform::search {

/// Random numbers, one after the other from one stream of Random, for one decision of a search (one proposal).
class RandomStream {
 public:
  explicit constexpr RandomStream(Random random, std::uint64_t first = 0) : random_(random), next_(first) {}

  /// Uniform in [0, n), n >= 1.
  constexpr std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_.below(next_++, n)); }
  /// Uniform in [0, 1).
  constexpr double uniform() { return random_.uniform(next_++); }
  /// An index of `weights`, with probability in proportion to the weight there.
  std::size_t weighted(const std::vector<double>& weights) {
    double sum = 0;
    for (const double weight : weights) sum += weight;
    double left = uniform() * sum;
    for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
      if (left < weights[i]) return i;
      left -= weights[i];
    }
    return weights.size() - 1;
  }

 private:
  Random random_;
  std::uint64_t next_;
};

}  // namespace genoform::search
