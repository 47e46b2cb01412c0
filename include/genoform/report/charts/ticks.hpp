#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/math.hpp"
#include "genoform/report/text_table.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report::charts {

/// Round numbers along an axis: multiples of 1, 2 or 5 times a power of ten, which enclose the values.
struct Ticks {
  std::vector<double> at;  ///< in rising order, two or more
  int digits = 0;          ///< after the point, so many that neighbours differ

  double low() const { return at.front(); }
  double high() const { return at.back(); }
};

namespace ticks {

struct Range {
  double low, high;
};

/// A range that has room for ticks: finite, and wide enough to be divided in doubles. One value gets 5 % on each side.
inline Range with_room(double low, double high) {
  constexpr double limit = 1e300;
  const auto bounded = [&](double v, double otherwise) { return math::is_finite(v) ? std::clamp(v, -limit, limit) : otherwise; };
  low = bounded(low, 0);
  high = bounded(high, low);
  if (low > high) std::swap(low, high);
  const double magnitude = std::max(std::abs(low), std::abs(high));
  if (magnitude < 1 / limit) return {0, 1};
  if (high / 2 - low / 2 > 1e-9 * magnitude) return {low, high};
  return {low - 0.05 * magnitude, high + 0.05 * magnitude};
}

/// The smallest of 1, 2, 5 and 10 times a power of ten that is not below.
inline double round_up(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (step <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

}  // namespace ticks

/// Ticks around values from `low` to `high`, `wanted` intervals or some fewer. What is not finite counts as 0.
inline Ticks ticks_over(double low, double high, int wanted = 5) {
  const ticks::Range range = ticks::with_room(low, high);
  const double step = ticks::round_up(range.high / wanted - range.low / wanted);
  Ticks found;
  found.digits = std::clamp(-static_cast<int>(std::floor(std::log10(step) + 1e-9)), 0, 300);
  const double first = std::floor(range.low / step + 1e-6), last = std::ceil(range.high / step - 1e-6);
  for (double i = first; i <= std::max(last, first + 1); ++i) found.at.push_back(i == 0 ? 0 : i * step);
  return found;
}

/// How the numbers of an axis are written: as they are, a share as percent, a count with a unit (12 k).
enum class NumberStyle : std::uint8_t { plain, percent, with_unit };

/// The label of a tick. Numbers that would be long get an exponent.
inline std::string text_of_tick(const Ticks& ticks, double value, NumberStyle style) {
  if (style == NumberStyle::percent) return fixed_text(100 * value, std::max(0, ticks.digits - 2)) + " %";
  const double step = ticks.at[1] - ticks.at[0], magnitude = std::max(std::abs(ticks.low()), std::abs(ticks.high()));
  const auto exponent = [](double v) { return static_cast<int>(std::floor(std::log10(v) + 1e-9)); };
  const int significant = std::max(1, 1 + exponent(magnitude) - exponent(step));  // digits that tell neighbours apart
  if (style == NumberStyle::with_unit && significant <= 3 && step >= 1 && magnitude < 1e18) return with_unit(value);
  if (ticks.digits > 6 || magnitude >= 1e7) return general_text(value, significant);
  return magnitude >= 1e4 ? grouped(static_cast<std::int64_t>(std::llround(value))) : fixed_text(value, ticks.digits);
}

}  // namespace genoform::inner::report::charts

#include "genoform/core/restore_macros.hpp"
