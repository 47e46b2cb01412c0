#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "genoform/backend/cpu/context.hpp"

namespace genoform::cpu {

/// A weight gradient of few elements, to which every thread adds the rows of the operands that it processes elsewhere too:
/// fetching these sums is cheaper than fetching rows that another thread has written. There is one part for one thread, and
/// where results must not depend on the number of threads.
class DepthParts {
 public:
  DepthParts() = default;
  [[gnu::cold, gnu::noinline]] DepthParts(Context& context, std::int64_t rows, std::int64_t columns, std::int64_t depth,
                                          std::int64_t few_elements)
      : rows_(rows), columns_(columns), units_((depth + unit - 1) / unit), depth_(depth) {
    if (context.thread_invariant() || rows * columns > few_elements) return;
    count_ = std::clamp<std::int64_t>(units_ / 4, 1, context.threads());
    context.reserve(static_cast<std::size_t>((count_ - 1) * rows * columns) * sizeof(float));
  }

  std::int64_t count() const { return count_; }
  /// The first row of part i.
  std::int64_t first(std::int64_t i) const { return units_ * i / count_ * unit; }
  std::int64_t length(std::int64_t i) const { return (i + 1 == count_ ? depth_ : first(i + 1)) - first(i); }
  /// The sums of part i > 0, [rows, columns]; part 0 adds to the gradient itself.
  float* sums(const Context& context, std::int64_t i) const { return context.shared<float>() + (i - 1) * rows_ * columns_; }
  /// Adds the sums of all parts to the gradient c.
  void add(const Context& context, float* c, std::int64_t stride) const {
    context.split(rows_, count_ * columns_, [&](std::int64_t from, std::int64_t to, int) {
      for (std::int64_t r = from; r < to; ++r)
        for (std::int64_t i = 1; i < count_; ++i)
          context.kernel<&Kernels::add>()(sums(context, i) + r * columns_, c + r * stride, columns_);
    });
  }

 private:
  static constexpr std::int64_t unit = product_tile;
  std::int64_t rows_ = 0, columns_ = 0, units_ = 0, depth_ = 0, count_ = 1;
};

}  // namespace genoform::cpu
