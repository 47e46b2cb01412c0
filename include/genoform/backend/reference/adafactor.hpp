#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/adafactor.hpp"

#include "genoform/core/hide_macros.hpp"

/// The step of Adafactor, as its formulas say.
namespace genoform::reference {

/// u = g / sqrt(v) of one block, after an update of its moving means of g^2 over rows and columns.
inline void factored_update(const op::AdafactorUpdate& o, Host host, Index block, std::vector<double>& u) {
  const auto g = host(o.g), means = host(o.row_means), columns = host(o.column_means), controls = host(o.controls);
  const double beta2 = controls(0, op::adafactor_beta2), one_minus_beta2 = controls(0, op::adafactor_one_minus_beta2);
  const double epsilon1 = controls(0, op::adafactor_epsilon1);
  const Index rows = means.columns, first = block * rows;
  double mean = 0.0;
  for (Index i = 0; i < rows; ++i) {
    double sum = 0.0;
    for (Index j = 0; j < g.columns; ++j) sum += g(first + i, j) * g(first + i, j) + epsilon1;
    means(block, i) = beta2 * means(block, i) + one_minus_beta2 * sum / static_cast<double>(g.columns);
    mean += means(block, i) / static_cast<double>(rows);
  }
  for (Index j = 0; j < g.columns; ++j) {
    double sum = 0.0;
    for (Index i = 0; i < rows; ++i) sum += g(first + i, j) * g(first + i, j) + epsilon1;
    columns(block, j) = beta2 * columns(block, j) + one_minus_beta2 * sum / static_cast<double>(rows);
  }
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < g.columns; ++j)
      u.push_back(g(first + i, j) / std::sqrt(means(block, i) / mean) / std::sqrt(columns(block, j)));
}

inline void run(const op::AdafactorUpdate& o, Host host) {
  if (!math::is_finite(host(o.sum)(0))) return;
  const auto w = host(o.w), g = host(o.g), controls = host(o.controls);
  const auto control = [&](op::AdafactorControl element) { return controls(0, element); };
  std::vector<double> u;
  if (o.factored())
    for (Index b = 0; b < o.row_means.rows; ++b) factored_update(o, host, b, u);
  double* const first_w = &w(0, 0);
  double* const v = o.squares.exists() ? &host(o.squares)(0, 0) : nullptr;
  double* const m = o.momentum.exists() ? &host(o.momentum)(0, 0) : nullptr;
  const auto elements = static_cast<std::size_t>(o.w.size());
  for (std::size_t i = 0; v != nullptr && i < elements; ++i) {
    const double gradient = (&g(0, 0))[i];
    v[i] = control(op::adafactor_beta2) * v[i] +
           control(op::adafactor_one_minus_beta2) * (gradient * gradient + control(op::adafactor_epsilon1));
    u.push_back(gradient / std::sqrt(v[i]));
  }
  double squares_u = 0.0, squares_w = 0.0;
  for (std::size_t i = 0; i < elements; ++i) squares_u += u[i] * u[i], squares_w += first_w[i] * first_w[i];
  const double rms_u = std::sqrt(squares_u / static_cast<double>(elements)),
               rms_w = std::sqrt(squares_w / static_cast<double>(elements));
  const double clip = control(op::adafactor_clip), learning_rate = control(op::adafactor_learning_rate),
               beta1 = control(op::adafactor_beta1);
  const double scale = o.relative ? std::max(control(op::adafactor_epsilon2), rms_w) : 1.0;
  const double step = learning_rate * scale * (clip > 0.0 && rms_u > clip ? clip / rms_u : 1.0);
  for (std::size_t i = 0; i < elements; ++i) {
    double move = step * u[i];
    if (m != nullptr) move = m[i] = beta1 * m[i] + (1.0 - beta1) * move;
    first_w[i] -= (o.decays ? learning_rate * control(op::adafactor_weight_decay) * first_w[i] : 0.0) + move;
  }
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
