#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "genoform/backend/cpu/context.hpp"

namespace genoform::cpu {

/// Cells of a block.
inline constexpr std::int64_t tile_cells = product_tile * product_tile;
/// What of the right operand is packed at a time, in units of two cells: 1 MiB, half of a core's second cache.
inline constexpr std::int64_t packed_units = 1 << 18;
/// Units of one panel, or of one left tile, of all its depth.
constexpr std::int64_t units_of(std::int64_t depth) { return in_tiles(depth) * tile_cells / 2; }

/// The depth of a product that is worked through at a time, where its sums can wait in c: what is packed of both operands should
/// stay in a core's second cache, and c should not be read and written too often.
inline constexpr std::int64_t slice_depth = 512;

/// Cells behind others, of bf16 or f32.
template <class T>
T* behind(T* cells, std::int64_t count, bool is_short) {
  using Byte = std::conditional_t<std::is_const_v<T>, const std::byte, std::byte>;
  return static_cast<Byte*>(cells) + count * (is_short ? 2 : 4);
}

/// A product in bf16 on the threads of a context: panels of the right operand are packed a cache's part at a time, then every
/// row tile passes them, one slice of the depth after the other. Each block is computed alike by whatever thread does it, so
/// their number changes no bit.
class Bf16Product {
 public:
  Bf16Product() = default;
  /// Prepared for products of this shape, and of fewer rows.
  Bf16Product(Context& context, const Bf16ProductWork& work) {
    const bool waits = !work.c_short && work.slope_of == nullptr && work.f == op::Function::identity;
    if (waits && work.depth > slice_depth) slice_ = slice_depth;
    const std::int64_t units = units_of(std::min(slice_, work.depth));
    together_ = std::clamp<std::int64_t>(packed_units / std::max<std::int64_t>(units, 1), 1, in_tiles(work.columns));
    context.reserve(static_cast<std::size_t>(together_ * units) * 4);
    const std::int64_t left = (work.a_turned ? left_group : 1) * units;
    context.reserve_per_thread(static_cast<std::size_t>(left + (together_ + 1) * tile_cells) * 4);
  }

  void run(const Context& context, const Bf16ProductWork& work) const {
    std::int64_t first = 0;
    do run_slice(context, slice_of(work, first));
    while ((first += slice_) < work.depth);
  }

 private:
  Bf16ProductWork slice_of(Bf16ProductWork work, std::int64_t first) const {
    work.a = behind(work.a, work.a_turned ? first * work.a_stride : first, work.a_short);
    work.b = behind(work.b, work.b_turned ? first : first * work.b_stride, work.b_short);
    work.depth = std::min(slice_, work.depth - first);
    if (first == 0) return work;
    work.accumulate = true;
    work.bias = work.added = nullptr;
    return work;
  }

  void run_slice(const Context& context, const Bf16ProductWork& work) const {
    const std::int64_t panels = in_tiles(work.columns), units = units_of(work.depth);
    const std::int64_t panel_cells = work.depth * product_tile;
    auto* const packed = context.shared<std::uint32_t>();
    const ProductUnit& unit = context.bf16().unit;
    for (std::int64_t first = 0; first < panels; first += together_) {
      const std::int64_t last = std::min(panels, first + together_);
      context.split(last - first, panel_cells, [&](std::int64_t from, std::int64_t to, int) {
        context.bf16().pack_right(work, first + from, first + to, packed + from * units);
      });
      context.split(in_tiles(work.rows), (last - first) * panel_cells, [&](std::int64_t from, std::int64_t to, int thread) {
        auto* const scratch = reinterpret_cast<std::uint32_t*>(context.of_thread(thread));
        context.bf16().multiply(work, unit, first, last, packed, from, to, scratch);
      });
    }
  }

  std::int64_t slice_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t together_ = 1;
};

}  // namespace genoform::cpu
