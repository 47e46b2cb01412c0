#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/products/depth_parts.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// Elements of a block.
inline constexpr std::int64_t tile_elements = product_tile * product_tile;
/// How much of the right operand is packed at a time, in units of two elements: 1 MiB, half of a core's second-level cache.
inline constexpr std::int64_t packed_units = 1 << 18;
/// Units of a panel, or of a left tile, over this depth.
constexpr std::int64_t units_of(const Bf16ProductArgs& args, std::int64_t depth) {
  return in_tiles(depth) * tile_elements / 2 * (args.split ? parts_of<Split> : 1);
}

/// The depth of a product that is processed at a time, if its sums can be kept in c. The packed part of both operands should
/// stay in a core's second-level cache, and c should not be read and written too often.
constexpr std::int64_t slice_depth(const Bf16ProductArgs& args) { return args.split ? 256 : 512; }

/// The address `count` elements after `elements`, which are bf16 or f32.
template <class T>
T* behind(T* elements, std::int64_t count, bool is_short) {
  using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
  return static_cast<Byte*>(elements) + count * (is_short ? 2 : 4);
}

/// A product in bf16 or Split on the threads of a context. Each thread takes a part of the longer side of c, packs panels of
/// the right operand for itself, as many as the cache holds, and multiplies its row tiles by them, one slice of the depth after
/// the other: fetching panels that another thread has packed would take as long, and a wait. Each block is computed in the same
/// way by whatever thread does it, except for weight gradients in DepthParts.
class Bf16Product {
 public:
  Bf16Product() = default;
  /// Prepares products of this shape, and of fewer rows.
  Bf16Product(Context& context, const Bf16ProductArgs& args) : by_columns_(args.columns > args.rows) {
    const bool waits = !args.c_short && args.derivative_of == nullptr && args.f == op::Function::identity;
    const bool packs =
        args.a_transposed || !args.a_short;  // else the left operand is not packed, and slices would only read c again
    if (waits && packs && args.depth > slice_depth(args)) slice_ = slice_depth(args);
    const std::int64_t units = units_of(args, std::min(slice_, args.depth));
    together_ = std::clamp<std::int64_t>(packed_units / std::max<std::int64_t>(units, 1), 1, in_tiles(args.columns));
    right_units_ = together_ * units;
    const std::int64_t left = left_tiles(args) * units;
    context.reserve_per_thread(static_cast<std::size_t>(right_units_ + left + (together_ + 1) * tile_elements) * 4);
    const bool plain = waits && args.bias == nullptr && args.added == nullptr;
    if (plain && args.a_transposed && !args.b_transposed && args.accumulate)
      parts_ = DepthParts(context, args.rows, args.columns, args.depth, 1 << 18);
  }

  void run(const Context& context, const Bf16ProductArgs& args) const {
    if (parts_.count() > 1) return run_by_depth(context, args);
    const std::int64_t rows = in_tiles(args.rows), panels = in_tiles(args.columns);
    const std::int64_t part_cost = product_tile * args.depth * (by_columns_ ? rows : panels);
    context.split(by_columns_ ? panels : rows, part_cost, [&](std::int64_t from, std::int64_t to, int thread) {
      if (by_columns_)
        multiply(context, args, from, to, 0, rows, thread);
      else
        multiply(context, args, 0, panels, from, to, thread);
    });
  }

 private:
  /// The arguments of the part of the product over [first, first + depth) of the depth.
  static Bf16ProductArgs part_of(Bf16ProductArgs args, std::int64_t first, std::int64_t depth) {
    args.a = behind(args.a, args.a_transposed ? first * args.a_stride : first, args.a_short);
    args.b = behind(args.b, args.b_transposed ? first : first * args.b_stride, args.b_short);
    args.depth = depth;
    if (first == 0) return args;
    args.accumulate = true;
    args.bias = args.added = nullptr;
    return args;
  }

  void run_by_depth(const Context& context, const Bf16ProductArgs& args) const {
    const std::int64_t rows = in_tiles(args.rows), panels = in_tiles(args.columns);
    context.split(parts_.count(), args.depth * args.columns, [&](std::int64_t from, std::int64_t to, int thread) {
      for (std::int64_t i = from; i < to; ++i) {
        Bf16ProductArgs part = part_of(args, parts_.first(i), parts_.length(i));
        if (i > 0) part.c = parts_.sums(context, i), part.c_stride = args.columns, part.accumulate = false;
        multiply(context, part, 0, panels, 0, rows, thread);
      }
    });
    parts_.add(context, static_cast<float*>(args.c), args.c_stride);
  }

  void multiply(const Context& context, const Bf16ProductArgs& args, std::int64_t first_panel, std::int64_t last_panel,
                std::int64_t first_row, std::int64_t last_row, int thread) const {
    auto* const right = reinterpret_cast<std::uint32_t*>(context.of_thread(thread));
    const ProductKernels& products = *context.products();
    for (std::int64_t first = 0; first == 0 || first < args.depth; first += slice_) {
      const Bf16ProductArgs slice = part_of(args, first, std::min(slice_, args.depth - first));
      for (std::int64_t p = first_panel; p < last_panel; p += together_) {
        const std::int64_t end = std::min(last_panel, p + together_);
        products.pack_right(slice, p, end, right);
        products.multiply(slice, products.unit, p, end, right, first_row, last_row, right + right_units_);
      }
    }
  }

  std::int64_t slice_ = std::numeric_limits<std::int64_t>::max(), together_ = 1, right_units_ = 0;
  bool by_columns_ = false;
  DepthParts parts_;
};

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
