#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "genoform/core/decimal.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// The learning rate over a run, as a factor of TrainOptions::learning_rate. Steps count from 0.
struct Schedule {
  enum class Kind : std::uint8_t {
    cosine,                 ///< linear warm-up, then half a cosine down to `floor` at the last step
    reciprocal_square_root  ///< constant for `warm_up` steps, then times sqrt(warm_up / step): Primer and Brainformer
  };
  Kind kind = Kind::cosine;
  std::int64_t warm_up = -1;  ///< steps; below 0: a twentieth of the run
  double floor = 0.1;         ///< the factor at which the cosine ends

  double factor(std::int64_t step, std::int64_t steps) const {
    const double warm = static_cast<double>(std::max<std::int64_t>(1, warm_up < 0 ? steps / 20 : warm_up));
    const double done = static_cast<double>(step);
    if (kind == Kind::reciprocal_square_root) return std::sqrt(warm / std::max(warm, done));
    const double wave = 0.5 * (1 + std::cos(std::numbers::pi * done / static_cast<double>(std::max<std::int64_t>(1, steps))));
    return std::min(1.0, (done + 1) / warm) * (floor + (1 - floor) * wave);
  }
  std::string description() const {
    return std::string(kind == Kind::cosine ? "cosine" : "rsqrt") + " warm-up " + std::to_string(warm_up) + " floor " +
           general_text(floor);
  }
};

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::Schedule;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
