#pragma once
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

#include "genoform/report/svg.hpp"

namespace genoform::inner::report::charts {

/// So many series differ in colour and marker; further ones repeat them.
inline constexpr std::size_t series_looks = 6;

/// The class of a series, which has its colour.
inline std::string look_of_series(std::size_t series) { return "s" + std::to_string(series % series_looks); }

/// SVG path data of a marker around a point. Every series has another shape, for readers who do not see its colour.
inline std::string marker_path(std::size_t series, double x, double y, double radius) {
  const auto at = [&](double dx, double dy) {
    return svg::number_text(x + radius * dx) + " " + svg::number_text(y + radius * dy);
  };
  const auto through = [&](std::initializer_list<std::pair<double, double>> corners) {
    std::string path;
    for (const auto& [dx, dy] : corners) path += (path.empty() ? "M" : "L") + at(dx, dy);
    return path + "Z";
  };
  switch (series % series_looks) {
    case 1: return through({{-0.9, -0.9}, {0.9, -0.9}, {0.9, 0.9}, {-0.9, 0.9}});
    case 2: return through({{0, -1.2}, {1.1, 0.8}, {-1.1, 0.8}});
    case 3: return through({{0, -1.25}, {1.25, 0}, {0, 1.25}, {-1.25, 0}});
    case 4: return through({{0, 1.2}, {1.1, -0.8}, {-1.1, -0.8}});
    case 5:
      return through({{-0.4, -1.1},
                      {0.4, -1.1},
                      {0.4, -0.4},
                      {1.1, -0.4},
                      {1.1, 0.4},
                      {0.4, 0.4},
                      {0.4, 1.1},
                      {-0.4, 1.1},
                      {-0.4, 0.4},
                      {-1.1, 0.4},
                      {-1.1, -0.4},
                      {-0.4, -0.4}});
    default: {
      const std::string r = svg::number_text(radius), way = svg::number_text(2 * radius);
      return "M" + at(-1, 0) + "a" + r + " " + r + " 0 1 0 " + way + " 0a" + r + " " + r + " 0 1 0 -" + way + " 0Z";
    }
  }
}

}  // namespace genoform::inner::report::charts
