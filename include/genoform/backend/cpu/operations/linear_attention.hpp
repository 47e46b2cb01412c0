#pragma once

#include "genoform/backend/cpu/operations/attention.hpp"
#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/linear_attention.hpp"

/// Attention by features on the CPU.
namespace genoform::cpu {

template <class Op>
FeaturesArgs features_args(const Op& o, const FloatMemories& m) {
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

/// Runs arrange(args, scratch) for the copy of w of every thread, then run(args, rows, scratch) over the rows.
template <class Arrange, class Run>
auto over_feature_rows(const SharedContext& context, const FeaturesArgs& args, std::int64_t rows, Arrange arrange, Run run) {
  const std::int64_t wide = whole_vectors(args.head_dim), wide_m = whole_vectors(args.features);
  constexpr std::int64_t rows_aside = 16;
  context->reserve_per_thread(static_cast<std::size_t>((rows_aside + wide) * (rows_aside + wide_m)) * sizeof(float));
  return [context, args, rows, arrange, run] {
    context->split(rows, args.heads * args.features, [&](std::int64_t first, std::int64_t last, int thread) {
      float* scratch = context->of_thread(thread);
      arrange(args, scratch);
      run(args, first, last, scratch);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::RandomFeatures& o, const auto& m) {
  FeaturesArgs args = features_args(o, m);
  args.shift = m.reals(o.shift);
  args.shift_stride = o.shift.stride;
  return over_feature_rows(context, args, o.x.rows, context->kernel<&Kernels::transpose_features>(),
                           context->kernel<&Kernels::random_features>());
}

inline auto prepare(const SharedContext& context, const op::RandomFeaturesGradient& o, const auto& m) {
  FeaturesArgs args = features_args(o, m);
  args.dy = m.reals(o.dy);
  args.dx = m.reals(o.dx);
  args.dy_stride = o.dy.stride;
  args.dx_stride = o.dx.stride;
  args.shifted = o.shifted;
  return over_feature_rows(context, args, o.x.rows, context->kernel<&Kernels::pack_features>(),
                           context->kernel<&Kernels::random_features_gradient>());
}

template <class Op>
LinearAttendArgs linear_attend_args(const Op& o, const FloatMemories& m) {
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
          .heads = o.sizes.heads,
          .kv_heads = o.sizes.kv_heads,
          .features = o.features,
          .head_dim = o.sizes.head_dim,
          .context = o.sizes.context};
}

/// Runs run(args, sequence, key head, scratch) for all key heads; `kept`: the number of sums that one call keeps.
template <class Run>
auto over_key_heads(const SharedContext& context, const LinearAttendArgs& args, std::int64_t sequences, std::int64_t kept,
                    Run run) {
  context->reserve_per_thread(static_cast<std::size_t>(LinearAttendScratch(args, kept, nullptr).elements) * sizeof(float));
  return [context, args, sequences, run] {
    const std::int64_t elements = 4 * args.context * args.features;
    context->split(sequences * args.kv_heads, elements, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i) run(args, i / args.kv_heads, i % args.kv_heads, context->of_thread(thread));
    });
  };
}

inline auto prepare(const SharedContext& context, const op::LinearAttend& o, const auto& m) {
  return over_key_heads(context, linear_attend_args(o, m), o.q.rows / o.sizes.context, 1,
                        context->kernel<&Kernels::linear_attend>());
}

inline auto prepare(const SharedContext& context, const op::LinearAttendGradient& o, const auto& m) {
  LinearAttendArgs args = linear_attend_args(o, m);
  set_gradient_addresses(args, o, m);
  return over_key_heads(context, args, o.q.rows / o.sizes.context, (o.sizes.context + mixer_block - 1) / mixer_block,
                        context->kernel<&Kernels::linear_attend_gradient>());
}

}  // namespace genoform::cpu
