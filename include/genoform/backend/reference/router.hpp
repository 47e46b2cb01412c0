#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "genoform/backend/host/router.hpp"
#include "genoform/backend/reference/matrix.hpp"
#include "genoform/backend/reference/routing.hpp"
#include "genoform/ops/router.hpp"

#include "genoform/core/hide_macros.hpp"

/// The operations of ops/router.hpp as their formulas say.
namespace genoform::reference {

inline void run(const op::ChooseByTable& o, Host host) {
  const auto table = host.indices(o.table), tokens = host.indices(o.tokens), choice = host.indices(o.to.choice_expert);
  for (Index n = 0; n < tokens.rows; ++n) choice(n) = tokens(n) < 0 ? -1 : table(tokens(n));
}

/// Kuhn and Munkres with potentials: the column of each row, with the minimum sum of cost(row, column). Rows = columns = n.
template <class Cost>
std::vector<Index> cheapest_assignment(Index n, Cost cost) {
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  std::vector<double> u(at(n + 1)), v(at(n + 1));
  std::vector<Index> row_of(at(n + 1)), before(at(n + 1));  // counted from 1; 0: none
  for (Index row = 1; row <= n; ++row) {
    std::vector<double> minimum(at(n + 1), std::numeric_limits<double>::infinity());
    std::vector<bool> used(at(n + 1));
    Index column = 0;
    row_of[0] = row;
    do {
      used[at(column)] = true;
      double delta = std::numeric_limits<double>::infinity();
      Index next = 0;
      for (Index j = 1; j <= n; ++j) {
        if (used[at(j)]) continue;
        const Index i = row_of[at(column)];
        const double reduced = cost(i - 1, j - 1) - u[at(i)] - v[at(j)];
        if (reduced < minimum[at(j)]) {
          minimum[at(j)] = reduced;
          before[at(j)] = column;
        }
        if (minimum[at(j)] < delta) {
          delta = minimum[at(j)];
          next = j;
        }
      }
      for (Index j = 0; j <= n; ++j)
        if (used[at(j)]) {
          u[at(row_of[at(j)])] += delta;
          v[at(j)] -= delta;
        } else {
          minimum[at(j)] -= delta;
        }
      column = next;
    } while (row_of[at(column)] != 0);
    for (; column != 0; column = before[at(column)]) row_of[at(column)] = row_of[at(before[at(column)])];
  }
  std::vector<Index> column_of(at(n));
  for (Index j = 1; j <= n; ++j) column_of[at(row_of[at(j)] - 1)] = j - 1;
  return column_of;
}

/// Each expert has floor(n / E) slots that must be filled and one more; E - (n mod E) of the latter stay empty.
inline void run(const op::ChooseBalanced& o, Host host) {
  const auto scores = host(o.scores);
  const auto tokens = host.indices(o.tokens), choice = host.indices(o.to.choice_expert);
  std::vector<Index> real;
  for (Index n = 0; n < scores.rows; ++n) {
    choice(n) = -1;
    if (!tokens || tokens(n) >= 0) real.push_back(n);
  }
  const Index count = static_cast<Index>(real.size()), experts = scores.columns, minimum = count / experts;
  const Index slots = experts * (minimum + 1);
  const std::vector<Index> slot_of_token = cheapest_assignment(slots, [&](Index row, Index slot) {
    const bool must = slot % (minimum + 1) < minimum;
    if (row >= count) return must ? 1e12 : 0.0;
    const double x = scores(real[static_cast<std::size_t>(row)], slot / (minimum + 1));
    return x == x ? -std::max(-1e6, std::min(x, 1e6)) : 1e6;
  });
  for (std::size_t i = 0; i < real.size(); ++i) choice(real[i]) = slot_of_token[i] / (minimum + 1);
}

inline void run(const op::ChooseAbove& o, Host host) {
  const auto scores = host(o.scores), threshold = host(o.threshold);
  const auto tokens = host.indices(o.tokens), choice = host.indices(o.to.choice_expert);
  for (Index n = 0; n < scores.rows; ++n) {
    Index count = 0;
    for (const Index e : descending_order(scores.columns, [&](Index i) { return scores(n, i); }))
      if (scores(n, e) > threshold(e) && !is_padding(tokens, n)) choice(n, count++) = e;
    for (; count < scores.columns; ++count) choice(n, count) = -1;
  }
}

inline void run(const op::AssignSlots& o, Host host) {
  const auto scores = host(o.scores);
  assign_slots(o.to, o.capacity, host, [&](Index n, Index expert) { return scores ? scores(n, expert) : 1.0; });
}

inline void run(const op::RouteThresholdGradient& o, Host host) {
  const auto dweight = host(o.dweight), dp = host(o.dp);
  for (Index n = 0; n < dp.rows; ++n)
    for (Index e = 0; e < o.to.experts; ++e)
      if (const Index slot = slot_of(n, e, o.to, host); slot >= 0) dp(n, o.first_expert + e) = dweight(slot);
}

inline void run(const op::RecordCuts& o, Host host) {
  const auto scores = host(o.scores), cuts = host(o.cuts);
  record_cuts(scores, host.indices(o.tokens), o.capacity, cuts);
}

inline void run(const op::RecordLoad& o, Host host) {
  const auto load = host(o.load);
  const auto expert_count = host.indices(o.to.expert_count), choice = host.indices(o.to.choice_expert);
  const Index experts = load.rows / 2 - 1;
  for (Index e = 0; e < o.to.experts; ++e) {
    load(experts) += static_cast<double>(expert_count(e));
    if (!choice) load(o.first_expert + e) += static_cast<double>(expert_count(e));
    for (Index n = 0; choice && n < choice.rows; ++n)
      for (Index i = 0; i < choice.columns; ++i) load(o.first_expert + e) += choice(n, i) == e ? 1.0 : 0.0;
  }
}

inline void run(const op::StepLoad& o, Host host) {
  const auto load = host(o.load);
  const Index half = load.rows / 2;
  double noted = 0.0;
  for (Index e = 0; e + 1 < half; ++e) noted += load(e);
  for (Index e = 0; e < half && noted > 0.0; ++e) {
    load(half + e) = load(e);
    load(e) = 0.0;
  }
}

inline void run(const op::UpdateBias& o, Host host) {
  const auto load = host(o.load), bias = host(o.bias);
  double total = 0.0;  // integers: load * E is compared with the sum of the loads
  for (Index e = 0; e < bias.rows; ++e) total += load(e);
  for (Index e = 0; e < bias.rows; ++e) {
    const double over = total - load(e) * static_cast<double>(bias.rows);
    bias(e) += over > 0.0 ? o.rate : over < 0.0 ? -o.rate : 0.0;
  }
}

inline void run(const op::Sigmoid& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) y(n, c) = sigmoid(x(n, c));
}

