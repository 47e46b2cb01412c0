#pragma once
#include <algorithm>
#include <cmath>

#include "genoform/backend/reference/matrix.hpp"
#include "genoform/ops/mixing.hpp"

#include "genoform/core/hide_macros.hpp"

/// The products over visible positions, as their formulas say.
namespace genoform::reference {

/// The elements of a Grouped tensor by sequence, group, position and channel.
class GroupedElements {
 public:
  GroupedElements(const op::Grouped& t, Index context, Host host)
      : elements_(host(t)), context_(context), groups_(t.groups), width_(t.width()), positions_(t.positions) {}
  double& operator()(Index b, Index g, Index t, Index c) const {
    return positions_ > 0 ? elements_(g * positions_ + t, c) : elements_(b * context_ + t, g * width_ + c);
  }
  explicit operator bool() const { return static_cast<bool>(elements_); }
  Index sequences() const { return positions_ > 0 ? 1 : elements_.rows / context_; }
  Index groups() const { return groups_; }
  Index width() const { return width_; }
  bool is_table() const { return positions_ > 0; }

 private:
  Matrix<double> elements_;
  Index context_, groups_, width_, positions_;
};

/// Calls visit(b, g, t) for every row.
template <class Visit>
void each_row(Index sequences, Index groups, Index context, const Visit& visit) {
  for (Index b = 0; b < sequences; ++b)
    for (Index g = 0; g < groups; ++g)
      for (Index t = 0; t < context; ++t) visit(b, g, t);
}

inline void run(const op::CausalMix& o, Host host) {
  const GroupedElements x(o.x, o.context, host), w(o.w, o.context, host), y(o.y, o.context, host);
  const auto bias = host(o.bias);
  each_row(x.sequences(), x.groups(), o.context, [&](Index b, Index g, Index t) {
    for (Index c = 0; c < x.width(); ++c) {
      double sum = bias ? bias(g, t) : 0.0;
      for (Index s = 0; s <= t; ++s) sum += w(b, g, t, s) * x(b, g, s, c);
      y(b, g, t, c) = sum;
    }
  });
}

inline void run(const op::CausalMixGradient& o, Host host) {
  const GroupedElements x(o.x, o.context, host), w(o.w, o.context, host), dy(o.dy, o.context, host), dx(o.dx, o.context, host),
      dw(o.dw, o.context, host);
  const auto dbias = host(o.dbias);
  each_row(x.sequences(), x.groups(), o.context, [&](Index b, Index g, Index s) {
    for (Index c = 0; c < x.width(); ++c) {
      double sum = o.accumulate ? dx(b, g, s, c) : 0.0;
      for (Index t = s; t < o.context; ++t) sum += w(b, g, t, s) * dy(b, g, t, c);
      dx(b, g, s, c) = sum;
    }
  });
  each_row(x.sequences(), x.groups(), o.context, [&](Index b, Index g, Index t) {
    for (Index s = 0; s <= t; ++s) {
      double sum = dw.is_table() ? dw(b, g, t, s) : 0.0;
      for (Index c = 0; c < x.width(); ++c) sum += dy(b, g, t, c) * x(b, g, s, c);
      dw(b, g, t, s) = sum;
    }
    for (Index c = 0; dbias && c < x.width(); ++c) dbias(g, t) += dy(b, g, t, c);
  });
}

inline void run(const op::CausalScores& o, Host host) {
  const GroupedElements q(o.queries, o.context, host), k(o.keys, o.context, host), added(o.added, o.context, host),
      y(o.y, o.context, host);
  const double scale = o.scaled ? 1.0 / std::sqrt(static_cast<double>(q.width())) : 1.0;
  each_row(y.sequences(), y.groups(), o.context, [&](Index b, Index g, Index t) {
    for (Index s = 0; s <= t; ++s) {
      double dot = 0.0;
      for (Index i = 0; i < q.width(); ++i) dot += q(b, g, t, i) * k(b, g, s, i);
      y(b, g, t, s) = scale * dot + (added ? added(b, g, t, s) : 0.0);
    }
  });
}

inline void run(const op::CausalScoresGradient& o, Host host) {
  const GroupedElements q(o.queries, o.context, host), k(o.keys, o.context, host), dy(o.dy, o.context, host),
      dq(o.dqueries, o.context, host), dk(o.dkeys, o.context, host), dadded(o.dadded, o.context, host);
  const double scale = o.scaled ? 1.0 / std::sqrt(static_cast<double>(q.width())) : 1.0;
  each_row(dy.sequences(), dy.groups(), o.context, [&](Index b, Index g, Index t) {
    for (Index i = 0; i < q.width(); ++i) {
      double query = dq.is_table() ? dq(b, g, t, i) : 0.0, key = dk.is_table() ? dk(b, g, t, i) : 0.0;
      for (Index s = 0; s <= t; ++s) query += scale * dy(b, g, t, s) * k(b, g, s, i);
      for (Index later = t; later < o.context; ++later) key += scale * dy(b, g, later, t) * q(b, g, later, i);
      dq(b, g, t, i) = query;
      dk(b, g, t, i) = key;
    }
    for (Index s = 0; dadded && s <= t; ++s) dadded(b, g, t, s) += dy(b, g, t, s);
  });
}

inline void run(const op::AddByDistance& o, Host host) {
  const GroupedElements x(o.x, o.context, host), y(o.y, o.context, host);
  const auto bias = host(o.bias);
  each_row(y.sequences(), y.groups(), o.context, [&](Index b, Index g, Index t) {
    for (Index s = 0; s <= t; ++s) y(b, g, t, s) = x(b, g, t, s) + bias(g, t - s);
  });
}

inline void run(const op::AddByDistanceGradient& o, Host host) {
  const GroupedElements dy(o.dy, o.context, host);
  const auto dbias = host(o.dbias);
  for (Index g = 0; g < dy.groups(); ++g)
    for (Index n = 0; n < o.context; ++n) dbias(g, n) = 0.0;
  each_row(dy.sequences(), dy.groups(), o.context, [&](Index b, Index g, Index t) {
    for (Index s = 0; s <= t; ++s) dbias(g, t - s) += dy(b, g, t, s);
  });
}

inline void run(const op::CausalSoftmax& o, Host host) {
  const GroupedElements x(o.x, o.context, host), y(o.y, o.context, host);
  each_row(y.sequences(), y.groups(), o.context, [&](Index b, Index g, Index t) {
    double largest = x(b, g, t, 0), sum = 0.0;
    for (Index s = 1; s <= t; ++s) largest = std::max(largest, x(b, g, t, s));
    for (Index s = 0; s <= t; ++s) sum += std::exp(x(b, g, t, s) - largest);
    for (Index s = 0; s <= t; ++s) y(b, g, t, s) = std::exp(x(b, g, t, s) - largest) / sum;
  });
}

inline void run(const op::CausalSoftmaxGradient& o, Host host) {
  const GroupedElements y(o.y, o.context, host), dy(o.dy, o.context, host), dx(o.dx, o.context, host);
  each_row(y.sequences(), y.groups(), o.context, [&](Index b, Index g, Index t) {
    double along = 0.0;
    for (Index s = 0; s <= t; ++s) along += y(b, g, t, s) * dy(b, g, t, s);
    for (Index s = 0; s <= t; ++s)
      dx(b, g, t, s) = (o.accumulate ? dx(b, g, t, s) : 0.0) + y(b, g, t, s) * (dy(b, g, t, s) - along);
  });
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
