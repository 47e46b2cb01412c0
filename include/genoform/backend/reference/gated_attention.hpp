#pragma once
#include <algorithm>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/gated_attention.hpp"

#include "genoform/core/hide_macros.hpp"

/// The operations of the gated attention unit, as their formulas say.
namespace genoform::reference {

inline void run(const op::ScaleOffset& o, Host host) {
  const auto x = host(o.x), w = host(o.w), b = host(o.b), y = host(o.y);
  for (Index n = 0; n < x.rows; ++n)
    for (Index r = 0; r < w.rows; ++r)
      for (Index i = 0; i < x.columns; ++i) y(n, r * x.columns + i) = x(n, i) * w(r, i) + b(r, i);
}

inline void run(const op::ScaleOffsetGradient& o, Host host) {
  const auto x = host(o.x), w = host(o.w), dy = host(o.dy), dx = host(o.dx), dw = host(o.dw), db = host(o.db);
  for (Index n = 0; n < x.rows; ++n)
    for (Index i = 0; i < x.columns; ++i) {
      double sum = 0.0;
      for (Index r = 0; r < w.rows; ++r) {
        const double d = dy(n, r * x.columns + i);
        sum += d * w(r, i);
        dw(r, i) += d * x(n, i);
        db(r, i) += d;
      }
      dx(n, i) = sum;
    }
}

/// max(0, q . k / length) of two rows of the whole batch.
template <class Op>
double rectified_score(const Op& o, Host host, Index n, Index s) {
  const auto q = host(o.q), k = host(o.k);
  double dot = 0.0;
  for (Index i = 0; i < q.columns; ++i) dot += q(n, i) * k(s, i);
  return std::max(0.0, dot / static_cast<double>(o.length));
}

inline void run(const op::SquaredReluAttend& o, Host host) {
  const auto v = host(o.v), y = host(o.y);
  for (Index n = 0; n < y.rows; ++n) {
    for (Index c = 0; c < y.columns; ++c) y(n, c) = 0.0;
    for (Index s = n - n % o.context; s <= n; ++s) {
      const double a = rectified_score(o, host, n, s);
      for (Index c = 0; c < y.columns; ++c) y(n, c) += a * a * v(s, c);
    }
  }
}

inline void run(const op::SquaredReluAttendGradient& o, Host host) {
  const auto q = host(o.q), k = host(o.k), v = host(o.v);
  const auto dy = host(o.dy), dq = host(o.dq), dk = host(o.dk), dv = host(o.dv);
  for (const auto& gradient : {dq, dk, dv})
    for (Index n = 0; n < gradient.rows; ++n)
      for (Index c = 0; c < gradient.columns; ++c) gradient(n, c) = 0.0;
  for (Index n = 0; n < q.rows; ++n)
    for (Index s = n - n % o.context; s <= n; ++s) {
      const double a = rectified_score(o, host, n, s);
      double along = 0.0;
      for (Index c = 0; c < v.columns; ++c) {
        along += dy(n, c) * v(s, c);
        dv(s, c) += a * a * dy(n, c);
      }
      const double d = 2.0 * a * along / static_cast<double>(o.length);
      for (Index i = 0; i < q.columns; ++i) {
        dq(n, i) += d * k(s, i);
        dk(s, i) += d * q(n, i);
      }
    }
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
