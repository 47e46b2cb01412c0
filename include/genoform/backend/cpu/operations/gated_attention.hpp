#pragma once
#include "genoform/backend/cpu/operations/attention.hpp"
#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/ops/gated_attention.hpp"

/// The operations of the gated attention unit on the CPU.
namespace genoform::cpu {

inline auto prepare(const SharedContext& context, const op::ScaleOffset& o, const auto& m) {
  const ScaleOffsetArgs args{.x = m.reals(o.x),
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
  return [context, args] {
    context->split(args.rows, args.copies * args.channels, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::scale_offset>()(args, first, last);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::ScaleOffsetGradient& o, const auto& m) {
  const ScaleOffsetArgs args{.x = m.reals(o.x),
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
  return [context, args] {
    context->over_columns(2 * args.copies * args.rows, args.channels, [&](std::int64_t first, std::int64_t last) {
      context->kernel<&Kernels::scale_offset_gradient>()(args, first, last);
    });
  };
}

template <class Op>
SquaredReluArgs squared_relu_args(const Op& o, const FloatMemories& m) {
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

/// Runs run(args, sequence, scratch) for every sequence.
template <class Run>
auto over_sequences(const SharedContext& context, const SquaredReluArgs& args, std::int64_t sequences, Run run) {
  context->reserve_per_thread(static_cast<std::size_t>(SquaredReluScratch(args, nullptr).elements) * sizeof(float));
  return [context, args, sequences, run] {
    context->split(sequences, 4 * args.context * args.channels, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i) run(args, i, context->of_thread(thread));
    });
  };
}

inline auto prepare(const SharedContext& context, const op::SquaredReluAttend& o, const auto& m) {
  SquaredReluArgs args = squared_relu_args(o, m);
  args.y = m.reals(o.y);
  args.y_stride = o.y.stride;
  return over_sequences(context, args, o.q.rows / o.context, context->kernel<&Kernels::squared_relu_attend>());
}

inline auto prepare(const SharedContext& context, const op::SquaredReluAttendGradient& o, const auto& m) {
  SquaredReluArgs args = squared_relu_args(o, m);
  set_gradient_addresses(args, o, m);
  return over_sequences(context, args, o.q.rows / o.context, context->kernel<&Kernels::squared_relu_attend_gradient>());
}

}  // namespace genoform::cpu
