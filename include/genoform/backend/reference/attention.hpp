#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/attention.hpp"

#include "genoform/core/hide_macros.hpp"

/// The operations that mix positions, as their formulas say. Row `first + t` is position t of the sequence that begins at row
/// `first`.
namespace genoform::reference {

inline void run(const op::Rotate& o, Host host) {
  const auto x = host(o.x);
  const Index half = o.head_dim / 2;
  for (Index n = 0; n < x.rows; ++n)
    for (Index head = 0; head < x.columns; head += o.head_dim)
      for (Index i = 0; i < half; ++i) {
        const auto position = static_cast<double>(n % o.context);
        const double angle = position * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(o.head_dim));
        const double cosine = std::cos(angle), sine = o.inverse ? -std::sin(angle) : std::sin(angle);
        const double a = x(n, head + i), b = x(n, head + i + half);
        x(n, head + i) = a * cosine - b * sine;
        x(n, head + i + half) = a * sine + b * cosine;
      }
}

inline void run(const op::CausalConvolution& o, Host host) {
  const auto x = host(o.x), w = host(o.w), y = host(o.y);
  for (Index first = 0; first < x.rows; first += o.context)
    for (Index t = 0; t < o.context; ++t)
      for (Index c = 0; c < x.columns; ++c) {
        double sum = 0.0;
        for (Index i = 0; i < w.columns && i <= t; ++i) sum += w(c, i) * x(first + t - i, c);
        y(first + t, c) = sum;
      }
  if (o.rotation.channels > 0) run(o.rotation.of(o.y, o.context, false), host);
}

inline void run(const op::CausalConvolutionGradient& o, Host host) {
  const auto x = host(o.x), w = host(o.w), dy = host(o.dy), dx = host(o.dx), dw = host(o.dw);
  if (o.rotation.channels > 0) run(o.rotation.of(o.dy, o.context, true), host);
  for (Index first = 0; first < x.rows; first += o.context)
    for (Index t = 0; t < o.context; ++t)
      for (Index c = 0; c < x.columns; ++c) {
        double sum = 0.0;
        for (Index i = 0; i < w.columns && t + i < o.context; ++i) sum += w(c, i) * dy(first + t + i, c);
        for (Index i = 0; i < w.columns && i <= t; ++i) dw(c, i) += dy(first + t, c) * x(first + t - i, c);
        dx(first + t, c) = sum;
      }
}

/// q . k / sqrt(K) of one head; the rows count over the whole batch, the columns are those at which the head begins.
inline double score(const Matrix<double>& q, const Matrix<double>& k, Index q_row, Index q_head, Index k_row, Index k_head,
                    Index head_dim) {
  double dot = 0.0;
  for (Index i = 0; i < head_dim; ++i) dot += q(q_row, q_head + i) * k(k_row, k_head + i);
  return dot / std::sqrt(static_cast<double>(head_dim));
}

/// The first row that query n sees, in its sequence that begins at row `first`.
inline Index first_seen(Index n, Index first, Index window) { return window > 0 ? std::max(first, n - window + 1) : first; }

inline void run(const op::Attend& o, Host host) {
  const auto q = host(o.q), k = host(o.k), v = host(o.v), y = host(o.y), log_sum_exps = host(o.log_sum_exps), bias = host(o.bias);
  for (Index n = 0; n < q.rows; ++n)
    for (Index h = 0; h < o.sizes.heads; ++h) {
      const Index first = first_seen(n, n - n % o.sizes.context, o.sizes.window);
      const Index head = h * o.sizes.head_dim, key_head = h / (o.sizes.heads / o.sizes.kv_heads) * o.sizes.head_dim;
      std::vector<double> scores;
      for (Index s = first; s <= n; ++s)
        scores.push_back(score(q, k, n, head, s, key_head, o.sizes.head_dim) + (bias ? bias(h, n - s) : 0.0));
      const double largest = *std::max_element(scores.begin(), scores.end());
      double sum = 0.0;
      for (const double value : scores) sum += std::exp(value - largest);
      log_sum_exps(n, h) = largest + std::log(sum);
      for (Index i = 0; i < o.sizes.head_dim; ++i) {
        double mixed = 0.0;
        for (Index s = first; s <= n; ++s)
          mixed += std::exp(scores[static_cast<std::size_t>(s - first)] - log_sum_exps(n, h)) * v(s, key_head + i);
        y(n, head + i) = mixed;
      }
    }
}

/// With p the softmax: dv_s += p_s dy, dp_s = dy . v_s, dscore_s = p_s (dp_s - sum p dp); the sum of query n is dy . y.
inline void run(const op::AttendGradient& o, Host host) {
  const auto q = host(o.q), k = host(o.k), v = host(o.v), y = host(o.y), log_sum_exps = host(o.log_sum_exps);
  const auto dy = host(o.dy), dq = host(o.dq), dk = host(o.dk), dv = host(o.dv), bias = host(o.bias), dbias = host(o.dbias);
  for (const auto& gradient : {dq, dk, dv, dbias})
    for (Index n = 0; n < gradient.rows; ++n)
      for (Index c = 0; c < gradient.columns; ++c) gradient(n, c) = 0.0;
  const double root = std::sqrt(static_cast<double>(o.sizes.head_dim));
  for (Index n = 0; n < q.rows; ++n)
    for (Index h = 0; h < o.sizes.heads; ++h) {
      const Index first = first_seen(n, n - n % o.sizes.context, o.sizes.window);
      const Index head = h * o.sizes.head_dim, key_head = h / (o.sizes.heads / o.sizes.kv_heads) * o.sizes.head_dim;
      double mean = 0.0;
      for (Index i = 0; i < o.sizes.head_dim; ++i) mean += dy(n, head + i) * y(n, head + i);
      for (Index s = first; s <= n; ++s) {
        const double shift = bias ? bias(h, n - s) : 0.0;
        const double p = std::exp(score(q, k, n, head, s, key_head, o.sizes.head_dim) + shift - log_sum_exps(n, h));
        double dp = 0.0;
        for (Index i = 0; i < o.sizes.head_dim; ++i) dp += dy(n, head + i) * v(s, key_head + i);
        const double dscore = p * (dp - mean);
        if (dbias) dbias(h, n - s) += dscore;
        for (Index i = 0; i < o.sizes.head_dim; ++i) {
          dv(s, key_head + i) += p * dy(n, head + i);
          dq(n, head + i) += dscore * k(s, key_head + i) / root;
          dk(s, key_head + i) += dscore * q(n, head + i) / root;
        }
      }
    }
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
