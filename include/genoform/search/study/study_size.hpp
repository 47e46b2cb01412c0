#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What a study has to work with.
struct StudyTime {
  double seconds = 900;         ///< from the start to the report
  double preparation = 0;       ///< seconds of them before the first trial
  int workers = 2;              ///< that train, one model each
  double flops_per_second = 0;  ///< useful ones, that one worker reaches in a training step
  int arms = 5;                 ///< the search and its controls
  int baseline_runs = 18;       ///< trainings of baselines
  int final_runs = 50;          ///< trainings of finalists
};

/// The size of a study that ends in a given time: docs/search.md, "How large a study is".
struct StudySize {
  int trials = 0;           ///< of all arms together
  double budget = 0;        ///< seconds of training a trial
  double search_share = 0;  ///< of the time, after which no trial begins and the finals follow
  std::vector<int> widths;  ///< of the models, in rising order
};

namespace study_size {

inline constexpr double overhead = 0.12;   ///< share of the time for validation, timing of finalists and waiting
inline constexpr double final_cost = 1.3;  ///< of a final over a trial: it is scored on more text
inline constexpr double bytes_a_parameter = 20;
inline constexpr int min_width = 16;

/// 200 trials in a quarter of an hour, and twice as many in four times the time: half of what more time brings goes into more
/// trials, half into longer ones. Each arm gets the same number.
inline int trials_of(const StudyTime& time) {
  const double a_arm = 40 * std::sqrt(time.seconds / 900 * time.workers / 2);
  return time.arms * std::max(4, static_cast<int>(std::lround(a_arm)));
}

/// A width whose heads fill vectors: a multiple of 16, and below 32 of 8.
inline int nearest_width(double width) {
  const int unit = width < 28 ? 8 : 16;
  return std::max(min_width, unit * static_cast<int>(std::lround(width / unit)));
}

/// Near the width at which two blocks of Transformer (24 width^2 parameters, 6 FLOPs a parameter and byte of training) see 20
/// bytes a parameter within the budget: more parameters than that stay untrained (Hoffmann et al. 2022).
inline std::vector<int> widths_of(double budget, double flops_per_second) {
  const double parameters = std::sqrt(budget * flops_per_second / (6 * bytes_a_parameter));
  const double center = std::max(std::sqrt(parameters / 24), double{min_width});
  std::vector<int> widths;
  for (const double factor : {0.5, 2.0 / 3, 1.0, 4.0 / 3, 2.0}) {
    const int width = nearest_width(factor * center);
    if (widths.empty() || width > widths.back()) widths.push_back(width);
  }
  return widths;
}

}  // namespace study_size

/// The trials, their budget and the widths of models for a time, which must be longer than its preparation.
inline StudySize study_size_of(const StudyTime& time) {
  StudySize size;
  size.trials = study_size::trials_of(time);
  const double trainings = size.trials + time.baseline_runs + study_size::final_cost * time.final_runs;
  size.budget = (1 - study_size::overhead) * (time.seconds - time.preparation) * time.workers / trainings;
  size.search_share = 1 - study_size::final_cost * time.final_runs * size.budget / (time.seconds * time.workers) - 0.02;
  size.widths = study_size::widths_of(size.budget, time.flops_per_second);
  return size;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
