#pragma once
#include <cmath>

#include "genoform/backend/cpu/dense.hpp"
#include "genoform/ops/attention.hpp"

/// The operations that mix positions, on the CPU.
namespace genoform::cpu {

inline std::shared_ptr<const Rotation> Context::rotation(std::int64_t positions, std::int64_t half, bool inverse) {
  const auto cells = static_cast<std::size_t>(positions * half);
  for (const auto& known : rotations_)
    if (known->half == half && known->inverse == inverse && known->cosines.size() >= cells) return known;
  auto made = std::make_shared<Rotation>(Rotation{half, inverse, std::vector<float>(cells), std::vector<float>(cells)});
  for (std::int64_t t = 0; t < positions; ++t)
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(t) * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
      made->cosines[static_cast<std::size_t>(t * half + i)] = static_cast<float>(std::cos(angle));
      made->sines[static_cast<std::size_t>(t * half + i)] = static_cast<float>(inverse ? -std::sin(angle) : std::sin(angle));
    }
  rotations_.push_back(made);
  return made;
}

inline auto prepare(const SharedContext& context, const op::Rotate& o, const FloatMemories& m) {
  const auto angles = context->rotation(o.context, o.head_dim / 2, o.inverse);
  const RotateWork work{m.reals(o.x),   o.x.stride, angles->cosines.data(), angles->sines.data(), o.x.columns / o.head_dim,
                        o.head_dim / 2, o.context};
  return [context, angles, work, rows = o.x.rows, columns = o.x.columns] {
    context->split(rows, 2 * columns,
                   [&](std::int64_t first, std::int64_t last, int) { context->kernel<&Kernels::rotate>()(work, first, last); });
  };
}

inline auto prepare(const SharedContext& context, const op::CausalConvolution& o, const FloatMemories& m) {
  const ConvolutionWork work{.x = m.reals(o.x),
                             .w = m.reals(o.w),
                             .dy = nullptr,
                             .y = m.reals(o.y),
                             .dx = nullptr,
                             .dw = nullptr,
                             .x_stride = o.x.stride,
                             .w_stride = o.w.stride,
                             .dy_stride = 0,
                             .y_stride = o.y.stride,
                             .dx_stride = 0,
                             .dw_stride = 0,
                             .rows = o.x.rows,
                             .channels = o.x.columns,
                             .width = o.w.columns,
                             .context = o.context};
  context->reserve(static_cast<std::size_t>(2 * work.width * convolution_stride(work.channels)) * sizeof(float));
  return [context, work, run = work.width == 3 ? context->kernel<&Kernels::convolve3>() : context->kernel<&Kernels::convolve>()] {
    float* taps = context->shared<float>();
    context->kernel<&Kernels::spread_taps>()(work, taps);
    context->split(work.rows, work.width * work.channels,
                   [&](std::int64_t first, std::int64_t last, int) { run(work, taps, first, last); });
  };
}

inline auto prepare(const SharedContext& context, const op::CausalConvolutionGradient& o, const FloatMemories& m) {
  const ConvolutionWork work{.x = m.reals(o.x),
                             .w = m.reals(o.w),
                             .dy = m.reals(o.dy),
                             .y = nullptr,
                             .dx = m.reals(o.dx),
                             .dw = m.reals(o.dw),
                             .x_stride = o.x.stride,
                             .w_stride = o.w.stride,
                             .dy_stride = o.dy.stride,
                             .y_stride = 0,
                             .dx_stride = o.dx.stride,
                             .dw_stride = o.dw.stride,
                             .rows = o.x.rows,
                             .channels = o.x.columns,
                             .width = o.w.columns,
                             .context = o.context};
  context->reserve(static_cast<std::size_t>(2 * work.width * convolution_stride(work.channels)) * sizeof(float));
  return
      [context, work,
       run = work.width == 3 ? context->kernel<&Kernels::convolve_gradient3>() : context->kernel<&Kernels::convolve_gradient>()] {
        float* taps = context->shared<float>();
        context->kernel<&Kernels::spread_taps>()(work, taps);
        context->over_columns(2 * work.rows * work.width, work.channels,
                              [&](std::int64_t first, std::int64_t last) { run(work, taps, first, last); });
      };
}