inline void run(const op::SigmoidGradient& o, Host host) {
  const auto y = host(o.y), dy = host(o.dy), dx = host(o.dx);
  for (Index n = 0; n < y.rows; ++n)
    for (Index c = 0; c < y.columns; ++c) dx(n, c) = dy(n, c) * y(n, c) * (1.0 - y(n, c));
}

inline void run(const op::RouterZLoss& o, Host host) {
  const auto logits = host(o.logits), derivative = host(o.derivative), loss = host(o.loss);
  const auto tokens = host.indices(o.tokens);
  double real = 0.0, sum = 0.0;
  for (Index n = 0; n < logits.rows; ++n) real += is_padding(tokens, n) ? 0.0 : 1.0;
  for (Index n = 0; n < logits.rows; ++n) {
    double maximum = logits(n, 0), total = 0.0;
    for (Index e = 1; e < logits.columns; ++e) maximum = std::max(maximum, logits(n, e));
    for (Index e = 0; e < logits.columns; ++e) total += std::exp(logits(n, e) - maximum);
    const double z = maximum + std::log(total);
    const bool padding = is_padding(tokens, n);
    if (!padding) sum += z * z;
    for (Index e = 0; e < logits.columns; ++e)
      derivative(n, e) = padding ? 0.0 : o.coefficient * 2.0 * z * std::exp(logits(n, e) - z) / real;
  }
  if (real > 0.0) loss(0) += o.coefficient * sum / real;
}

inline void run(const op::RouterZLossGradient& o, Host host) {
  const auto derivative = host(o.derivative), scale = host(o.scale), dx = host(o.dx);
  for (Index n = 0; n < dx.rows; ++n)
    for (Index e = 0; e < dx.columns; ++e) dx(n, e) += scale(0) * derivative(n, e);
}

/// Every back end uses the random numbers of the library.
inline void run(const op::Jitter& o, Host host) {
  const auto x = host(o.x), y = host(o.y);
  const Random random(o.seed, o.stream);
  const Index round = host.indices(o.round)(0);
  for (Index n = 0; n < x.rows; ++n)
    for (Index c = 0; c < x.columns; ++c)
      y(n, c) = x(n, c) * inner::host::jitter_factor(random, round, n * x.columns + c, o.width);
}

inline void run(const op::JitterGradient& o, Host host) {
  const auto dy = host(o.dy), dx = host(o.dx);
  const Random random(o.seed, o.stream);
  const Index round = host.indices(o.round)(0);
  for (Index n = 0; n < dx.rows; ++n)
    for (Index c = 0; c < dx.columns; ++c)
      dx(n, c) = dy(n, c) * inner::host::jitter_factor(random, round, n * dx.columns + c, o.width);
}

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
