#pragma once
#include <algorithm>
#include <cmath>
#include <numbers>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/dense.hpp"

#include "genoform/core/hide_macros.hpp"

/// The dense operations as their formulas say (docs/formats/model.md, section 2).
namespace genoform::reference {

inline constexpr double norm_epsilon = 1e-6;

inline double sigmoid(double u) { return 1.0 / (1.0 + std::exp(-u)); }

inline double apply(op::Function f, double u) {
  switch (f) {
    case op::Function::identity: return u;
    case op::Function::relu: return std::max(u, 0.0);
    case op::Function::gelu: return 0.5 * u * (1.0 + std::tanh(std::sqrt(2.0 / std::numbers::pi) * (u + 0.044715 * u * u * u)));
    case op::Function::swish: return u * sigmoid(u);
    case op::Function::squared_relu: return std::max(u, 0.0) * std::max(u, 0.0);
  }
  return u;
}

/// df/du from u.
inline double derivative(op::Function f, double u) {
  switch (f) {
    case op::Function::identity: return 1.0;
    case op::Function::relu: return u > 0.0 ? 1.0 : 0.0;
    case op::Function::gelu: {
      const double c = std::sqrt(2.0 / std::numbers::pi);
      const double t = std::tanh(c * (u + 0.044715 * u * u * u));
      return 0.5 * (1.0 + t) + 0.5 * u * (1.0 - t * t) * c * (1.0 + 3.0 * 0.044715 * u * u);
    }
    case op::Function::swish: return sigmoid(u) + u * sigmoid(u) * (1.0 - sigmoid(u));
    case op::Function::squared_relu: return 2.0 * std::max(u, 0.0);
  }
  return 1.0;
}

/// df/du from the tensor that the backward pass of a product gets: y = f(u), or for gelu and swish the derivative itself.
inline double derivative_from_output(op::Function f, double y) {
  if (f == op::Function::relu) return y > 0.0 ? 1.0 : 0.0;
  if (f == op::Function::squared_relu) return 2.0 * std::sqrt(y);
  return f == op::Function::identity ? 1.0 : y;
}

inline void run(const op::Clear& o, Host host) {
  const auto y = host(o.y);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) y(n, c) = 0.0;
}

inline void run(const op::Copy& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) y(n, c) = x(n, c);
}

inline void run(const op::Add& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) y(n, c) += x(n, c);
}

inline void run(const op::Embed& o, Host host) {
  const auto tokens = host.indices(o.tokens);
  const auto table = host(o.table), y = host(o.y);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) y(n, c) = tokens(n) < 0 ? 0.0 : table(tokens(n), c);
}

inline void run(const op::EmbedGradient& o, Host host) {
  const auto tokens = host.indices(o.tokens);
  const auto dy = host(o.dy), dtable = host(o.dtable);
  for (Index n = 0; n < dy.rows; ++n)
    for (Index c = 0; c < dy.columns && tokens(n) >= 0; ++c) dtable(tokens(n), c) += dy(n, c);
}

inline void run(const op::Linear& o, Host host) {
  const auto x = host(o.x), w = host(o.w), bias = host(o.bias), y = host(o.y), added = host(o.added);
  for (Index n = 0; n < y.rows; ++n)
    for (Index out = 0; out < y.columns; ++out) {
      double sum = bias ? bias(0, out) : 0.0;
      for (Index in = 0; in < x.columns; ++in) sum += x(n, in) * w(out, in);
      y(n, out) = apply(o.f, sum) + (added ? added(n, out) : 0.0);
    }
}

inline void run(const op::LinearInputGradient& o, Host host) {
  const auto dy = host(o.dy), w = host(o.w), dx = host(o.dx), output = host(o.output);
  for (Index n = 0; n < dx.rows; ++n)
    for (Index in = 0; in < dx.columns; ++in) {
      double sum = o.accumulate ? dx(n, in) : 0.0;
      for (Index out = 0; out < dy.columns; ++out) sum += dy(n, out) * w(out, in);
      dx(n, in) = output ? sum * derivative_from_output(o.f, output(n, in)) : sum;
    }
}

inline void run(const op::LinearWeightGradient& o, Host host) {
  const auto x = host(o.x), dy = host(o.dy), dw = host(o.dw), dbias = host(o.dbias);
  for (Index n = 0; n < dy.rows; ++n)
    for (Index out = 0; out < dy.columns; ++out) {
      for (Index in = 0; in < x.columns; ++in) dw(out, in) += dy(n, out) * x(n, in);
      if (dbias) dbias(0, out) += dy(n, out);
    }
}

inline void run(const op::Normalize& o, Host host) {
  const auto x = host(o.x), w = host(o.w), b = host(o.b), statistics = host(o.statistics), y = host(o.y);
  const auto width = static_cast<double>(x.columns);
  for (Index n = 0; n < x.rows; ++n) {
    double mean = 0.0, square = 0.0;
    if (o.statistic != op::Statistic::rms)
      for (Index c = 0; c < x.columns; ++c) mean += x(n, c) / width;
    const double shift = o.statistic == op::Statistic::primer ? 0.0 : mean;  // mean(x(x - mean)), or mean((x - mean)^2)
    for (Index c = 0; c < x.columns; ++c) square += (x(n, c) - shift) * (x(n, c) - mean) / width;
    const double scale = 1.0 / std::sqrt(std::max(square, 0.0) + norm_epsilon);
    for (Index c = 0; c < x.columns; ++c) y(n, c) = (w ? w(0, c) : 1.0) * (x(n, c) - mean) * scale + (b ? b(0, c) : 0.0);
    statistics(n, 0) = mean;
    statistics(n, 1) = scale;
  }
}

