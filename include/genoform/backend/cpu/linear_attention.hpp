#pragma once

#include "genoform/backend/cpu/attention.hpp"
#include "genoform/backend/cpu/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/linear_attention.hpp"

/// Attention by features on the CPU.
namespace genoform::cpu {

template <class Op>
FeaturesWork features_work(const Op& o, const FloatMemories& m) {
  return {.x = m.reals(o.x),
          .w = m.reals(o.w),
          .y = m.reals(o.y),
          .x_stride = o.x.stride,
          .w_stride = o.w.stride,
          .y_stride = o.y.stride,
          .heads = o.heads,
          .features = o.w.rows,
          .head_dim = o.w.columns,
          .root = static_cast<float>(math::pow(static_cast<double>(o.w.columns), -0.25)),
          .floor = static_cast<float>(op::relu_feature_floor),
          .softmax = o.kernel == op::FeatureKernel::softmax};
}

/// Calls arrange(work, scratch) for every thread's copy of w, then run(work, rows, scratch) over the rows.
template <class Arrange, class Run>
auto over_feature_rows(const SharedContext& context, const FeaturesWork& work, std::int64_t rows, Arrange arrange, Run run) {
  const std::int64_t wide = whole_vectors(work.head_dim), wide_m = whole_vectors(work.features);
  constexpr std::int64_t rows_aside = 16;
  context->reserve_per_thread(static_cast<std::size_t>((rows_aside + wide) * (rows_aside + wide_m)) * sizeof(float));
  return [context, work, rows, arrange, run] {
    context->split(rows, work.heads * work.features, [&](std::int64_t first, std::int64_t last, int thread) {
      float* scratch = context->of_thread(thread);
      arrange(work, scratch);
      run(work, first, last, scratch);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::RandomFeatures& o, const auto& m) {
  FeaturesWork work = features_work(o, m);
  work.shift = m.reals(o.shift);
  work.shift_stride = o.shift.stride;
  return over_feature_rows(context, work, o.x.rows, context->kernel<&Kernels::turn_features>(),
                           context->kernel<&Kernels::random_features>());
}

inline auto prepare(const SharedContext& context, const op::RandomFeaturesGradient& o, const auto& m) {
  FeaturesWork work = features_work(o, m);
  work.dy = m.reals(o.dy);
  work.dx = m.reals(o.dx);
  work.dy_stride = o.dy.stride;
  work.dx_stride = o.dx.stride;
  work.shifted = o.shifted;
  return over_feature_rows(context, work, o.x.rows, context->kernel<&Kernels::pack_features>(),
                           context->kernel<&Kernels::random_features_gradient>());
}

template <class Op>
LinearAttendWork linear_attend_work(const Op& o, const FloatMemories& m) {
  return {.q = m.reals(o.q),
          .k = m.reals(o.k),
          .shift = m.reals(o.shift),
          .v = m.reals(o.v),
          .y = m.reals(o.y),
          .reciprocal = m.reals(o.reciprocal),
          .q_stride = o.q.stride,
          .k_stride = o.k.stride,
          .shift_stride = o.shift.stride,
          .v_stride = o.v.stride,
          .y_stride = o.y.stride,
          .reciprocal_stride = o.reciprocal.stride,
          .heads = o.heads,
          .kv_heads = o.kv_heads,
          .features = o.features,
          .head_dim = o.head_dim,
          .context = o.context};
}

/// Calls run(work, sequence, key head, scratch) for all of them; `kept`: how many sums one call keeps.
template <class Run>
auto over_key_heads(const SharedContext& context, const LinearAttendWork& work, std::int64_t sequences, std::int64_t kept,
                    Run run) {
  context->reserve_per_thread(static_cast<std::size_t>(LinearAttendScratch(work, kept, nullptr).cells) * sizeof(float));
  return [context, work, sequences, run] {
    const std::int64_t cells = 4 * work.context * work.features;
    context->split(sequences * work.kv_heads, cells, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i) run(work, i / work.kv_heads, i % work.kv_heads, context->of_thread(thread));
    });
  };
}

inline auto prepare(const SharedContext& context, const op::LinearAttend& o, const auto& m) {
  return over_key_heads(context, linear_attend_work(o, m), o.q.rows / o.context, 1, context->kernel<&Kernels::linear_attend>());
}

inline auto prepare(const SharedContext& context, const op::LinearAttendGradient& o, const auto& m) {
  LinearAttendWork work = linear_attend_work(o, m);
  place_gradients(work, o, m);
  return over_key_heads(context, work, o.q.rows / o.context, (o.context + mixer_block - 1) / mixer_block,
                        context->kernel<&Kernels::linear_attend_gradient>());
}

}  // namespace genoform::cpu
