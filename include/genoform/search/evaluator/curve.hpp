#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// One point of a loss curve.
struct CurvePoint {
  std::int64_t step = 0;
  double loss = 0;  ///< bits per byte on the validation text

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("step", self.step);
    visit("loss", self.loss);
  }
};

/// The steps of a run at which `points` of its curve are measured: geometric from a 16th of the run to its end, each once.
inline std::vector<std::int64_t> curve_steps(std::int64_t steps, int points) {
  std::vector<std::int64_t> at;
  for (int i = 1; i <= points; ++i) {
    const double share = points == 1 ? 1 : std::pow(16.0, static_cast<double>(i - points) / (points - 1));
    const auto step = std::max<std::int64_t>(1, std::llround(share * static_cast<double>(steps)));
    if (at.empty() || step > at.back()) at.push_back(step);
  }
  return at;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
