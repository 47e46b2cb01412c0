#pragma once
#include <string>
#include <vector>

#include "genoform/search/report/statistics.hpp"
#include "genoform/search/store/final_run.hpp"

namespace genoform::search {

/// One finalist with its fresh trainings, best first by the mean of their validation losses.
struct Standing {
  Finalist finalist;
  std::vector<double> validation, test;  ///< bits per byte, one a seed
  std::vector<double> test_whole{};      ///< where scores count a part of each window: of all its positions, one a seed
  std::string failure;

  double mean_validation() const { return statistics::mean(validation); }
  double mean_test() const { return statistics::mean(test); }
  double mean_test_whole() const { return statistics::mean(test_whole); }
  /// The architecture as a line of C++.
  std::string line() const { return "using Winner = " + finalist.text + ";"; }
  bool is_ranked() const { return !validation.empty() && failure.empty(); }
};

}  // namespace genoform::search
