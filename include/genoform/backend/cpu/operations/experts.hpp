#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <vector>

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/backend/cpu/products/bf16_expert_product.hpp"
#include "genoform/backend/host/routing.hpp"

#include "genoform/core/hide_macros.hpp"

/// The experts of sparse layers on the CPU: tokens to slots, products, slots to tokens.
namespace genoform::cpu {

/// One prepared product for each number of rows into which a segment may be cut: the multiples of slot_tile up to `fine`, then
/// powers of two times it.
class ExpertProducts {
 public:
  static constexpr std::int64_t fine = 256;

  template <class Make>
  ExpertProducts(std::int64_t slots, const Make& make) {
    for (std::int64_t rows = op::slot_tile; rows <= std::min(slots, fine); rows += op::slot_tile) small_.push_back(make(rows));
    for (std::int64_t rows = 2 * fine; rows <= slots; rows *= 2) large_.push_back(make(rows));
  }

  /// Calls run(product, first row) for the pieces of a segment of `rows`, a multiple of slot_tile.
  template <class Run>
  void over_segment(std::int64_t rows, Run run) const {
    std::int64_t first = 0;
    for (std::size_t i = large_.size(); i-- > 0;)
      for (const std::int64_t piece = (2 * fine) << i; rows - first >= piece; first += piece) run(*large_[i], first);
    for (; rows - first > fine; first += fine) run(*small_[fine / op::slot_tile - 1], first);
    if (first < rows) run(*small_[static_cast<std::size_t>((rows - first) / op::slot_tile - 1)], first);
  }

 private:
  std::vector<onednn::Product*> small_, large_;
};

/// Products in f32 by oneDNN: prepared products of pieces of a segment, one after the other. Each thread computes a slab of the
/// columns of every piece, or of the longer side of every weight gradient, and waits for no other thread.
class FullExpertProduct {
 public:
  [[gnu::cold, gnu::noinline]] FullExpertProduct(Context& context, const FloatMemories& m, const ExpertProductOf& p)
      : a_(host::rows_of(p.a, m)),
        b_(host::rows_of(p.b, m)),
        c_(host::rows_of(p.c, m)),
        derivative_of_(host::rows_of(p.derivative_of, m)),
        block_(p.block),
        through_slots_(p.through_slots()),
        f_(p.f) {
    const onednn::ProductShape all = piece(p, p.a.rows);
    const double experts = static_cast<double>((through_slots_ ? p.c.rows : p.b.rows) / block_);
    const Slabs slabs(context, flops_of(all) / experts, through_slots_ ? block_ : 0, c_.columns);
    cost_of_slot_ = static_cast<std::int64_t>(flops_of(all)) / (p.a.rows * FullProduct::flops_of_element * slabs.count);
    for (std::int64_t i = 0; i < slabs.count; ++i)
      slabs_.push_back(
          {ExpertProducts(p.a.rows, [&](std::int64_t rows) { return context.expert_product(slabs.shape(piece(p, rows), i), i); }),
           slabs.origin(all, i)});
  }

  void run(const Context& context, const host::Slots<float>& to, bool zero_before) const {
    if (zero_before) context.clear(c_);
    context.split(std::ssize(slabs_), cost_of_slot_ * to.end(), [&](std::int64_t first, std::int64_t last, int thread) {
      const SignalsHeld once_for_all;
      for (; first < last; ++first)
        for (std::int64_t e = 0; e < to.experts; ++e)
          multiply(slabs_[static_cast<std::size_t>(first)], to, e, context.of_thread(thread));
    });
    if (derivative_of_) undo(context, to.end());
  }

 private:
  struct Slab {
    ExpertProducts products;
    Slabs::Origin origin;
  };
  static onednn::Layout rows_of(const Tensor& t, std::int64_t rows) { return {rows, t.columns, t.stride, 1}; }
  static onednn::ProductShape piece(const ExpertProductOf& p, std::int64_t rows) {
    const bool through = p.through_slots();
    const onednn::Layout a = rows_of(p.a, rows), b = rows_of(p.b, through ? rows : p.block);
    return {.a = p.a_transposed ? a.transposed() : a,
            .b = p.b_transposed ? b.transposed() : b,
            .c = rows_of(p.c, through ? p.block : rows),
            .accumulate = p.accumulate,
            .f = p.derivative_of.exists() ? op::Function::identity : p.f};
  }

  void multiply(const Slab& slab, const host::Slots<float>& to, std::int64_t e, float* scratch) const {
    const std::int64_t a = slab.origin.a, b = slab.origin.b, c = slab.origin.c;
    slab.products.over_segment(to.expert_first[e + 1] - to.expert_first[e], [&](onednn::Product& product, std::int64_t at) {
      const std::int64_t slot = to.expert_first[e] + at;
      if (through_slots_)
        product.run(a_[slot] + a, b_[slot] + b, nullptr, c_[e * block_] + c, scratch);
      else
        product.run(a_[slot] + a, b_[e * block_] + b, nullptr, c_[slot] + c, scratch);
    });
  }
  void undo(const Context& context, std::int64_t slots) const {
    const bool flat = c_.stride == c_.columns && derivative_of_.stride == c_.columns;
    context.over_elements(slots, c_.columns, flat, [&](std::int64_t r, std::int64_t i, std::int64_t count) {
      context.kernel<&Kernels::activate_gradient>()(f_, nullptr, derivative_of_[r] + i, c_[r] + i, c_[r] + i, count);
    });
  }

