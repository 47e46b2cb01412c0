#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "genoform/core/tensor.hpp"

namespace genoform::inner::backend {

/// The integer that takes the room of one Real in a memory.
template <class Real>
using IndexOf = std::conditional_t<sizeof(Real) == 8, std::int64_t, std::int32_t>;

/// Where the memories of one model lie in the address space of its back end; turns handles into addresses when an operation is
/// prepared.
template <class Real>
struct Memories {
  using Index = IndexOf<Real>;
  static constexpr std::size_t count = 8;
  std::array<Real*, count> base{};

  Real*& operator[](Memory memory) { return base[static_cast<std::size_t>(memory)]; }
  /// Null for the absent tensor.
  [[gnu::noinline]] Real* reals(const Tensor& t) const {
    return t.exists() ? base[static_cast<std::size_t>(t.memory)] + t.offset : nullptr;
  }
  /// The first element, whatever it holds.
  [[gnu::noinline]] void* address(const Tensor& t) const {
    if (t.element_type != ElementType::bf16 || !t.exists()) return reals(t);
    return reinterpret_cast<std::byte*>(base[static_cast<std::size_t>(t.memory)]) + 2 * t.offset;
  }
  Index* indices(const Tensor& t) const { return reinterpret_cast<Index*>(reals(t)); }
};

}  // namespace genoform::inner::backend

namespace genoform::extend {
using inner::backend::IndexOf;
using inner::backend::Memories;
}  // namespace genoform::extend
