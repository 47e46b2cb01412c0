#pragma once
#include <array>
#include <cstddef>
#include <initializer_list>

#include "genoform/core/tensor.hpp"

namespace genoform::inner::ops {

/// The tensor, or none.
constexpr Tensor only_if(bool condition, const Tensor& t) { return condition ? t : Tensor{}; }

/// The tensors that an operation reads, or those that it writes, each once and in a fixed order; absent ones are left out.
/// reads() names all whose elements may change the result, writes() all whose elements the operation may change: one that is
/// updated in place, or added to, stands in both.
class Operands {
 public:
  static constexpr std::size_t capacity = 16;

  constexpr Operands() = default;
  /// Not inlined, and cold: every operation lists its tensors, and only while a recording is made.
  [[gnu::cold, gnu::noinline]] constexpr Operands(std::initializer_list<Tensor> tensors) {
    for (const Tensor& t : tensors) add(t);
  }
  /// These, then the others.
  [[nodiscard, gnu::cold, gnu::noinline]] constexpr Operands with(const Operands& others) const {
    Operands all = *this;
    for (const Tensor& t : others) all.add(t);
    return all;
  }

  constexpr const Tensor* begin() const { return tensors_.data(); }
  constexpr const Tensor* end() const { return tensors_.data() + size_; }
  constexpr const Tensor* data() const { return tensors_.data(); }
  constexpr std::size_t size() const { return size_; }
  constexpr bool contains(const Tensor& t) const {
    for (const Tensor& own : *this)
      if (own == t) return true;
    return false;
  }

 private:
  constexpr void add(const Tensor& t) {
    if (t.exists() && !contains(t)) tensors_[size_++] = t;
  }

  std::array<Tensor, capacity> tensors_{};
  std::size_t size_ = 0;
};

}  // namespace genoform::inner::ops
