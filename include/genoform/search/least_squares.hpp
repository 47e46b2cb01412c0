#pragma once
#include <algorithm>
#include <cstddef>
#include <vector>

namespace genoform::search {

/// x >= 0 that makes sum_r (a_r . x - 1)^2 + ridge * sum x^2 least, by coordinate descent; rows [rows, columns]. Deterministic.
inline std::vector<double> non_negative_fit(const std::vector<std::vector<double>>& rows, double ridge, int sweeps = 4000) {
  const std::size_t columns = rows.empty() ? 0 : rows.front().size();
  std::vector<std::vector<double>> gram(columns, std::vector<double>(columns, 0.0));
  std::vector<double> target(columns, 0.0), x(columns, 0.0);
  for (const std::vector<double>& row : rows)
    for (std::size_t i = 0; i < columns; ++i) {
      target[i] += row[i];
      for (std::size_t j = 0; j < columns; ++j) gram[i][j] += row[i] * row[j];
    }
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    double moved = 0;
    for (std::size_t i = 0; i < columns; ++i) {
      double rest = target[i];
      for (std::size_t j = 0; j < columns; ++j) rest -= j == i ? 0 : gram[i][j] * x[j];
      const double next = std::max(0.0, rest / (gram[i][i] + ridge));
      moved = std::max(moved, next > x[i] ? next - x[i] : x[i] - next);
      x[i] = next;
    }
    if (moved < 1e-10) break;
  }
  return x;
}

}  // namespace genoform::search
