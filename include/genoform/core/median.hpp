#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::core {

/// The middle of the sorted values, the mean of the two in the middle for an even number; NaN for none.
inline double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  return 0.5 * (values[(values.size() - 1) / 2] + values[values.size() / 2]);
}

}  // namespace genoform::inner::core
