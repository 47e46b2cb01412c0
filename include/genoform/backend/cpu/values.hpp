#pragma once
#include <concepts>
#include <cstdint>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"

namespace genoform::cpu {

/// A matrix of f32 or bf16 in the memory of the host.
struct Values {
  float* floats = nullptr;
  Bf16* shorts = nullptr;
  std::int64_t rows = 0, columns = 0, stride = 0;

  [[gnu::cold, gnu::noinline]] Values(const Tensor& t, const Memories<float>& m)
      : rows(t.rows), columns(t.columns), stride(t.stride) {
    if (t.element_type == ElementType::bf16)
      shorts = static_cast<Bf16*>(m.address(t));
    else
      floats = m.reals(t);
  }
  explicit operator bool() const { return floats != nullptr || shorts != nullptr; }

  /// An address in the matrix as float* or as Bf16*, by its element type; null for the absent matrix.
  template <class Value>
  Value* at(std::int64_t row, std::int64_t column) const {
    Value* first = nullptr;
    if constexpr (std::same_as<Value, Bf16>)
      first = shorts;
    else
      first = floats;
    return first == nullptr ? nullptr : first + row * stride + column;
  }
};

}  // namespace genoform::cpu
