#pragma once
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "genoform/search/report/statistics.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::statistics {

/// The differences models[i] - models[base] of losses on the same seeds, models[i][s] that of seed s. With few seeds the noise of
/// one difference is hardly known, so it is taken from all models together: what is left of the table when the means of its
/// models and of its seeds are gone (randomised blocks, Fisher 1935), with (models - 1) (seeds - 1) degrees of freedom. It
/// supposes that all models are equally noisy. Two models give Student's paired test. Lists of different lengths, or of fewer
/// than two seeds, say nothing: the intervals are infinite.
inline std::vector<Difference> pooled_differences(std::span<const std::vector<double>> models, std::size_t base,
                                                  double confidence = 0.95) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> means;
  bool is_complete = models.size() > 1 && models[base].size() > 1;
  for (const std::vector<double>& losses : models) {
    means.push_back(mean(losses));
    is_complete = is_complete && losses.size() == models[base].size();
  }
  std::vector<Difference> differences;
  for (const double m : means) differences.push_back({m - means[base], -infinity, infinity, 1});
  if (!is_complete) return differences;
  const std::size_t seeds = models[base].size();
  double residual = 0;
  const double grand = mean(means);
  for (std::size_t s = 0; s < seeds; ++s) {
    std::vector<double> of_seed;
    for (const std::vector<double>& losses : models) of_seed.push_back(losses[s]);
    const double seed = mean(of_seed) - grand;
    for (std::size_t m = 0; m < models.size(); ++m) {
      const double left = models[m][s] - means[m] - seed;
      residual += left * left;
    }
  }
  const int degrees = static_cast<int>((models.size() - 1) * (seeds - 1));
  const double error = std::sqrt(2 * residual / degrees / static_cast<double>(seeds));
  const double reach = student_quantile(confidence, degrees) * error;
  for (Difference& d : differences) {
    d.low = d.mean - reach;
    d.high = d.mean + reach;
    d.p = error == 0 ? (d.mean == 0 ? 1 : 0) : 1 - student_within(std::abs(d.mean) / error, degrees);
  }
  return differences;
}

}  // namespace genoform::search::statistics

#include "genoform/core/restore_macros.hpp"
