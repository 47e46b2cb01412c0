#pragma once
#include <cstdint>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

using Token = std::int32_t;

/// The memories of a model. A back end may keep each in memory of its own, as a GPU does.
enum class Memory : std::uint8_t {
  none,       ///< the absent tensor
  weights,    ///< trainable parameters, one contiguous buffer
  gradients,  ///< the same layout as weights
  state,      ///< state of routers between steps; not trained by gradient
  optimizer,  ///< moments, and the scalars of the step: learning rate, weight decay, step number
  workspace,  ///< activations and scratch, laid out by the memory plan
  inputs,     ///< token ids, targets and the loss scale of the step
  results     ///< loss, auxiliary loss, gradient norm
};

/// The type of an element. `real` is the number type of the back end (float, double), `index` an integer of the same size,
/// `bf16` the upper half of a float; a back end without bf16 never offers it for activations.
enum class ElementType : std::uint8_t { real, index, bf16 };

/// An opaque handle of a matrix [rows, columns], row-major: memory and offset in elements of its type, never a pointer.
struct Tensor {
  Memory memory = Memory::none;
  ElementType element_type = ElementType::real;
  std::int64_t offset = 0;
  std::int64_t rows = 0, columns = 0;
  std::int64_t stride = 0;  ///< elements from one row to the next

  constexpr bool exists() const { return memory != Memory::none; }
  constexpr std::int64_t size() const { return rows * columns; }
  /// The bytes of all elements, where an element of the memory has `bytes_per_element`; one of bf16 always has two.
  constexpr std::int64_t bytes(std::int64_t bytes_per_element) const {
    return size() * (element_type == ElementType::bf16 ? 2 : bytes_per_element);
  }
  /// The offset in elements of the memory.
  constexpr std::int64_t first_element() const { return element_type == ElementType::bf16 ? offset / 2 : offset; }
  /// A view of `count` columns from `first` on. Not inlined, since layers make many views, all before the first step.
  [[gnu::noinline]] constexpr Tensor column_range(std::int64_t first, std::int64_t count) const {
    Tensor part = *this;
    part.offset += first;
    part.columns = count;
    return part;
  }
  /// A view of `count` rows from `first` on.
  constexpr Tensor row_range(std::int64_t first, std::int64_t count) const {
    Tensor part = *this;
    part.offset += first * stride;
    part.rows = count;
    return part;
  }
  friend constexpr bool operator==(const Tensor&, const Tensor&) = default;
};

/// A contiguous [rows, columns] handle.
constexpr Tensor matrix(Memory memory, std::int64_t offset, std::int64_t rows, std::int64_t columns,
                        ElementType element_type = ElementType::real) {
  return {memory, element_type, offset, rows, columns, columns};
}

/// The gradient of a weight: the same offset in another memory.
constexpr Tensor gradient(Tensor weight) {
  if (weight.exists()) weight.memory = Memory::gradients;
  return weight;
}

}  // namespace genoform::inner::core

namespace genoform {
using inner::core::Token;
}  // namespace genoform

namespace genoform::extend {
using inner::core::ElementType;
using inner::core::gradient;
using inner::core::matrix;
using inner::core::Memory;
using inner::core::Tensor;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
