#pragma once
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/observer.hpp"
#include "genoform/ops/operation_info.hpp"

namespace genoform::inner::report {

/// One line of a trace.
struct TraceLine {
  std::string_view name;
  std::string shapes;      ///< of what is read, then of what is written: "32x64 64x64 -> 32x64"
  std::int64_t bytes = 0;  ///< OperationInfo::bytes
  std::int64_t flops = 0;
};

inline std::string shapes_of(const Operands& operands) {
  std::string shapes;
  for (const Tensor& t : operands) {
    if (!shapes.empty()) shapes += ' ';
    shapes += std::to_string(t.rows) + 'x' + std::to_string(t.columns);
  }
  return shapes;
}

inline TraceLine trace_line(const OperationInfo& op, std::int64_t bytes_per_element = sizeof(float)) {
  return {.name = op.name,
          .shapes = shapes_of(op.reads) + (op.reads.size() > 0 ? " -> " : "-> ") + shapes_of(op.writes),
          .bytes = op.bytes(bytes_per_element),
          .flops = op.flops};
}

inline std::ostream& operator<<(std::ostream& out, const TraceLine& line) {
  constexpr std::size_t name_width = 30, shapes_width = 50;
  const auto column = [&](std::string_view text, std::size_t width) {
    out << text << std::string(text.size() < width ? width - text.size() : 1, ' ');
  };
  column(line.name, name_width);
  column(line.shapes, shapes_width);
  return out << "bytes " << line.bytes << "  flops " << line.flops << '\n';
}

/// Writes a line for every operation that a model runs, in order: `model.observe(&trace)`. On DryRun nothing is computed.
class Trace final : public Observer {
 public:
  /// The stream must outlive every model that is observed. An element of the back end's number type has so many bytes.
  explicit Trace(std::ostream& out = std::cout, std::int64_t bytes_per_element = sizeof(float))
      : out_(&out), bytes_per_element_(bytes_per_element) {}
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  std::size_t record(Phase, const OperationInfo& op) override {
    lines_.push_back(trace_line(op, bytes_per_element_));
    return lines_.size() - 1;
  }
  void run(std::size_t number, void (*operation)(void*), void* state) override {
    *out_ << lines_[number];
    operation(state);
  }

 private:
  std::ostream* out_;
  std::int64_t bytes_per_element_;
  std::vector<TraceLine> lines_;
};

}  // namespace genoform::inner::report
