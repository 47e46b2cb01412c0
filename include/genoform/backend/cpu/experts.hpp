#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "genoform/backend/cpu/dense.hpp"
#include "genoform/backend/host/routing.hpp"

/// The experts of sparse layers, on the CPU: rows to slots, products, slots to rows.
namespace genoform::cpu {

/// One prepared product for every number of rows that a segment may be cut into: the multiples of slot_tile up to `fine`, then
/// doubles.
class ExpertProducts {
 public:
  static constexpr std::int64_t fine = 256;

  template <class ShapeOf>
  ExpertProducts(Context& context, std::int64_t slots, ShapeOf shape_of) {
    for (std::int64_t rows = op::slot_tile; rows <= std::min(slots, fine); rows += op::slot_tile)
      small_.push_back(context.expert_product(shape_of(rows)));
    for (std::int64_t rows = 2 * fine; rows <= slots; rows *= 2) large_.push_back(context.expert_product(shape_of(rows)));
  }

  /// run(product, first row) over the pieces of a segment of `rows`, a multiple of slot_tile.
  template <class Run>
  void over_segment(std::int64_t rows, Run run) const {
    std::int64_t first = 0;
    for (std::size_t i = large_.size(); i-- > 0;)
      for (const std::int64_t piece = (2 * fine) << i; rows - first >= piece; first += piece) run(*large_[i], first);
    for (; rows - first > fine; first += fine) run(*small_[fine / op::slot_tile - 1], first);
    if (first < rows) run(*small_[static_cast<std::size_t>((rows - first) / op::slot_tile - 1)], first);
  }

 private:
  std::vector<std::shared_ptr<onednn::Product>> small_, large_;
};

/// run(product, expert, first slot of the piece) for all slots of all experts.
template <class Run>
void over_experts(const host::Slots<float>& to, const ExpertProducts& products, Run run) {
  for (std::int64_t e = 0; e < to.experts; ++e)
    products.over_segment(to.expert_first[e + 1] - to.expert_first[e],
                          [&](onednn::Product& product, std::int64_t first) { run(product, e, to.expert_first[e] + first); });
}

inline onednn::Layout rows_layout(const Tensor& t, std::int64_t rows) { return {rows, t.columns, t.stride, 1}; }

inline auto prepare(const SharedContext& context, const op::ExpertLinear& o, const FloatMemories& m) {
  const onednn::Layout weight{o.y.columns, o.x.columns, o.w.stride, 1};
  const ExpertProducts products(*context, o.x.rows, [&](std::int64_t rows) {
    return onednn::ProductShape{.a = rows_layout(o.x, rows),
                                .b = weight.transposed(),
                                .c = rows_layout(o.y, rows),
                                .bias = false,
                                .accumulate = false,
                                .f = o.f};
  });
  return [context, products, to = host::slots_of(o.to, m), x = host::rows_of(o.x, m), w = host::rows_of(o.w, m),
          y = host::rows_of(o.y, m)] {
    over_experts(to, products, [&](onednn::Product& product, std::int64_t e, std::int64_t slot) {
      product.run(x[slot], w[e * y.columns], nullptr, y[slot], context->shared<void>());
    });
  };
}

inline auto prepare(const SharedContext& context, const op::ExpertLinearInputGradient& o, const FloatMemories& m) {
  const onednn::Layout weight{o.dy.columns, o.dx.columns, o.w.stride, 1};
  const ExpertProducts products(*context, o.dy.rows, [&](std::int64_t rows) {
    return onednn::ProductShape{
        .a = rows_layout(o.dy, rows), .b = weight, .c = rows_layout(o.dx, rows), .bias = false, .accumulate = o.accumulate};
  });
  return [context, products, to = host::slots_of(o.to, m), dy = host::rows_of(o.dy, m), w = host::rows_of(o.w, m),
          dx = host::rows_of(o.dx, m)] {
    over_experts(to, products, [&](onednn::Product& product, std::int64_t e, std::int64_t slot) {
      product.run(dy[slot], w[e * dy.columns], nullptr, dx[slot], context->shared<void>());
    });
  };
}

inline auto prepare(const SharedContext& context, const op::ExpertLinearWeightGradient& o, const FloatMemories& m) {
  const onednn::Layout weight{o.dy.columns, o.x.columns, o.dw.stride, 1};
  const ExpertProducts products(*context, o.dy.rows, [&](std::int64_t rows) {
    return onednn::ProductShape{
        .a = rows_layout(o.dy, rows).transposed(), .b = rows_layout(o.x, rows), .c = weight, .bias = false, .accumulate = true};
  });
  return [context, products, to = host::slots_of(o.to, m), x = host::rows_of(o.x, m), dy = host::rows_of(o.dy, m),
          dw = host::rows_of(o.dw, m)] {
    over_experts(to, products, [&](onednn::Product& product, std::int64_t e, std::int64_t slot) {
      product.run(dy[slot], x[slot], nullptr, dw[e * dy.columns], context->shared<void>());
    });
  };
}

/// Rows between tokens and slots; absent arrays stay null.
inline SlotWork slot_work(const Tensor& x, const Tensor& y, const op::Assignment& to, const FloatMemories& m) {
  return {.x = m.reals(x),
          .z = nullptr,
          .y = m.reals(y),
          .dweight = nullptr,
          .x_stride = x.stride,
          .z_stride = 0,
          .y_stride = y.stride,
          .columns = x.columns,
          .slot_token = m.indices(to.slot_token),
          .token_first = m.indices(to.token_first),
          .token_slots = m.indices(to.token_slots),
          .slot_weight = m.reals(to.slot_weight),
          .accumulate = false};
}

inline auto prepare(const SharedContext& context, const op::GatherRows& o, const FloatMemories& m) {
  return [context, work = slot_work(o.x, o.y, o.to, m), to = host::slots_of(o.to, m)] {
    context->split(to.end(), work.columns, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::gather_rows>()(work, first, last);
    });
  };
}

/// For a combination of slots into the rows of tokens.
inline auto combine(const SharedContext& context, const SlotWork& work, std::int64_t tokens) {
  return [context, work, tokens] {
    context->split(tokens, 2 * work.columns, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::combine_rows>()(work, first, last);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::GatherRowsGradient& o, const FloatMemories& m) {
  SlotWork work = slot_work(o.dy, o.dx, o.to, m);
  work.slot_weight = nullptr;
  work.accumulate = true;
  return combine(context, work, o.dx.rows);
}

inline auto prepare(const SharedContext& context, const op::CombineRows& o, const FloatMemories& m) {
  SlotWork work = slot_work(o.x, o.y, o.to, m);
  work.accumulate = o.accumulate;
  return combine(context, work, o.y.rows);
}

inline auto prepare(const SharedContext& context, const op::CombineRowsGradient& o, const FloatMemories& m) {
  SlotWork work = slot_work(o.x, o.dx, o.to, m);
  work.z = m.reals(o.dy);
  work.z_stride = o.dy.stride;
  work.dweight = m.reals(o.dweight);
  return [context, work, to = host::slots_of(o.to, m)] {
    context->split(to.end(), 2 * work.columns, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::combine_rows_gradient>()(work, first, last);
    });
  };
}

}  // namespace genoform::cpu
