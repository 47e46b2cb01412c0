#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "genoform/search/report/statistics.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// A loss that a model reaches in a time; a curve is a list of them in the order of time.
struct TimedLoss {
  double seconds = 0, loss = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("seconds", self.seconds);
    visit("loss", self.loss);
  }
};

/// When a curve reaches a loss.
struct TimeToLoss {
  enum class Bound { exact, at_most, more_than };  ///< at most: it is there at the first point; more: not within the curve
  double seconds = 0;
  Bound bound = Bound::exact;
};

/// The first time at which the curve, linear in the logarithm of time between its points, is at the loss. The curve must not be
/// empty.
inline TimeToLoss time_to_loss(std::span<const TimedLoss> curve, double loss) {
  std::size_t i = 0;
  while (i < curve.size() && curve[i].loss > loss) ++i;
  if (i == curve.size()) return {curve.back().seconds, TimeToLoss::Bound::more_than};
  if (i == 0) return {curve.front().seconds, TimeToLoss::Bound::at_most};
  const TimedLoss &before = curve[i - 1], &after = curve[i];
  const double share = (before.loss - loss) / (before.loss - after.loss);
  return {before.seconds * std::pow(after.seconds / before.seconds, share), TimeToLoss::Bound::exact};
}

/// How many times as fast as a control a model is.
struct SpeedUp {
  enum class Bound { exact, at_least, at_most };
  double factor = 1;
  Bound bound = Bound::exact;
};

/// Primer's speed-up factor from curves (So et al. 2021, section 4): time that the control takes to a loss over time that the
/// model takes. The loss is the lower one that both reach: the control's at its end where the model is better, as in the paper,
/// and the model's where the control is. A bound where the one that is ahead is there at its first point.
inline SpeedUp speed_up(std::span<const TimedLoss> control, std::span<const TimedLoss> model) {
  const double loss = std::max(control.back().loss, model.back().loss);
  const TimeToLoss slow = time_to_loss(control, loss), fast = time_to_loss(model, loss);
  SpeedUp result{slow.seconds / fast.seconds};
  using Time = TimeToLoss::Bound;
  if (fast.bound == Time::at_most && slow.bound == Time::exact) result.bound = SpeedUp::Bound::at_least;
  if (slow.bound == Time::at_most && fast.bound == Time::exact) result.bound = SpeedUp::Bound::at_most;
  return result;
}

/// Factors of several seeds together: their geometric mean, with the interval of 95 % of Student's test on their logarithms; a
/// bound where one of them is.
struct MeanSpeedUp {
  double factor = 1, low = 0, high = 0;  ///< with one seed the interval is [0, infinity)
  SpeedUp::Bound bound = SpeedUp::Bound::exact;
};
inline MeanSpeedUp mean_speed_up(std::span<const SpeedUp> seeds) {
  std::vector<double> logarithms;
  MeanSpeedUp result;
  for (const SpeedUp& s : seeds) {
    logarithms.push_back(std::log(s.factor));
    if (s.bound != SpeedUp::Bound::exact) result.bound = s.bound;
  }
  const auto d = statistics::difference(logarithms, std::vector<double>(logarithms.size(), 0));
  result.factor = std::exp(d.mean);
  result.low = std::exp(d.low);
  result.high = std::exp(d.high);
  return result;
}

/// y = factor * x^exponent.
struct PowerLaw {
  double factor = 1, exponent = 0;
};
/// By least squares of logarithms; at least two different x, all values above 0.
inline PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y) {
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += std::log(x[i]) / static_cast<double>(x.size());
    mean_y += std::log(y[i]) / static_cast<double>(x.size());
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    xx += (std::log(x[i]) - mean_x) * (std::log(x[i]) - mean_x);
    xy += (std::log(x[i]) - mean_x) * (std::log(y[i]) - mean_y);
  }
  return {std::exp(mean_y - xy / xx * mean_x), xy / xx};
}

/// Kendall's tau-b of two lists of the same length: 1 for the same order, -1 for the opposite one; 0 where one list has equal
/// values only.
inline double rank_correlation(std::span<const double> a, std::span<const double> b) {
  double agree = 0, in_a = 0, in_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      const double x = a[i] - a[j], y = b[i] - b[j];
      agree += x * y > 0 ? 1 : x * y < 0 ? -1 : 0;
      in_a += x != 0 ? 1 : 0;
      in_b += y != 0 ? 1 : 0;
    }
  return in_a * in_b == 0 ? 0 : agree / std::sqrt(in_a * in_b);
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
