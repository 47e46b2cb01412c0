#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Training time of a trial on the oracle's clock. A fast genome gets more steps for it.
struct Budget {
  double seconds = 3;
  static constexpr std::int64_t min_steps = 8;
  static constexpr double max_steps = 2147483647;  ///< what TrainOptions::steps holds

  std::int64_t steps(double step_seconds) const {
    const double steps = std::min(std::floor(seconds / step_seconds), max_steps);
    return std::max(min_steps, static_cast<std::int64_t>(steps));
  }
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
