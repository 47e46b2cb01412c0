#pragma once
#include <cmath>

#include "genoform/backend/host/bucket.hpp"
#include "genoform/backend/reference/dense.hpp"
#include "genoform/ops/positions.hpp"

/// Positions and single heads, as their formulas say.
namespace genoform::reference {

inline void run(const op::RelativeBias& o, Host host) {
  const auto table = host(o.table), y = host(o.y);
  for (Index h = 0; h < y.rows; ++h)
    for (Index n = 0; n < y.columns; ++n)
      y(h, n) = (o.accumulate ? y(h, n) : 0.0) + table(h, host::bucket_of(n, table.columns, o.distance));
}

inline void run(const op::RelativeBiasGradient& o, Host host) {
  const auto dy = host(o.dy), dtable = host(o.dtable);
  for (Index h = 0; h < dy.rows; ++h)
    for (Index n = 0; n < dy.columns; ++n) dtable(h, host::bucket_of(n, dtable.columns, o.distance)) += dy(h, n);
}

inline void run(const op::NormalizeHeads& o, Host host) {
  const auto x = host(o.x), scales = host(o.scales);
  for (Index n = 0; n < x.rows; ++n)
    for (Index h = 0; h < scales.columns; ++h) {
      double square = 0.0;
      for (Index i = 0; i < o.head_dim; ++i) square += x(n, h * o.head_dim + i) * x(n, h * o.head_dim + i);
      const double scale = 1.0 / std::sqrt(square / static_cast<double>(o.head_dim) + norm_epsilon);
      for (Index i = 0; i < o.head_dim; ++i) x(n, h * o.head_dim + i) *= scale;
      scales(n, h) = scale;
    }
}

inline void run(const op::NormalizeHeadsGradient& o, Host host) {
  const auto y = host(o.y), scales = host(o.scales), dy = host(o.dy), dx = host(o.dx);
  for (Index n = 0; n < y.rows; ++n)
    for (Index h = 0; h < scales.columns; ++h) {
      const Index first = h * o.head_dim;
      double mean = 0.0;
      for (Index i = first; i < first + o.head_dim; ++i) mean += dy(n, i) * y(n, i) / static_cast<double>(o.head_dim);
      for (Index i = first; i < first + o.head_dim; ++i) dx(n, i) = scales(n, h) * (dy(n, i) - y(n, i) * mean);
    }
}

inline void run(const op::AddSinusoid& o, Host host) {
  const auto x = host(o.x);
  const Index half = x.columns / 2;
  for (Index n = 0; n < x.rows; ++n)
    for (Index i = 0; i < half; ++i) {
      const auto position = static_cast<double>(n % o.context);
      const double angle = position * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
      x(n, i) += std::sin(angle);
      x(n, half + i) += std::cos(angle);
    }
}

inline void run(const op::AddPositions& o, Host host) {
  const auto table = host(o.table), x = host(o.x);
  for (Index n = 0; n < x.rows; ++n)
    for (Index c = 0; c < x.columns; ++c) x(n, c) += table(n % o.context, c);
}

inline void run(const op::AddPositionsGradient& o, Host host) {
  const auto dy = host(o.dy), dtable = host(o.dtable);
  for (Index n = 0; n < dy.rows; ++n)
    for (Index c = 0; c < dy.columns; ++c) dtable(n % o.context, c) += dy(n, c);
}

inline void run(const op::ScaleBy& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) y(n, c) = o.factor * x(n, c);
}

inline void run(const op::ScaleByGradient& o, Host host) {
  const auto dy = host(o.dy), dx = host(o.dx);
  for (Index n = 0; n < dx.rows; ++n)
    for (Index c = 0; c < dx.columns; ++c) dx(n, c) = o.factor * dy(n, c);
}

}  // namespace genoform::reference
