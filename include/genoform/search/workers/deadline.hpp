#pragma once
#include <algorithm>
#include <chrono>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// So many seconds from now; what the clock cannot add is 30 years.
inline std::chrono::steady_clock::time_point deadline_after(double seconds) {
  using Clock = std::chrono::steady_clock;
  constexpr double max_seconds = 1e9;
  const std::chrono::duration<double> allowed(std::min(seconds, max_seconds));
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(allowed);
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
