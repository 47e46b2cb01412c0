#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/tensor.hpp"

namespace genoform::inner::ops {

/// Elements of the memory that so many elements take: two of bf16 share one.
constexpr std::int64_t elements_of(std::int64_t elements, ElementType element_type) {
  return element_type == ElementType::bf16 ? (elements + 1) / 2 : elements;
}

/// Lays out the workspace without liveness analysis: what the backward pass needs grows from the bottom, scratch from the top,
/// both as stacks.
class Arena {
 public:
  struct Mark {
    std::int64_t kept = 0, scratch = 0;
  };

  /// What a piece of a dry run did to an arena, relative to where it began: elements that it left kept, and the most in use.
  struct Change {
    std::int64_t kept = 0, peak = 0, peak_kept = 0;
  };

  constexpr explicit Arena(std::int64_t elements = 0) : elements_(elements) {}

  constexpr std::int64_t keep(std::int64_t elements) {
    const std::int64_t at = top_.kept;
    top_.kept += padded(elements);
    note_peak();
    return at;
  }
  constexpr std::int64_t scratch(std::int64_t elements) {
    top_.scratch += padded(elements);
    note_peak();
    return elements_ - top_.scratch;
  }
  constexpr Mark mark() const { return top_; }
  constexpr void release_scratch(Mark to) { top_.scratch = to.scratch; }
  constexpr void release_kept(Mark to) {
    if (!holds_) top_.kept = to.kept;
  }
  /// From here on nothing that is kept is released, so that it can be read after the backward pass.
  constexpr void hold_kept() { holds_ = true; }
  /// From here on the peaks count anew.
  constexpr void restart_peaks() {
    peak_ = top_.kept + top_.scratch;
    peak_kept_ = top_.kept;
  }
  /// What happened since `from`, where the peaks were restarted.
  constexpr Change change_since(Mark from) const {
    return {.kept = larger_of<std::int64_t>(top_.kept - from.kept, 0),
            .peak = peak_ - from.kept - from.scratch,
            .peak_kept = peak_kept_ - from.kept};
  }
  /// Does here what a piece of a dry run did elsewhere.
  constexpr void replay(const Change& change) {
    peak_ = larger_of(peak_, top_.kept + top_.scratch + change.peak);
    peak_kept_ = larger_of(peak_kept_, top_.kept + change.peak_kept);
    top_.kept += change.kept;
  }
  constexpr std::int64_t peak() const { return peak_; }
  constexpr std::int64_t peak_kept() const { return peak_kept_; }

 private:
  /// Whole cache lines of 4-byte elements.
  static constexpr std::int64_t padded(std::int64_t elements) { return (elements + 15) / 16 * 16; }
  constexpr void note_peak() {
    peak_ = larger_of(peak_, top_.kept + top_.scratch);
    peak_kept_ = larger_of(peak_kept_, top_.kept);
  }

  std::int64_t elements_;
  Mark top_;
  std::int64_t peak_ = 0, peak_kept_ = 0;
  bool holds_ = false;
};

}  // namespace genoform::inner::ops
