#pragma once

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/optimizer.hpp"

#include "genoform/core/hide_macros.hpp"

/// The optimizer step on the CPU.
namespace genoform::cpu {

inline auto prepare(const SharedContext& context, const op::SumOfSquares& o, const auto& m) {
  // Chunks of fixed length, so that the order of the additions does not depend on the number of threads.
  const std::int64_t length = flat(o.x) ? 16384 : o.x.columns;
  const std::int64_t elements = o.x.size(), chunks = flat(o.x) ? (elements + length - 1) / length : o.x.rows;
  context->reserve(static_cast<std::size_t>(chunks) * sizeof(double));
  return [context, x = m.reals(o.x), stride = flat(o.x) ? length : o.x.stride, elements, length, chunks, sum = m.reals(o.sum)] {
    double* sums = context->shared<double>();
    context->split(chunks, length, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t c = first; c < last; ++c)
        sums[c] = context->kernel<&Kernels::sum_of_squares>()(x + c * stride, std::min(length, elements - c * length));
    });
    double total = 0.0;
    for (std::int64_t c = 0; c < chunks; ++c) total += sums[c];
    sum[0] = static_cast<float>(total);
  };
}

inline AdamWScalars adamw_scalars(const float* controls, float sum, bool decays) {
  const float clip = controls[op::clip_index], norm = math::sqrt(sum);
  return {.shrink = clip > 0.0F && !(norm <= clip) ? clip / norm : 1.0F,
          .learning_rate = controls[op::learning_rate_index],
          .beta1 = controls[op::beta1_index],
          .one_minus_beta1 = 1.0F - controls[op::beta1_index],
          .beta2 = controls[op::beta2_index],
          .one_minus_beta2 = 1.0F - controls[op::beta2_index],
          .epsilon = controls[op::epsilon_index],
          .weight_decay = decays ? controls[op::weight_decay_index] : 0.0F,
          .over_correction1 = 1.0F / controls[op::correction1_index],
          .over_correction2 = 1.0F / controls[op::correction2_index]};
}

inline auto prepare(const SharedContext& context, const op::AdamWUpdate& o, const auto& m) {
  const AdamWArgs args{m.reals(o.w), m.reals(o.g), m.reals(o.m), m.reals(o.v)};
  return [context, args, elements = o.w.size(), controls = m.reals(o.controls), sum = m.reals(o.sum), decays = o.decays] {
    if (!math::is_finite(static_cast<double>(sum[0]))) return;
    const AdamWScalars scalars = adamw_scalars(controls, sum[0], decays);
    context->split((elements + 63) / 64, 64 * 4, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::adamw>()(args, scalars, first * 64, std::min(elements, last * 64));
    });
  };
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
