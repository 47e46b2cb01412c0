#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/random.hpp"
#include "genoform/dna/fingerprint.hpp"
#include "genoform/dna/graph.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::dna {

/// What a graph makes of one sequence, in double, by plain loops: the meaning of the primitives (docs/formats/program.md). The
/// weights are random, of the size of initial ones; equal graphs have equal weights.
class GraphEvaluation {
 public:
  GraphEvaluation(const Graph& graph, std::uint64_t seed) : graph_(graph), weights_(graph.nodes.size()) {
    std::uint64_t number = 0;
    for (const int n : canonical_order(graph))
      if (graph.nodes[static_cast<std::size_t>(n)].has_weights())
        weights_[static_cast<std::size_t>(n)] = initial(n, Random(seed, stream_of("dna.weights") + number++));
  }

  /// x: [T, width]; T at most the context of the graph. Returns the same shape.
  std::vector<double> operator()(std::span<const double> x) {
    positions_ = static_cast<std::int64_t>(x.size()) / graph_.width;
    states_.assign(graph_.nodes.size(), {});
    states_[0].assign(x.begin(), x.end());
    for (std::size_t n = 1; n < graph_.nodes.size(); ++n) {
      const GraphNode& node = graph_.nodes[n];
      states_[n].assign(static_cast<std::size_t>(positions_ * columns(node.shape)), 0);
      for (std::int64_t t = 0; t < positions_; ++t)
        for (std::int64_t c = 0; c < visible(node.shape, t); ++c)
          at(static_cast<int>(n), t, c) = element(static_cast<int>(n), t, c);
    }
    return states_.back();
  }

 private:
  const GraphNode& node(int n) const { return graph_.nodes[static_cast<std::size_t>(n)]; }
  const StateShape& shape(int n) const { return node(n).shape; }
  std::int64_t columns(const StateShape& s) const { return s.columns == Columns::positions ? positions_ : s.width; }
  /// The columns that row t has.
  static std::int64_t visible(const StateShape& s, std::int64_t t) { return s.columns == Columns::positions ? t + 1 : s.width; }
  double& at(int n, std::int64_t t, std::int64_t c) {
    return states_[static_cast<std::size_t>(n)][static_cast<std::size_t>(t * columns(shape(n)) + c)];
  }
  /// A single column stands for all.
  double broadcast(int n, std::int64_t t, std::int64_t c) { return at(n, t, shape(n).is_column() ? 0 : c); }
  double weight(int n, std::int64_t index) const {
    return weights_[static_cast<std::size_t>(n)][static_cast<std::size_t>(index)];
  }

  std::vector<double> initial(int n, Random random) const {
    const GraphNode& of = node(n);
    const std::int64_t count = graph_.weights(of), in = graph_.columns(shape(of.inputs[0]));
    const int taps = info(of.primitive).taps;
    std::vector<double> values(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      const double normal = random.normal(static_cast<std::uint64_t>(i));
      double& value = values[static_cast<std::size_t>(i)];
      if (info(of.primitive).family == Family::convolution)
        value = normal / std::sqrt(static_cast<double>(taps * in));
      else if (of.primitive == Primitive::shift)
        value = 0.1 * normal;
      else if (of.primitive == Primitive::scale)
        value = 1 + 0.1 * normal;
      else
        value = (i < in ? 0.5 : 0.5 / taps) + 0.1 * normal;
    }
    return values;
  }

  double element(int n, std::int64_t t, std::int64_t c) {
    const GraphNode& of = node(n);
    const int a = of.inputs[0], b = of.inputs.back();
    if (of.kind == GraphNode::Kind::concatenation)
      return at(of.inputs[static_cast<std::size_t>(c / shape(a).width)], t, c % shape(a).width);
    switch (info(of.primitive).family) {
      case Family::binary: return of_two(of.primitive, broadcast(a, t, c), broadcast(b, t, c));
      case Family::unary: return of_one(of.primitive, at(a, t, c));
      case Family::constant: return with_constant(of.primitive, at(a, t, c), of.constant);
      case Family::vector: return of.primitive == Primitive::scale ? at(a, t, c) * weight(n, c) : at(a, t, c) + weight(n, c);
      case Family::mask: return c <= t ? at(a, t, c) : 0;
      case Family::cumulative: return cumulative(of.primitive, n, t, c);
      case Family::reduction: return reduced(of.primitive, a, t);
      case Family::product: return product(of.primitive, a, b, t, c);
      case Family::convolution: return convolution(n, t, c);
      case Family::depthwise: return depthwise(n, t, c);
    }
    return 0;
  }

