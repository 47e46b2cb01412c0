#pragma once
#include "genoform/backend/cpu/attention.hpp"
#include "genoform/backend/cpu/dense.hpp"
#include "genoform/ops/gated_attention.hpp"

/// The operations of the gated attention unit on the CPU.
namespace genoform::cpu {

inline auto prepare(const SharedContext& context, const op::ScaleOffset& o, const auto& m) {
  const ScaleOffsetWork work{.x = m.reals(o.x),
                             .w = m.reals(o.w),
                             .b = m.reals(o.b),
                             .y = m.reals(o.y),
                             .x_stride = o.x.stride,
                             .w_stride = o.w.stride,
                             .b_stride = o.b.stride,
                             .y_stride = o.y.stride,
                             .rows = o.x.rows,
                             .channels = o.x.columns,
                             .copies = o.w.rows};
  return [context, work] {
    context->split(work.rows, work.copies * work.channels, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::scale_offset>()(work, first, last);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::ScaleOffsetGradient& o, const auto& m) {
  const ScaleOffsetWork work{.x = m.reals(o.x),
                             .w = m.reals(o.w),
                             .dy = m.reals(o.dy),
                             .dx = m.reals(o.dx),
                             .dw = m.reals(o.dw),
                             .db = m.reals(o.db),
                             .x_stride = o.x.stride,
                             .w_stride = o.w.stride,
                             .dy_stride = o.dy.stride,
                             .dx_stride = o.dx.stride,
                             .dw_stride = o.dw.stride,
                             .db_stride = o.db.stride,
                             .rows = o.x.rows,
                             .channels = o.x.columns,
                             .copies = o.w.rows};
  return [context, work] {
    context->over_columns(2 * work.copies * work.rows, work.channels, [&](std::int64_t first, std::int64_t last) {
      context->kernel<&Kernels::scale_offset_gradient>()(work, first, last);
    });
  };
}

template <class Op>
SquaredReluWork squared_relu_work(const Op& o, const FloatMemories& m) {
  return {.q = m.reals(o.q),
          .k = m.reals(o.k),
          .v = m.reals(o.v),
          .q_stride = o.q.stride,
          .k_stride = o.k.stride,
          .v_stride = o.v.stride,
          .score_channels = o.q.columns,
          .channels = o.v.columns,
          .context = o.context,
          .scale = static_cast<float>(1.0 / static_cast<double>(o.length))};
}

/// Calls run(work, sequence, scratch) for every sequence.
template <class Run>
auto over_sequences(const SharedContext& context, const SquaredReluWork& work, std::int64_t sequences, Run run) {
  context->reserve_per_thread(static_cast<std::size_t>(SquaredReluScratch(work, nullptr).cells) * sizeof(float));
  return [context, work, sequences, run] {
    context->split(sequences, 4 * work.context * work.channels, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i) run(work, i, context->of_thread(thread));
    });
  };
}

inline auto prepare(const SharedContext& context, const op::SquaredReluAttend& o, const auto& m) {
  SquaredReluWork work = squared_relu_work(o, m);
  work.y = m.reals(o.y);
  work.y_stride = o.y.stride;
  return over_sequences(context, work, o.q.rows / o.context, context->kernel<&Kernels::squared_relu_attend>());
}

inline auto prepare(const SharedContext& context, const op::SquaredReluAttendGradient& o, const auto& m) {
  SquaredReluWork work = squared_relu_work(o, m);
  place_gradients(work, o, m);
  return over_sequences(context, work, o.q.rows / o.context, context->kernel<&Kernels::squared_relu_attend_gradient>());
}

}  // namespace genoform::cpu
