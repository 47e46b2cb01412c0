#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/products/depth_parts.hpp"

/// Products in f32 on the threads of a context. c is cut into slabs, and each slab is computed by one thread alone.
namespace genoform::cpu {

inline double flops_of(const onednn::ProductShape& shape) {
  return 2.0 * static_cast<double>(shape.c.rows) * static_cast<double>(shape.c.columns) * static_cast<double>(shape.a.columns);
}

/// How c is cut: into runs of whole units of rows or of columns.
struct Slabs {
  static constexpr std::int64_t unit = 16;
  bool by_columns = false;
  std::int64_t count = 1;

  /// The longer side is cut, because every slab packs the operand of the other side for itself. There is one slab for each
  /// thread, unless the product is too small to share. In a thread-invariant context the shape alone gives the number of slabs;
  /// it is small, since slabs slow a single thread down.
  [[gnu::cold, gnu::noinline]] Slabs(const Context& context, double flops, std::int64_t rows, std::int64_t columns)
      : by_columns(columns > rows) {
    if (flops >= 5e5) count = context.threads();
    if (context.thread_invariant()) count = flops < 4e6 ? 1 : flops < 32e6 ? 2 : flops < 256e6 ? 4 : 8;
    count = std::clamp<std::int64_t>((by_columns ? columns : rows) / unit, 1, count);
  }
  /// Where slab i begins, and slab i - 1 ends, on a side of this length.
  std::int64_t edge(std::int64_t i, std::int64_t length) const {
    return i == count ? length : (length + unit - 1) / unit * i / count * unit;
  }
  /// The part of the product that is slab i.
  [[gnu::cold, gnu::noinline]] onednn::ProductShape shape(onednn::ProductShape whole, std::int64_t i) const {
    std::int64_t& length = by_columns ? whole.c.columns : whole.c.rows;
    length = edge(i + 1, length) - edge(i, length);
    (by_columns ? whole.b.columns : whole.a.rows) = length;
    return whole;
  }
  /// The offset of slab i from the start of each operand, in elements.
  struct Origin {
    std::int64_t a = 0, b = 0, c = 0;
  };
  [[gnu::cold, gnu::noinline]] Origin origin(const onednn::ProductShape& whole, std::int64_t i) const {
    const std::int64_t first = edge(i, by_columns ? whole.c.columns : whole.c.rows);
    if (by_columns) return {0, first * whole.b.column_stride, first};
    return {first * whole.a.row_stride, 0, first * whole.c.row_stride};
  }
};

/// The operands and the result of a product; the bias may be null.
struct ProductAddresses {
  const float *a = nullptr, *b = nullptr, *bias = nullptr;
  float* c = nullptr;
};

/// A product of one operation, whose operands do not move.
class FullProduct {
 public:
  /// `weight_gradient`: a product that may be summed in DepthParts.
  [[gnu::cold, gnu::noinline]] FullProduct(Context& context, const onednn::ProductShape& shape, const ProductAddresses& addresses,
                                           bool weight_gradient)
      : slabs_(context, flops_of(shape), shape.c.rows, shape.c.columns), shape_(shape), c_(addresses.c) {
    if (weight_gradient && slabs_.count > 1)
      depths_ = DepthParts(context, shape.c.rows, shape.c.columns, shape.a.columns, 1 << 16);
    const std::int64_t count = depths_.count() > 1 ? depths_.count() : slabs_.count;
    cost_ = static_cast<std::int64_t>(flops_of(shape)) / (flops_of_element * count);
    for (std::int64_t i = 0; i < count; ++i)
      parts_.push_back(depths_.count() > 1 ? depth(context, addresses, i) : slab(context, addresses, i));
  }

  /// Calls finish(first row, last row, first column, last column) for every slab, in the thread that computed it.
  template <class Finish>
  void run(const Context& context, const Finish& finish) const {
    const bool by_depth = depths_.count() > 1;
    context.split(static_cast<std::int64_t>(parts_.size()), cost_, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i) {
        const Part& part = parts_[static_cast<std::size_t>(i)];
        float* const c = by_depth && i > 0 ? depths_.sums(context, i) : part.addresses.c;
        part.product->run(part.addresses.a, part.addresses.b, part.addresses.bias, c, context.of_thread(thread));
        if (by_depth) continue;
        if (slabs_.by_columns)
          finish(std::int64_t{0}, shape_.c.rows, slabs_.edge(i, shape_.c.columns), slabs_.edge(i + 1, shape_.c.columns));
        else
          finish(slabs_.edge(i, shape_.c.rows), slabs_.edge(i + 1, shape_.c.rows), std::int64_t{0}, shape_.c.columns);
      }
    });
    if (by_depth) depths_.add(context, c_, shape_.c.row_stride);
  }

  /// FLOPs that take as long as one element of the operations in whose elements Context::split() measures cost.
  static constexpr std::int64_t flops_of_element = 32;

 private:
  struct Part {
    UniquePtr<onednn::Product> product;
    ProductAddresses addresses;
  };
  Part slab(Context& context, const ProductAddresses& addresses, std::int64_t i) const {
    const auto [a, b, c] = slabs_.origin(shape_, i);
    const float* bias = addresses.bias == nullptr || !slabs_.by_columns ? addresses.bias : addresses.bias + c;
    return {context.own_product(slabs_.shape(shape_, i)), {addresses.a + a, addresses.b + b, bias, addresses.c + c}};
  }
  Part depth(Context& context, const ProductAddresses& addresses, std::int64_t i) const {
    onednn::ProductShape part = shape_;
    part.a.columns = part.b.rows = depths_.length(i);
    if (i > 0) part.accumulate = false, part.c.row_stride = part.c.columns;
    const std::int64_t first = depths_.first(i);
    return {context.own_product(part),
            {addresses.a + first * part.a.column_stride, addresses.b + first * part.b.row_stride, nullptr, addresses.c}};
  }

  Slabs slabs_;
  DepthParts depths_;
  onednn::ProductShape shape_;
  float* c_;
  std::int64_t cost_ = 0;
  std::vector<Part> parts_;
};

}  // namespace genoform::cpu
