#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/operands.hpp"

namespace genoform::inner::ops {

/// Neighbouring elements [begin, end) of a memory.
struct ElementRange {
  std::int64_t begin = 0, end = 0;
};

/// Which gradients a backward pass may overwrite when all count as 0, so that nobody has to write the zeros: those whose first
/// writer writes all of them. The others are cleared before it. Of each operation, in the order in which they run, it is asked
/// what it may overwrite; then all that it reads and writes is added.
class GradientWriters {
 public:
  /// An operation adds to all elements of t. May it overwrite them?
  bool overwrite(const Tensor& t) {
    const bool packed = t.rows == 1 || t.stride == t.columns;
    if (t.memory != Memory::gradients || !packed) return false;
    const ElementRange range = range_of(t);
    for (const ElementRange& before : touched_)
      if (before.begin < range.end && range.begin < before.end) return false;
    overwritten_.push_back(range);
    return true;
  }
  /// An operation touches these tensors; those that are no gradients count for nothing.
  void add(const Operands& tensors) {
    for (const Tensor& t : tensors)
      if (t.memory == Memory::gradients) touched_.push_back(range_of(t));
  }
  /// What may be overwritten, in the order of its elements.
  std::vector<ElementRange> overwritten() {
    std::sort(overwritten_.begin(), overwritten_.end(),
              [](const ElementRange& a, const ElementRange& b) { return a.begin < b.begin; });
    return std::move(overwritten_);
  }

 private:
  static ElementRange range_of(const Tensor& t) { return {t.offset, t.offset + (t.rows - 1) * t.stride + t.columns}; }

  std::vector<ElementRange> touched_, overwritten_;
};

}  // namespace genoform::inner::ops
