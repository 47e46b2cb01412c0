#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/random.hpp"

namespace genoform::inner::model {

namespace orthogonal {

inline double dot(const double* a, const double* b, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}

/// Makes row `r` of a block of rows of `size` orthogonal to the rows before it, and of length 1.
inline void orthonormalise(std::vector<double>& block, std::size_t r, std::size_t size) {
  double* row = block.data() + r * size;
  for (int pass = 0; pass < 2; ++pass)  // once more takes away what rounding left
    for (std::size_t before = 0; before < r; ++before) {
      const double* other = block.data() + before * size;
      const double along = dot(row, other, size);
      for (std::size_t i = 0; i < size; ++i) row[i] -= along * other[i];
    }
  const double length = math::sqrt(dot(row, row, size));
  for (std::size_t i = 0; i < size; ++i) row[i] /= length;
}

}  // namespace orthogonal

/// Fills rows of `columns` elements: blocks of up to `columns` rows that are orthogonal to each other, each row as long as a row
/// of normal numbers of its own (the orthogonal features of Performer, arXiv 2009.14794, section 2.4). Exact in float.
template <class Real>
void sample_orthogonal(const Random& random, std::size_t columns, std::span<Real> elements) {
  const std::size_t rows = elements.size() / columns;
  std::vector<double> block(columns * columns), lengths(columns);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t place = r % columns;
    double* row = block.data() + place * columns;
    for (std::size_t i = 0; i < columns; ++i) row[i] = random.normal(2 * (r * columns + i));
    for (std::size_t i = 0; i < columns; ++i) lengths[i] = random.normal(2 * (r * columns + i) + 1);
    orthogonal::orthonormalise(block, place, columns);
    const double length = math::sqrt(orthogonal::dot(lengths.data(), lengths.data(), columns));
    for (std::size_t i = 0; i < columns; ++i) elements[r * columns + i] = static_cast<Real>(static_cast<float>(length * row[i]));
  }
}

}  // namespace genoform::inner::model
