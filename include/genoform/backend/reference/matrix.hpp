#pragma once
#include <cstdint>

#include "genoform/backend/memories.hpp"
#include "genoform/core/math.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::reference {

using Index = std::int64_t;

/// The elements of a tensor by row and column; converts to false for the absent tensor.
template <class T>
class Matrix {
 public:
  Matrix(T* first, const Tensor& t) : first_(first), stride_(t.stride), rows(t.rows), columns(t.columns) {}
  T& operator()(Index row, Index column) const { return first_[row * stride_ + column]; }
  /// An element of a column vector.
  T& operator()(Index row) const { return first_[row * stride_]; }
  explicit operator bool() const { return first_ != nullptr; }

 private:
  T* first_;
  Index stride_;

 public:
  Index rows, columns;
};

/// Resolves the handles of an operation to elements.
class Host {
 public:
  explicit Host(const Memories<double>& memories) : memories_(&memories) {}
  Matrix<double> operator()(const Tensor& t) const { return {memories_->reals(t), t}; }
  Matrix<std::int64_t> indices(const Tensor& t) const { return {memories_->indices(t), t}; }

 private:
  const Memories<double>* memories_;
};

}  // namespace genoform::reference

#include "genoform/core/restore_macros.hpp"
