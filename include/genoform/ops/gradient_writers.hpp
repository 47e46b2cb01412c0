#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "genoform/core/tensor.hpp"
#include "genoform/ops/operands.hpp"

namespace genoform {

/// Neighbouring elements [begin, end) of a memory.
struct ElementRange {
  std::int64_t begin = 0, end = 0;
};

/// Which gradients a backward pass may replace when all begin as 0, so that nobody has to write the zeros: those whose first
/// writer writes all of them. The others are cleared before it. Of each operation, in the order in which they run, it is asked
/// what it may replace; then all that it reads and writes is added.
class GradientWriters {
 public:
  /// An operation adds to all elements of t. May it replace them?
  bool replace(const Tensor& t) {
    const bool packed = t.rows == 1 || t.stride == t.columns;
    if (t.memory != Memory::gradients || !packed) return false;
    const ElementRange range = range_of(t);
    for (const ElementRange& before : touched_)
      if (before.begin < range.end && range.begin < before.end) return false;
    replaced_.push_back(range);
    return true;
  }
  /// An operation touches these tensors; those that are no gradients count for nothing.
  void add(const Operands& tensors) {
    for (const Tensor& t : tensors)
      if (t.memory == Memory::gradients) touched_.push_back(range_of(t));
  }
  /// What may be replaced, in the order of its elements.
  std::vector<ElementRange> replaced() {
    std::sort(replaced_.begin(), replaced_.end(), [](const ElementRange& a, const ElementRange& b) { return a.begin < b.begin; });
    return std::move(replaced_);
  }

 private:
  static ElementRange range_of(const Tensor& t) { return {t.offset, t.offset + (t.rows - 1) * t.stride + t.columns}; }

  std::vector<ElementRange> touched_, replaced_;
};

/// Writes zeros into all elements but those that are kept, ranges in order.
template <class Real>
void clear_beside(std::span<Real> elements, const std::vector<ElementRange>& kept) {
  std::int64_t end = 0;
  const auto clear_to = [&](std::int64_t next) { std::fill(elements.begin() + end, elements.begin() + next, Real{0}); };
  for (const ElementRange& range : kept) {
    clear_to(range.begin);
    end = range.end;
  }
  clear_to(static_cast<std::int64_t>(elements.size()));
}

}  // namespace genoform
