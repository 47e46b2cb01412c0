#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "genoform/core/tensor.hpp"

namespace genoform {

/// Neighbouring cells [begin, end) of a memory.
struct CellRange {
  std::int64_t begin = 0, end = 0;
};

/// Which gradients a way back may replace when all begin as 0, so that nobody has to write the zeros: those whose first writer
/// writes all of them. The others are cleared before it. Of each operation, in the order in which they run, it is asked what it
/// may replace; then all its tensors() are added, which name every gradient that it touches.
class GradientWriters {
 public:
  /// An operation adds to all cells of t. May it replace them?
  bool replace(const Tensor& t) {
    const bool packed = t.rows == 1 || t.stride == t.columns;
    if (t.memory != Memory::gradients || !packed) return false;
    const CellRange range = range_of(t);
    for (const CellRange& before : touched_)
      if (before.begin < range.end && range.begin < before.end) return false;
    replaced_.push_back(range);
    return true;
  }
  /// An operation touches t; tensors that are no gradients count for nothing.
  void add(const Tensor& t) {
    if (t.exists() && t.memory == Memory::gradients) touched_.push_back(range_of(t));
  }
  /// What may be replaced, in the order of its cells.
  std::vector<CellRange> replaced() {
    std::sort(replaced_.begin(), replaced_.end(), [](const CellRange& a, const CellRange& b) { return a.begin < b.begin; });
    return std::move(replaced_);
  }

 private:
  static CellRange range_of(const Tensor& t) { return {t.offset, t.offset + (t.rows - 1) * t.stride + t.columns}; }

  std::vector<CellRange> touched_, replaced_;
};

/// Writes zeros into all cells but those that are kept, ranges in order.
template <class Real>
void clear_beside(std::span<Real> cells, const std::vector<CellRange>& kept) {
  std::int64_t end = 0;
  const auto clear_to = [&](std::int64_t next) { std::fill(cells.begin() + end, cells.begin() + next, Real{0}); };
  for (const CellRange& range : kept) {
    clear_to(range.begin);
    end = range.end;
  }
  clear_to(static_cast<std::int64_t>(cells.size()));
}

}  // namespace genoform