/// With z = (x - mean) * scale and g = w * dy: dx = scale * (g - mean(g) - z * mean(g z)), the middle term only where the mean
/// was subtracted.
inline void run(const op::NormalizeGradient& o, Host host) {
  const auto x = host(o.x), w = host(o.w), statistics = host(o.statistics);
  const auto dy = host(o.dy), dx = host(o.dx), dw = host(o.dw), db = host(o.db);
  const auto width = static_cast<double>(x.columns);
  for (Index n = 0; n < x.rows; ++n) {
    const double mean = statistics(n, 0), scale = statistics(n, 1);
    const auto z = [&](Index c) { return (x(n, c) - mean) * scale; };
    const auto g = [&](Index c) { return (w ? w(0, c) : 1.0) * dy(n, c); };
    double mean_g = 0.0, mean_gz = 0.0;
    for (Index c = 0; c < x.columns; ++c) {
      if (o.statistic != op::Statistic::rms) mean_g += g(c) / width;
      mean_gz += g(c) * z(c) / width;
      if (dw) dw(0, c) += dy(n, c) * z(c);
      if (db) db(0, c) += dy(n, c);
    }
    for (Index c = 0; c < x.columns; ++c) {
      const double gradient = scale * (g(c) - mean_g - z(c) * mean_gz);
      dx(n, c) = (o.accumulate ? dx(n, c) : 0.0) + gradient;
    }
  }
}

inline void run(const op::Activate& o, Host host) {
  const auto u = host(o.u), gate = host(o.gate), y = host(o.y), derivatives = host(o.derivative);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) {
      const double x = u(n, c);
      y(n, c) = gate ? apply(o.f, gate(n, c)) * x : apply(o.f, x);
      if (derivatives) derivatives(n, c) = derivative(o.f, x);
    }
}

inline void run(const op::ActivateGradient& o, Host host) {
  const auto u = host(o.u), gate = host(o.gate), y = host(o.y), dy = host(o.dy), du = host(o.du), dgate = host(o.dgate);
  const bool by_input = u && (o.f == op::Function::gelu || o.f == op::Function::swish);
  for (Index n = 0; n < dy.rows; ++n)
    for (Index c = 0; c < dy.columns; ++c) {
      const double d = dy(n, c);
      if (gate) {
        dgate(n, c) = d * u(n, c) * derivative(o.f, gate(n, c));
        du(n, c) = d * apply(o.f, gate(n, c));
      } else {
        du(n, c) = d * (by_input ? derivative(o.f, u(n, c)) : derivative_from_output(o.f, y(n, c)));
      }
    }
}

/// The log-sum-exp of a row, computed after subtracting the maximum so that nothing overflows.
inline double log_sum_exp(const Matrix<double>& x, Index row) {
  double largest = x(row, 0), sum = 0.0;
  for (Index c = 1; c < x.columns; ++c) largest = std::max(largest, x(row, c));
  for (Index c = 0; c < x.columns; ++c) sum += std::exp(x(row, c) - largest);
  return largest + std::log(sum);
}

inline void run(const op::CrossEntropy& o, Host host) {
  const auto logits = host(o.logits), scale = host(o.scale), loss = host(o.loss), dlogits = host(o.dlogits);
  const auto targets = host.indices(o.targets);
  double count = 0.0, sum = 0.0;
  for (Index n = 0; n < logits.rows; ++n) count += targets(n) >= 0 ? 1.0 : 0.0;
  for (Index n = 0; n < logits.rows; ++n) {
    const bool counts = targets(n) >= 0;
    const double normaliser = log_sum_exp(logits, n);
    if (counts) sum += normaliser - logits(n, targets(n));
    if (!dlogits) continue;
    for (Index c = 0; c < logits.columns; ++c) {
      const double p = std::exp(logits(n, c) - normaliser);
      dlogits(n, c) = counts ? scale(0) * (p - (c == targets(n) ? 1.0 : 0.0)) / count : 0.0;
    }
  }
  loss(0) = count > 0.0 ? sum / count : 0.0;
}

inline void run(const op::Softmax& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  for (Index n = 0; n < x.rows; ++n) {
    const double normaliser = log_sum_exp(x, n);
    for (Index c = 0; c < x.columns; ++c) y(n, c) = std::exp(x(n, c) - normaliser);
  }
}

inline void run(const op::SoftmaxGradient& o, Host host) {
  const auto y = host(o.y), dy = host(o.dy), dx = host(o.dx);
  for (Index n = 0; n < y.rows; ++n) {
    double dot = 0.0;
    for (Index c = 0; c < y.columns; ++c) dot += y(n, c) * dy(n, c);
    for (Index c = 0; c < y.columns; ++c) dx(n, c) = y(n, c) * (dy(n, c) - dot);
  }
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
