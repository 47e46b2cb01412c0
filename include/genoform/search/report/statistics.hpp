#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <numeric>
#include <span>
#include <vector>

#include "genoform/core/hide_macros.hpp"

/// Whether one architecture is better than another, from the losses of a few seeds.
namespace genoform::search::statistics {

inline double mean(std::span<const double> values) {
  return values.empty() ? std::numeric_limits<double>::quiet_NaN()
                        : std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
/// With n - 1 in the denominator; 0 for one value.
inline double standard_deviation(std::span<const double> values) {
  double sum = 0;
  for (const double v : values) sum += (v - mean(values)) * (v - mean(values));
  return values.size() < 2 ? 0 : std::sqrt(sum / static_cast<double>(values.size() - 1));
}

/// P(|T| < t) of Student's distribution with so many degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4).
inline double student_within(double t, int degrees) {
  const double angle = std::atan(t / std::sqrt(static_cast<double>(degrees)));
  const double c = std::cos(angle), odd = degrees % 2;
  double term = odd != 0 ? c : 1, sum = degrees > 1 ? term : 0;
  for (int k = 2; k <= degrees - 2; k += 2) {
    const double n = k + odd;
    term *= c * c * (n - 1) / n;
    sum += term;
  }
  return odd != 0 ? 2 / std::numbers::pi * (angle + std::sin(angle) * sum) : std::sin(angle) * sum;
}
/// The t with P(|T| < t) = `confidence`.
inline double student_quantile(double confidence, int degrees) {
  double low = 0, high = 1;
  while (student_within(high, degrees) < confidence) high *= 2;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (student_within(middle, degrees) < confidence ? low : high) = middle;
  }
  return high;
}

/// A mean with its interval, and the probability of one so far from 0 where the true mean is 0.
struct Difference {
  double mean = 0, low = 0, high = 0, p = 1;
};
/// The mean of values with its interval by Student's distribution, which fewer than two values make infinite.
inline Difference of_mean(std::span<const double> values, double confidence = 0.95) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double middle = mean(values);
  if (values.size() < 2) return {middle, -infinity, infinity, 1};
  const double error = standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
  const int degrees = static_cast<int>(values.size()) - 1;
  if (error == 0) return {middle, middle, middle, middle == 0 ? 1.0 : 0.0};
  const double reach = student_quantile(confidence, degrees) * error;
  return {middle, middle - reach, middle + reach, 1 - student_within(std::abs(middle) / error, degrees)};
}
/// Of first[i] - second[i], such as the losses of two models on the same data (Student's paired test). Fewer than two pairs, or
/// lists of different lengths, say nothing: the interval is infinite.
inline Difference difference(std::span<const double> first, std::span<const double> second, double confidence = 0.95) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (first.size() != second.size()) return {mean(first) - mean(second), -infinity, infinity, 1};
  std::vector<double> pairs;
  for (std::size_t i = 0; i < first.size(); ++i) pairs.push_back(first[i] - second[i]);
  return of_mean(pairs, confidence);
}

/// The probabilities of several tests, raised so that one of them is below a level by chance with at most that probability (Holm
/// 1979).
inline std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double last = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    last = std::max(last, std::min(1.0, p[order[i]] * static_cast<double>(order.size() - i)));
    adjusted[order[i]] = last;
  }
  return adjusted;
}

/// 1 for the lowest value; equal ones share the mean of their ranks.
inline std::vector<double> ranks(std::span<const double> values) {
  std::vector<double> ranks;
  for (const double v : values) {
    double rank = 0.5;
    for (const double other : values) rank += other < v ? 1 : other == v ? 0.5 : 0;
    ranks.push_back(rank);
  }
  return ranks;
}
/// Spearman's rank correlation of pairs, from -1 to 1: Pearson's correlation of the ranks. NaN for lists of different lengths,
/// fewer than two pairs, or where one list has equal values only.
inline double spearman(std::span<const double> first, std::span<const double> second) {
  if (first.size() != second.size() || first.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> a = ranks(first), b = ranks(second);
  const double middle = 0.5 * static_cast<double>(a.size() + 1);
  double products = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    products += (a[i] - middle) * (b[i] - middle);
    squares_a += (a[i] - middle) * (a[i] - middle);
    squares_b += (b[i] - middle) * (b[i] - middle);
  }
  return products / std::sqrt(squares_a * squares_b);
}

}  // namespace genoform::search::statistics

#include "genoform/core/restore_macros.hpp"
