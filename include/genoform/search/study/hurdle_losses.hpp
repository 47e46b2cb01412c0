#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "genoform/core/median.hpp"
#include "genoform/search/store/trial.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The losses with which the genomes of an arm arrived at each hurdle, in the order of their numbers. The paper does not say over
/// which of them the median is taken; here over the last ones, so that half pass too while the search gets better.
class HurdleLosses {
 public:
  static constexpr std::size_t sample = 20;  ///< losses that a median is taken of, where there are so many
  static constexpr std::size_t needed = 10;  ///< losses before anything stops at a hurdle

  /// Trials up to `window` numbers ahead of what is asked for are kept beside the sample.
  explicit HurdleLosses(std::size_t window) : kept_(sample + window) {}

  /// Adds a finished genome, whose number is above those before. Beyond the hurdle that would have stopped it, one that was let
  /// through has not arrived.
  void add(const Trial& t) {
    if (t.state != State::done) return;
    losses_.resize(std::max(losses_.size(), t.hurdles.size()));
    for (std::size_t i = 0; i < t.hurdles.size() && t.hurdles[i].loss; ++i) {
      std::vector<Loss>& at = losses_[i];
      if (at.size() >= 2 * kept_) at.erase(at.begin(), at.end() - static_cast<std::ptrdiff_t>(kept_));
      at.emplace_back(t.number, *t.hurdles[i].loss);
      if (t.hurdles[i].stops()) return;
    }
  }

  /// The loss that half of the last trials up to this number had reached at a hurdle; none: too few arrived there.
  std::optional<double> threshold(std::size_t hurdle, int number) const {
    if (hurdle >= losses_.size()) return std::nullopt;
    const std::vector<Loss>& all = losses_[hurdle];
    const auto end = std::upper_bound(all.begin(), all.end(), number, [](int n, const Loss& loss) { return n < loss.first; });
    const auto count = static_cast<std::size_t>(end - all.begin());
    if (count < needed) return std::nullopt;
    std::vector<double> last;
    for (auto at = end - static_cast<std::ptrdiff_t>(std::min(count, sample)); at != end; ++at) last.push_back(at->second);
    return median(std::move(last));
  }

 private:
  using Loss = std::pair<int, double>;  ///< number of the trial, bits per byte

  std::size_t kept_;
  std::vector<std::vector<Loss>> losses_;  ///< by hurdle
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
