#pragma once
#include <cstdint>
#include <type_traits>

#include "genoform/backend/memories.hpp"
#include "genoform/core/math.hpp"

namespace genoform::inner::backend::host {

/// A strided matrix in the memory of the host.
template <class Real>
struct Rows {
  Real* elements = nullptr;
  std::int64_t rows = 0, columns = 0, stride = 0;
  Real* operator[](std::int64_t row) const { return elements + row * stride; }
  explicit operator bool() const { return elements != nullptr; }
  operator Rows<const Real>() const requires(!std::is_const_v<Real>) { return {elements, rows, columns, stride}; }
};

template <class Real>
[[gnu::cold, gnu::noinline]] Rows<Real> rows_of(const Tensor& t, const Memories<Real>& memories) {
  return {memories.reals(t), t.rows, t.columns, t.stride};
}

}  // namespace genoform::inner::backend::host
