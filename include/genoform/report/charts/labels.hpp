#pragma once
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <vector>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report::charts {

/// Pixels that a text takes at most in a sans-serif font of this size: SVG without scripts cannot measure it.
inline double width_of_text(std::string_view text, double font_size = 12) {
  double characters = 0;
  for (const char c : text) characters += (static_cast<unsigned char>(c) & 0xC0U) == 0x80U ? 0 : 1;
  return 0.58 * font_size * characters;
}

/// What a label covers of a line.
struct Extent {
  double from = 0, to = 0;
};

/// A row for each label so that no two of one row touch, with as few rows as first fit finds; row 0 first.
inline std::vector<std::size_t> rows_of_labels(const std::vector<Extent>& labels, double gap = 6) {
  std::vector<std::size_t> order(labels.size()), rows(labels.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return labels[a].from < labels[b].from; });
  std::vector<double> ends;  // of the last label of each row
  for (const std::size_t i : order) {
    std::size_t row = 0;
    while (row < ends.size() && labels[i].from < ends[row] + gap) ++row;
    if (row == ends.size()) ends.push_back(0);
    ends[row] = labels[i].to;
    rows[i] = row;
  }
  return rows;
}

}  // namespace genoform::inner::report::charts

#include "genoform/core/restore_macros.hpp"
