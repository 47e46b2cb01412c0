#pragma once
#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "genoform/core/hide_macros.hpp"

/// Points with several values, each of which is better when it is lower.
namespace genoform::search::pareto {

using Point = std::vector<double>;

/// Is `a` nowhere worse than `b`, and better in one value or more?
inline bool dominates(const Point& a, const Point& b) {
  bool is_better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    is_better = is_better || a[i] < b[i];
  }
  return is_better;
}

/// The rank of each point: 0 where no other dominates it, and so on without those of the ranks before (Deb et al. 2002, section
/// III A). Time grows with the square of the points.
inline std::vector<std::size_t> ranks(std::span<const Point> points) {
  std::vector<std::vector<std::size_t>> dominated(points.size());
  std::vector<std::size_t> dominators(points.size()), ranks(points.size()), front;
  for (std::size_t a = 0; a < points.size(); ++a)
    for (std::size_t b = 0; b < points.size(); ++b)
      if (dominates(points[a], points[b])) {
        dominated[a].push_back(b);
        ++dominators[b];
      }
  for (std::size_t i = 0; i < points.size(); ++i)
    if (dominators[i] == 0) front.push_back(i);
  for (std::size_t rank = 0; !front.empty(); ++rank) {
    std::vector<std::size_t> next;
    for (const std::size_t i : front) {
      ranks[i] = rank;
      for (const std::size_t b : dominated[i])
        if (--dominators[b] == 0) next.push_back(b);
    }
    front = std::move(next);
  }
  return ranks;
}

/// How much room each point has among those of its rank: the sum over the values of the distance between its two neighbours, as a
/// share of the range; infinite at the ends (Deb et al. 2002, section III B).
inline std::vector<double> crowding_distances(std::span<const Point> points, std::span<const std::size_t> ranks) {
  std::vector<double> distances(points.size(), 0);
  const std::size_t values = points.empty() ? 0 : points.front().size();
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t v = 0; v < values; ++v) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : points[a][v] < points[b][v];
    });
    for (std::size_t first = 0, end = 0; first < order.size(); first = end) {
      while (end < order.size() && ranks[order[end]] == ranks[order[first]]) ++end;
      const double range = points[order[end - 1]][v] - points[order[first]][v];
      distances[order[first]] = distances[order[end - 1]] = std::numeric_limits<double>::infinity();
      for (std::size_t i = first + 1; i + 1 < end && range > 0; ++i)
        distances[order[i]] += (points[order[i + 1]][v] - points[order[i - 1]][v]) / range;
    }
  }
  return distances;
}

/// The indices of the points that no other dominates, in order.
inline std::vector<std::size_t> front(std::span<const Point> points) {
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (std::none_of(points.begin(), points.end(), [&](const Point& other) { return dominates(other, points[i]); }))
      front.push_back(i);
  return front;
}

}  // namespace genoform::search::pareto

#include "genoform/core/restore_macros.hpp"
