#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/linear_attention.hpp"

#include "genoform/core/hide_macros.hpp"

/// Attention by features, computed for every pair of positions: an oracle that has no running sum in common with other back
/// ends.
namespace genoform::reference {

inline void run(const op::RandomFeatures& o, Host host) {
  const auto x = host(o.x), w = host(o.w), y = host(o.y), shift = host(o.shift);
  const Index K = w.columns, m = w.rows;
  const double root = std::pow(static_cast<double>(K), -0.25);
  for (Index n = 0; n < x.rows; ++n)
    for (Index h = 0; h < o.heads; ++h) {
      double square = 0.0;
      for (Index i = 0; i < K; ++i) square += root * x(n, h * K + i) * root * x(n, h * K + i);
      std::vector<double> p(static_cast<std::size_t>(m), 0.0);
      for (Index j = 0; j < m; ++j)
        for (Index i = 0; i < K; ++i) p[static_cast<std::size_t>(j)] += w(j, i) * root * x(n, h * K + i);
      const bool softmax = o.kernel == op::FeatureKernel::softmax;
      const double largest = *std::max_element(p.begin(), p.end());
      for (Index j = 0; j < m; ++j) {
        const double value = p[static_cast<std::size_t>(j)];
        y(n, h * m + j) = softmax ? std::exp(value - largest) : std::max(value, 0.0) + op::relu_feature_floor;
      }
      if (shift) shift(n, h) = softmax ? largest - 0.5 * square : 0.0;
    }
}

inline void run(const op::RandomFeaturesGradient& o, Host host) {
  const auto x = host(o.x), w = host(o.w), y = host(o.y), dy = host(o.dy), dx = host(o.dx);
  const Index K = w.columns, m = w.rows;
  const double root = std::pow(static_cast<double>(K), -0.25);
  const bool softmax = o.kernel == op::FeatureKernel::softmax;
  for (Index n = 0; n < x.rows; ++n)
    for (Index h = 0; h < o.heads; ++h) {
      const auto dp = [&](Index j) {
        const double value = y(n, h * m + j), d = dy(n, h * m + j);
        return softmax ? d * value : value > op::relu_feature_floor ? d : 0.0;
      };
      double along = 0.0;
      for (Index j = 0; j < m; ++j) along += dp(j);
      for (Index i = 0; i < K; ++i) {
        double sum = 0.0;
        for (Index j = 0; j < m; ++j) sum += dp(j) * w(j, i);
        if (softmax && o.shifted) sum -= along * root * x(n, h * K + i);
        dx(n, h * K + i) = root * sum;
      }
    }
}

/// a_ts of query row n and key row s, both rows of the whole batch.
template <class Op>
double feature_weight(const Op& o, Host host, Index n, Index s, Index h) {
  const auto q = host(o.q), k = host(o.k), shift = host(o.shift);
  const Index kv = h / (o.sizes.heads / o.sizes.kv_heads), m = o.features;
  double dot = 0.0;
  for (Index j = 0; j < m; ++j) dot += q(n, h * m + j) * k(s, kv * m + j);
  if (!shift) return dot;
  double top = shift(n, kv);
  for (Index r = n - n % o.sizes.context; r < n; ++r) top = std::max(top, shift(r, kv));
  return dot * std::exp(shift(s, kv) - top);
}

inline void run(const op::LinearAttend& o, Host host) {
  const auto v = host(o.v), y = host(o.y), reciprocal = host(o.reciprocal);
  const Index K = o.sizes.head_dim;
  for (Index n = 0; n < y.rows; ++n)
    for (Index h = 0; h < o.sizes.heads; ++h) {
      const Index first = n - n % o.sizes.context, kv = h / (o.sizes.heads / o.sizes.kv_heads);
      double total = 0.0;
      std::vector<double> mixed(static_cast<std::size_t>(K), 0.0);
      for (Index s = first; s <= n; ++s) {
        const double a = feature_weight(o, host, n, s, h);
        total += a;
        for (Index i = 0; i < K; ++i) mixed[static_cast<std::size_t>(i)] += a * v(s, kv * K + i);
      }
      reciprocal(n, h) = total > 1e-30 ? 1.0 / total : 0.0;
      for (Index i = 0; i < K; ++i) y(n, h * K + i) = mixed[static_cast<std::size_t>(i)] * reciprocal(n, h);
    }
}

/// With g = dy / sum: dv_s += a_ts g, da_ts = g . v_s - g . y.
inline void run(const op::LinearAttendGradient& o, Host host) {
  const auto q = host(o.q), k = host(o.k), shift = host(o.shift), v = host(o.v), y = host(o.y), reciprocal = host(o.reciprocal);
  const auto dy = host(o.dy), dq = host(o.dq), dk = host(o.dk), dv = host(o.dv);
  for (const auto& gradient : {dq, dk, dv})
    for (Index n = 0; n < gradient.rows; ++n)
      for (Index c = 0; c < gradient.columns; ++c) gradient(n, c) = 0.0;
  const Index K = o.sizes.head_dim, m = o.features;
  for (Index n = 0; n < q.rows; ++n)
    for (Index h = 0; h < o.sizes.heads; ++h) {
      const Index first = n - n % o.sizes.context, kv = h / (o.sizes.heads / o.sizes.kv_heads);
      double top = shift ? shift(n, kv) : 0.0;
      for (Index s = first; shift && s < n; ++s) top = std::max(top, shift(s, kv));
      for (Index s = first; s <= n; ++s) {
        double da = 0.0;
        for (Index i = 0; i < K; ++i) da += dy(n, h * K + i) * (v(s, kv * K + i) - y(n, h * K + i));
        da *= reciprocal(n, h) * (shift ? std::exp(shift(s, kv) - top) : 1.0);
        const double a = feature_weight(o, host, n, s, h) * reciprocal(n, h);
        for (Index i = 0; i < K; ++i) dv(s, kv * K + i) += a * dy(n, h * K + i);
        for (Index j = 0; j < m; ++j) {
          dq(n, h * m + j) += da * k(s, kv * m + j);
          dk(s, kv * m + j) += da * q(n, h * m + j);
        }
      }
    }
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
