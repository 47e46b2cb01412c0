#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace genoform::search {

/// Training time of a trial on the oracle's clock. A fast genome gets more steps for it.
struct Budget {
  double seconds = 3;
  static constexpr std::int64_t min_steps = 8;

  std::int64_t steps(double step_seconds) const {
    return std::max(min_steps, static_cast<std::int64_t>(std::floor(seconds / step_seconds)));
  }
};

}  // namespace genoform::search