template <class Op>
AttendWork attend_work(const Op& o, const FloatMemories& m) {
  return {.q = m.reals(o.q),
          .k = m.reals(o.k),
          .v = m.reals(o.v),
          .y = m.reals(o.y),
          .log_sums = m.reals(o.log_sums),
          .q_stride = o.q.stride,
          .k_stride = o.k.stride,
          .v_stride = o.v.stride,
          .y_stride = o.y.stride,
          .log_sums_stride = o.log_sums.stride,
          .heads = o.heads,
          .kv_heads = o.kv_heads,
          .head_dim = o.head_dim,
          .context = o.context,
          .scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(o.head_dim))),
          .dy = nullptr,
          .dq = nullptr,
          .dk = nullptr,
          .dv = nullptr,
          .dy_stride = 0,
          .dq_stride = 0,
          .dk_stride = 0,
          .dv_stride = 0,
          .bias = m.reals(o.bias),
          .bias_sums = nullptr,
          .bias_stride = o.bias.stride,
          .window = o.window < o.context ? o.window : 0};
}

/// Where the way back of attention of any kind finds dy and puts dq, dk and dv.
template <class Work, class Op>
void place_gradients(Work& work, const Op& o, const FloatMemories& m) {
  work.dy = m.reals(o.dy);
  work.dq = m.reals(o.dq);
  work.dk = m.reals(o.dk);
  work.dv = m.reals(o.dv);
  work.dy_stride = o.dy.stride;
  work.dq_stride = o.dq.stride;
  work.dk_stride = o.dk.stride;
  work.dv_stride = o.dv.stride;
}

/// run(work, sequence, head, scratch) for every sequence and head.
template <class Run>
void over_heads(const SharedContext& context, const AttendWork& work, std::int64_t sequences, std::int64_t heads, Run run) {
  context->split(sequences * heads, 4 * work.context * work.head_dim, [&](std::int64_t first, std::int64_t last, int thread) {
    for (std::int64_t i = first; i < last; ++i) run(work, i / heads, i % heads, context->of_thread(thread));
  });
}

inline auto prepare(const SharedContext& context, const op::Attend& o, const FloatMemories& m) {
  const AttendWork work = attend_work(o, m);
  context->reserve_per_thread(static_cast<std::size_t>(AttendScratch(work, nullptr).cells) * sizeof(float));
  return [context, work, sequences = o.q.rows / o.context] {
    over_heads(context, work, sequences, work.heads, context->kernel<&Kernels::attend>());
  };
}

inline auto prepare(const SharedContext& context, const op::AttendGradient& o, const FloatMemories& m) {
  AttendWork work = attend_work(o, m);
  place_gradients(work, o, m);
  const std::int64_t sequences = o.q.rows / o.context;
  context->reserve_per_thread(static_cast<std::size_t>(AttendScratch(work, nullptr).cells) * sizeof(float));
  if (o.bias.exists()) context->reserve(static_cast<std::size_t>(sequences * o.heads * o.context) * sizeof(float));
  return [context, work, sequences, dbias = host::rows_of(o.dbias, m)] {
    AttendWork now = work;
    if (dbias) now.bias_sums = context->shared<float>();
    over_heads(context, now, sequences, work.kv_heads, context->kernel<&Kernels::attend_gradient>());
    // Every sequence has a part of its own, added here in order: the same bits for any number of threads.
    for (std::int64_t h = 0; dbias && h < work.heads; ++h) {
      std::memset(dbias[h], 0, static_cast<std::size_t>(work.context) * sizeof(float));
      context->kernel<&Kernels::add_rows>()(now.bias_sums + h * work.context, sequences, work.heads * work.context, work.context,
                                            dbias[h]);
    }
  };
}

}  // namespace genoform::cpu
