#pragma once
#include <cstdint>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "genoform/core/tensor.hpp"

namespace genoform::trace {

/// What is known of an operation without running it.
struct Line {
  std::string_view name;
  std::string shapes;      ///< "32x64" for each tensor in the operation's own order, "-" for one that is absent
  std::int64_t bytes = 0;  ///< of all its tensors, each counted once
  std::int64_t flops = 0;  ///< useful ones, spec/model.md section 6
};

inline Line line_of(std::string_view name, std::span<const Tensor> tensors, std::int64_t flops, std::int64_t bytes_per_element) {
  Line line{.name = name, .shapes = {}, .bytes = 0, .flops = flops};
  for (const Tensor& t : tensors) {
    if (!line.shapes.empty()) line.shapes += ' ';
    line.shapes += t.exists() ? std::to_string(t.rows) + 'x' + std::to_string(t.columns) : "-";
  }
  for (auto t = tensors.begin(); t != tensors.end(); ++t) {
    bool first_time = t->exists();
    for (auto other = tensors.begin(); other != t; ++other) first_time = first_time && !(*other == *t);
    if (first_time) line.bytes += t->bytes(bytes_per_element);
  }
  return line;
}
template <class Op>
Line line_of(const Op& op, std::int64_t bytes_per_element) {
  return line_of(Op::name, op.tensors(), op.flops(), bytes_per_element);
}

inline std::ostream& operator<<(std::ostream& out, const Line& line) {
  constexpr std::size_t name_width = 30, shapes_width = 50;
  const auto column = [&](std::string_view text, std::size_t width) {
    out << text << std::string(text.size() < width ? width - text.size() : 1, ' ');
  };
  column(line.name, name_width);
  column(line.shapes, shapes_width);
  return out << "bytes " << line.bytes << "  flops " << line.flops << '\n';
}

}  // namespace genoform::trace
