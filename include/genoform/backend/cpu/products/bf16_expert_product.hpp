#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "genoform/backend/cpu/products/product.hpp"
#include "genoform/backend/host/routing.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// The common description of the products of an ExpertLinear and its backward pass: for each expert c = a b or c += a b, where
/// two of the three matrices are rows of slots and one is a block of `block` rows of a matrix of all experts.
struct ExpertProductOf {
  Tensor a, b, c;
  bool a_transposed = false, b_transposed = false, accumulate = false;
  std::int64_t block = 0;
  op::Function f = op::Function::identity;
  Tensor derivative_of{};
  /// Whether the depth of the product is the slots: a weight gradient.
  bool through_slots() const { return a_transposed; }
  /// Whether a context multiplies them in bf16 or Split, judged by the average number of slots of an expert.
  bool multiplied_in_tiles(const Context& context) const {
    const std::int64_t experts = (through_slots() ? c.rows : b.rows) / block, slots = (a.rows + experts - 1) / experts;
    return cpu::multiplied_in_tiles(context, through_slots() ? block : slots, c.columns, through_slots() ? slots : a.columns);
  }
};

/// Products in bf16 or Split. Every thread computes a part of the columns (or rows) of every expert's product, packs its part
/// of the right operand for itself and waits for no other thread. So different loads of the experts leave no thread idle, and
/// each block is computed in the same way by whatever thread does it.
class Bf16ExpertProduct {
 public:
  Bf16ExpertProduct() = default;
  Bf16ExpertProduct(Context& context, const FloatMemories& m, const ExpertProductOf& p)
      : all_(bf16_args({.a = p.a,
                        .b = p.b,
                        .c = p.c,
                        .a_transposed = p.a_transposed,
                        .b_transposed = p.b_transposed,
                        .accumulate = p.accumulate,
                        .f = p.f,
                        .derivative_of = p.derivative_of},
                       m, !context.in_bf16())),
        block_(p.block),
        through_slots_(p.through_slots()) {
    if (through_slots_) all_.rows = block_;
    by_rows_ = through_slots_ && all_.rows > all_.columns;  // else each thread would transpose the larger operand
    const std::int64_t units = units_of(all_, all_.depth), panels = in_tiles(all_.columns);
    right_units_ = std::min(panels * units, std::max(packed_units, units));
    const std::int64_t left = left_tiles(all_) * units, sums = (panels + 1) * tile_elements;
    context.reserve_per_thread(static_cast<std::size_t>(right_units_ + left + sums) * 4);
  }

  /// `zero_before`: as in Product.
  void run(const Context& context, const host::Slots<float>& to, bool zero_before) const {
    const Bf16ProductArgs all = zero_before ? replacing(all_) : all_;
    for (std::int64_t e = 0; zero_before && e < to.experts; ++e)
      if (slots_of(to, e) == 0)
        context.clear({static_cast<float*>(of_expert(all, to, e).c), all.rows, all.columns, all.c_stride});
    const std::int64_t parts = in_tiles(by_rows_ ? all_.rows : all_.columns);
    const std::int64_t tail = through_slots_ ? (by_rows_ ? all_.columns : all_.rows) : all_.depth;
    context.split(parts, product_tile * tail * to.end(), [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t e = 0; e < to.experts; ++e)
        if (slots_of(to, e) > 0) multiply(context, of_expert(all, to, e), first, last, thread);
    });
  }

 private:
  static std::int64_t slots_of(const host::Slots<float>& to, std::int64_t e) {
    return to.expert_first[e + 1] - to.expert_first[e];
  }
  Bf16ProductArgs of_expert(Bf16ProductArgs args, const host::Slots<float>& to, std::int64_t e) const {
    const std::int64_t first = to.expert_first[e];
    args.a = behind(args.a, first * args.a_stride, args.a_short);
    args.b = behind(args.b, (through_slots_ ? first : e * block_) * args.b_stride, args.b_short);
    args.c = behind(args.c, (through_slots_ ? e * block_ : first) * args.c_stride, args.c_short);
    if (args.derivative_of != nullptr)
      args.derivative_of = behind(args.derivative_of, first * args.derivative_stride, args.c_short);
    (through_slots_ ? args.depth : args.rows) = slots_of(to, e);
    return args;
  }

  /// The panels of columns, or the tiles of rows, [first, last).
  void multiply(const Context& context, const Bf16ProductArgs& args, std::int64_t first, std::int64_t last, int thread) const {
    const std::int64_t units = units_of(args, args.depth), first_panel = by_rows_ ? 0 : first, first_row = by_rows_ ? first : 0;
    const std::int64_t last_panel = by_rows_ ? in_tiles(args.columns) : last, last_row = by_rows_ ? last : in_tiles(args.rows);
    const std::int64_t together = std::max<std::int64_t>(right_units_ / units, 1);
    auto* const right = reinterpret_cast<std::uint32_t*>(context.of_thread(thread));
    const ProductKernels& products = *context.products();
    for (std::int64_t p = first_panel; p < last_panel; p += together) {
      const std::int64_t end = std::min(last_panel, p + together);
      products.pack_right(args, p, end, right);
      products.multiply(args, products.unit, p, end, right, first_row, last_row, right + right_units_);
    }
  }

  Bf16ProductArgs all_;
  std::int64_t block_ = 0, right_units_ = 0;
  bool through_slots_ = false, by_rows_ = false;
};

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
