#pragma once
#include <algorithm>
#include <cmath>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/optimizer.hpp"

/// The optimizer step, as its formulas say.
namespace genoform::reference {

inline void run(const op::SumOfSquares& o, Host host) {
  const auto x = host(o.x), sum = host(o.sum);
  double total = 0.0;
  for (Index n = 0; n < x.rows; ++n)
    for (Index c = 0; c < x.columns; ++c) total += x(n, c) * x(n, c);
  sum(0) = total;
}

inline void run(const op::AdamWUpdate& o, Host host) {
  const auto w = host(o.w), g = host(o.g), m = host(o.m), v = host(o.v), sum = host(o.sum), controls = host(o.controls);
  const auto control = [&](op::AdamWControl element) { return controls(0, element); };
  const double beta1 = control(op::beta1_index), beta2 = control(op::beta2_index);
  if (!math::is_finite(sum(0))) return;
  const double norm = std::sqrt(sum(0)), clip = control(op::clip_index);
  const double shrink = clip > 0.0 && norm > clip ? clip / norm : 1.0;
  for (Index i = 0; i < w.columns; ++i) {
    const double gradient = shrink * g(0, i);
    m(0, i) = beta1 * m(0, i) + (1.0 - beta1) * gradient;
    v(0, i) = beta2 * v(0, i) + (1.0 - beta2) * gradient * gradient;
    const double mean = m(0, i) / control(op::correction1_index), square = v(0, i) / control(op::correction2_index);
    const double weight_decay = o.decays ? control(op::weight_decay_index) * w(0, i) : 0.0;
    w(0, i) -= control(op::learning_rate_index) * (mean / (std::sqrt(square) + control(op::epsilon_index)) + weight_decay);
  }
}

}  // namespace genoform::reference
