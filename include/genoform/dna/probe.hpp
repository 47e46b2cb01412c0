#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/random.hpp"
#include "genoform/core/result.hpp"
#include "genoform/dna/graph.hpp"
#include "genoform/dna/graph_evaluation.hpp"

#include "genoform/core/hide_macros.hpp"

/// What can be said of a program before it is trained, from one short random sequence.
namespace genoform::dna {

namespace probe {

inline constexpr std::int64_t positions = 12;
inline constexpr std::uint64_t seed = 1;

inline std::vector<double> sequence_for(const Graph& graph) {
  const Random random(seed, stream_of("dna.probe"));
  std::vector<double> x(static_cast<std::size_t>(std::min(positions, graph.context) * graph.width));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(i);
  return x;
}

}  // namespace probe

/// An error where the result is not finite, or where a position depends on a later one.
inline Result<void> check_probe(const Graph& graph) {
  GraphEvaluation evaluation(graph, probe::seed);
  std::vector<double> x = probe::sequence_for(graph);
  const std::vector<double> y = evaluation(x);
  const auto width = static_cast<std::size_t>(graph.width);
  const auto at = [&](std::size_t i) {
    return "position " + std::to_string(i / width) + ", channel " + std::to_string(i % width);
  };
  for (std::size_t i = 0; i < y.size(); ++i)
    if (!math::is_finite(y[i])) return Error{ErrorKind::input, "the result is not finite at " + at(i) + " of a random sequence"};
  for (std::size_t t = x.size() / width; t-- > 1;) {
    for (std::size_t i = t * width; i < (t + 1) * width; ++i) x[i] += 1;
    const std::vector<double> changed = evaluation(x);
    const auto different = std::mismatch(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(t * width), changed.begin()).first;
    if (different != y.begin() + static_cast<std::ptrdiff_t>(t * width))
      return Error{ErrorKind::input, "the result at " + at(static_cast<std::size_t>(different - y.begin())) +
                                         " depends on position " + std::to_string(t)};
  }
  return {};
}

/// Whether two graphs of one width make the same of a random sequence with equal weights, up to rounding.
inline bool compute_alike(const Graph& a, const Graph& b) {
  const std::vector<double> x = probe::sequence_for(a);
  const std::vector<double> first = GraphEvaluation(a, probe::seed)(x), second = GraphEvaluation(b, probe::seed)(x);
  const auto near = [](double p, double q) { return std::abs(p - q) <= 1e-9 * std::max({1.0, std::abs(p), std::abs(q)}); };
  return a.parameters() == b.parameters() && std::equal(first.begin(), first.end(), second.begin(), second.end(), near);
}

}  // namespace genoform::dna

#include "genoform/core/restore_macros.hpp"
