#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/depth_parts.hpp"

namespace genoform::cpu {

/// Cells of a block.
inline constexpr std::int64_t tile_cells = product_tile * product_tile;
/// What of the right operand is packed at a time, in units of two cells: 1 MiB, half of a core's second cache.
inline constexpr std::int64_t packed_units = 1 << 18;
/// Units of one panel, or of one left tile, of all its depth.
constexpr std::int64_t units_of(const Bf16ProductWork& work, std::int64_t depth) {
  return in_tiles(depth) * tile_cells / 2 * (work.split ? parts_of<Split> : 1);
}

/// The depth of a product that is worked through at a time, where its sums can wait in c: what is packed of both operands should
/// stay in a core's second cache, and c should not be read and written too often.
constexpr std::int64_t slice_depth(const Bf16ProductWork& work) { return work.split ? 256 : 512; }

/// Cells behind others, of bf16 or f32.
template <class T>
T* behind(T* cells, std::int64_t count, bool is_short) {
  using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
  return static_cast<Byte*>(cells) + count * (is_short ? 2 : 4);
}

/// A product in bf16, or of f32 that are Split, on the threads of a context. Each takes a part of the longer side of c, packs
/// panels of the right operand for itself, a cache's part at a time, and passes its row tiles over them, one slice of the depth
/// after the other: what another thread has packed would cost as much to fetch, and a wait. Each block is computed alike by
/// whatever thread does it, but for weight gradients in DepthParts.
class Bf16Product {
 public:
  Bf16Product() = default;
  /// Prepared for products of this shape, and of fewer rows.
  Bf16Product(Context& context, const Bf16ProductWork& work) : by_columns_(work.columns > work.rows) {
    const bool waits = !work.c_short && work.slope_of == nullptr && work.f == op::Function::identity;
    const bool packs = work.a_turned || !work.a_short;  // else nothing of the left operand is packed, and c would be read again
    if (waits && packs && work.depth > slice_depth(work)) slice_ = slice_depth(work);
    const std::int64_t units = units_of(work, std::min(slice_, work.depth));
    together_ = std::clamp<std::int64_t>(packed_units / std::max<std::int64_t>(units, 1), 1, in_tiles(work.columns));
    right_units_ = together_ * units;
    const std::int64_t left = left_tiles(work) * units;
    context.reserve_per_thread(static_cast<std::size_t>(right_units_ + left + (together_ + 1) * tile_cells) * 4);
    const bool plain = waits && work.bias == nullptr && work.added == nullptr;
    if (plain && work.a_turned && !work.b_turned && work.accumulate)
      parts_ = DepthParts(context, work.rows, work.columns, work.depth, 1 << 18);
  }

  void run(const Context& context, const Bf16ProductWork& work) const {
    if (parts_.count() > 1) return run_by_depth(context, work);
    const std::int64_t rows = in_tiles(work.rows), panels = in_tiles(work.columns);
    const std::int64_t part_cost = product_tile * work.depth * (by_columns_ ? rows : panels);
    context.split(by_columns_ ? panels : rows, part_cost, [&](std::int64_t from, std::int64_t to, int thread) {
      if (by_columns_)
        multiply(context, work, from, to, 0, rows, thread);
      else
        multiply(context, work, 0, panels, from, to, thread);
    });
  }

 private:
  /// What [first, first + depth) of the depth adds.
  static Bf16ProductWork part_of(Bf16ProductWork work, std::int64_t first, std::int64_t depth) {
    work.a = behind(work.a, work.a_turned ? first * work.a_stride : first, work.a_short);
    work.b = behind(work.b, work.b_turned ? first : first * work.b_stride, work.b_short);
    work.depth = depth;
    if (first == 0) return work;
    work.accumulate = true;
    work.bias = work.added = nullptr;
    return work;
  }

  void run_by_depth(const Context& context, const Bf16ProductWork& work) const {
    const std::int64_t rows = in_tiles(work.rows), panels = in_tiles(work.columns);
    context.split(parts_.count(), work.depth * work.columns, [&](std::int64_t from, std::int64_t to, int thread) {
      for (std::int64_t i = from; i < to; ++i) {
        Bf16ProductWork part = part_of(work, parts_.first(i), parts_.length(i));
        if (i > 0) part.c = parts_.sums(context, i), part.c_stride = work.columns, part.accumulate = false;
        multiply(context, part, 0, panels, 0, rows, thread);
      }
    });
    parts_.add(context, static_cast<float*>(work.c), work.c_stride);
  }

  void multiply(const Context& context, const Bf16ProductWork& work, std::int64_t first_panel, std::int64_t last_panel,
                std::int64_t first_row, std::int64_t last_row, int thread) const {
    auto* const right = reinterpret_cast<std::uint32_t*>(context.of_thread(thread));
    const ProductKernels& products = *context.products();
    for (std::int64_t first = 0; first == 0 || first < work.depth; first += slice_) {
      const Bf16ProductWork slice = part_of(work, first, std::min(slice_, work.depth - first));
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