  static double of_two(Primitive p, double x, double y) {
    switch (p) {
      case Primitive::add: return x + y;
      case Primitive::difference: return x - y;
      case Primitive::divide: return x / y;
      default: return x * y;
    }
  }
  static double of_one(Primitive p, double x) {
    switch (p) {
      case Primitive::abs_root: return std::sqrt(std::abs(x));
      case Primitive::square: return x * x;
      case Primitive::exp: return std::exp(x);
      case Primitive::log: return std::log(std::abs(x));
      case Primitive::abs: return std::abs(x);
      case Primitive::recip: return std::abs(x) > 0 ? 1 / x : 0;
      case Primitive::sign: return x > 0 ? 1 : x < 0 ? -1 : 0;
      case Primitive::cos: return std::cos(x);
      case Primitive::sin: return std::sin(x);
      case Primitive::tanh: return std::tanh(x);
      default: return 1 / (1 + std::exp(-x));
    }
  }
  static double with_constant(Primitive p, double x, double constant) {
    switch (p) {
      case Primitive::c_mul: return x * constant;
      case Primitive::max: return std::max(x, constant);
      default: return std::min(x, constant);
    }
  }
  /// Along the positions, from the first that has this column.
  double cumulative(Primitive p, int n, std::int64_t t, std::int64_t c) {
    const double own = at(node(n).inputs[0], t, c);
    if (t == 0 || c >= visible(shape(n), t - 1)) return own;
    const double before = at(n, t - 1, c);
    return p == Primitive::cum_sum ? before + own : before * own;
  }
  double reduced(Primitive p, int a, std::int64_t t) {
    const std::int64_t count = visible(shape(a), t);
    double result = at(a, t, 0);
    for (std::int64_t c = 1; c < count; ++c) {
      const double x = at(a, t, c);
      switch (p) {
        case Primitive::red_min: result = std::min(result, x); break;
        case Primitive::red_max: result = std::max(result, x); break;
        case Primitive::red_prod: result *= x; break;
        default: result += x;
      }
    }
    return p == Primitive::red_mean ? result / static_cast<double>(count) : result;
  }
  double product(Primitive p, int a, int b, std::int64_t t, std::int64_t c) {
    double sum = 0;
    if (p == Primitive::mat_mul) {
      const std::int64_t first = shape(b).columns == Columns::positions ? c : 0;
      for (std::int64_t s = first; s <= t; ++s) sum += at(a, t, s) * at(b, s, c);
      return sum;
    }
    const std::int64_t count = std::min(visible(shape(a), t), visible(shape(b), c));
    for (std::int64_t i = 0; i < count; ++i) sum += at(a, t, i) * at(b, c, i);
    return sum;
  }
  double convolution(int n, std::int64_t t, std::int64_t c) {
    const int a = node(n).inputs[0];
    const std::int64_t in = graph_.columns(shape(a)), out = shape(n).width;
    double sum = 0;
    for (std::int64_t tap = 0; tap < info(node(n).primitive).taps && tap <= t; ++tap)
      for (std::int64_t i = 0; i < visible(shape(a), t - tap); ++i)
        sum += weight(n, (tap * out + c) * in + i) * at(a, t - tap, i);
    return sum;
  }
  double depthwise(int n, std::int64_t t, std::int64_t c) {
    const int a = node(n).inputs[0];
    const std::int64_t in = graph_.columns(shape(a));
    double sum = 0;
    for (std::int64_t tap = 0; tap < info(node(n).primitive).taps && tap <= t; ++tap)
      if (c < visible(shape(a), t - tap)) sum += weight(n, tap * in + c) * at(a, t - tap, c);
    return sum;
  }

  const Graph& graph_;
  std::vector<std::vector<double>> weights_, states_;  ///< of each node
  std::int64_t positions_ = 0;
};

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