  host::Rows<float> a_, b_, c_, derivative_of_;
  std::int64_t block_, cost_of_slot_ = 0;
  bool through_slots_;
  op::Function f_;
  std::vector<Slab> slabs_;
};

/// The product of an ExpertLinear or of its backward pass, in the precision of its context.
inline auto expert_product(const SharedContext& context, const op::Assignment& to, const FloatMemories& m,
                           const ExpertProductOf& p, const Tensor& zero_before = {}) {
  const bool tiled = p.multiplied_in_tiles(*context);
  return [context, to = host::slots_of(to, m),
          full = tiled ? UniquePtr<FullExpertProduct>() : make_unique_ptr<FullExpertProduct>(*context, m, p),
          by_tiles = tiled ? Bf16ExpertProduct(*context, m, p) : Bf16ExpertProduct(), zero_before = m.indices(zero_before)] {
    full ? full->run(*context, to, is_set(zero_before)) : by_tiles.run(*context, to, is_set(zero_before));
  };
}

inline auto prepare(const SharedContext& context, const op::ExpertLinear& o, const auto& m) {
  return expert_product(context, o.to, m, {.a = o.x, .b = o.w, .c = o.y, .b_transposed = true, .block = o.y.columns, .f = o.f});
}

inline auto prepare(const SharedContext& context, const op::ExpertLinearInputGradient& o, const auto& m) {
  return expert_product(
      context, o.to, m,
      {.a = o.dy, .b = o.w, .c = o.dx, .accumulate = o.accumulate, .block = o.dy.columns, .f = o.f, .derivative_of = o.output});
}

inline auto prepare(const SharedContext& context, const op::ExpertLinearWeightGradient& o, const auto& m) {
  return expert_product(context, o.to, m,
                        {.a = o.dy, .b = o.x, .c = o.dw, .a_transposed = true, .accumulate = true, .block = o.dy.columns},
                        o.zero_before);
}

/// The arguments of copies between tokens and slots; absent arrays stay null.
inline SlotArgs slot_args(const Tensor& x, const Tensor& y, const op::Assignment& to, const FloatMemories& m) {
  return {.x = m.address(x),
          .y = m.address(y),
          .x_stride = x.stride,
          .y_stride = y.stride,
          .columns = x.columns,
          .slot_token = m.indices(to.slot_token),
          .token_first = m.indices(to.token_first),
          .token_slots = m.indices(to.token_slots),
          .slot_weight = m.reals(to.slot_weight),
          .x_short = is_bf16(x),
          .y_short = is_bf16(y)};
}

inline auto prepare(const SharedContext& context, const op::GatherRows& o, const auto& m) {
  return [context, args = slot_args(o.x, o.y, o.to, m), to = host::slots_of(o.to, m)] {
    context->split(to.end(), args.columns, [&](std::int64_t first, std::int64_t last, int) {
      const auto run = args.x_short || args.y_short ? context->bf16().gather_rows : context->kernel<&Kernels::gather_rows>();
      run(args, first, last);
    });
  };
}

/// The arguments of a combination of slots into the rows of tokens.
inline auto combine(const SharedContext& context, const SlotArgs& args, std::int64_t tokens) {
  return [context, args, tokens] {
    context->split(tokens, 2 * args.columns, [&](std::int64_t first, std::int64_t last, int) {
      const auto run = args.x_short ? context->bf16().combine_rows : context->kernel<&Kernels::combine_rows>();
      run(args, first, last);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::GatherRowsGradient& o, const auto& m) {
  SlotArgs args = slot_args(o.dy, o.dx, o.to, m);
  args.slot_weight = nullptr;
  args.accumulate = true;
  return combine(context, args, o.dx.rows);
}

inline auto prepare(const SharedContext& context, const op::CombineRows& o, const auto& m) {
  SlotArgs args = slot_args(o.x, o.y, o.to, m);
  args.accumulate = o.accumulate;
  return combine(context, args, o.y.rows);
}

inline auto prepare(const SharedContext& context, const op::CombineRowsGradient& o, const auto& m) {
  SlotArgs args = slot_args(o.x, o.dx, o.to, m);
  args.z = m.reals(o.dy);
  args.z_stride = o.dy.stride;
  args.dweight = m.reals(o.dweight);
  return [context, args, to = host::slots_of(o.to, m)] {
    context->split(to.end(), 2 * args.columns, [&](std::int64_t first, std::int64_t last, int) {
      const auto run = args.x_short || args.y_short ? context->bf16().combine_rows_gradient
                                                    : context->kernel<&Kernels::combine_rows_gradient>();
      run(args, first, last);
    });
  };
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
