#pragma once
#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// x >= 0 that makes sum_r (a_r . x - b_r)^2 + ridge * sum x^2 least, by coordinate descent; rows [rows, columns], targets b
/// [rows]. Deterministic.
inline std::vector<double> non_negative_fit(const std::vector<std::vector<double>>& rows, const std::vector<double>& targets,
                                            double ridge, int sweeps = 4000) {
  using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto columns = rows.empty() ? Eigen::Index{0} : static_cast<Eigen::Index>(rows.front().size());
  RowMajor a(static_cast<Eigen::Index>(rows.size()), columns);
  for (std::size_t r = 0; r < rows.size(); ++r)
    a.row(static_cast<Eigen::Index>(r)) = Eigen::Map<const Eigen::RowVectorXd>(rows[r].data(), columns);
  const RowMajor gram = a.transpose() * a;
  const Eigen::VectorXd target =
      a.transpose() * Eigen::Map<const Eigen::VectorXd>(targets.data(), static_cast<Eigen::Index>(targets.size()));
  std::vector<double> fit(static_cast<std::size_t>(columns), 0.0);
  Eigen::Map<Eigen::VectorXd> x(fit.data(), columns);
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    double moved = 0;
    for (Eigen::Index i = 0; i < columns; ++i) {
      const double rest = target[i] - gram.row(i).dot(x) + gram(i, i) * x[i];
      const double next = std::max(0.0, rest / (gram(i, i) + ridge));
      moved = std::max(moved, std::abs(next - x[i]));
      x[i] = next;
    }
    if (moved < 1e-10) break;
  }
  return fit;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
