#pragma once

#include "genoform/backend/cpu/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/optimizer.hpp"

/// The optimizer step on the CPU.
namespace genoform::cpu {

inline auto prepare(const SharedContext& context, const op::SumOfSquares& o, const auto& m) {
  // Chunks of fixed length: the order of the additions does not know the threads.
  const std::int64_t length = flat(o.x) ? 16384 : o.x.columns;
  const std::int64_t cells = o.x.size(), chunks = flat(o.x) ? (cells + length - 1) / length : o.x.rows;
  context->reserve(static_cast<std::size_t>(chunks) * sizeof(double));
  return [context, x = m.reals(o.x), stride = flat(o.x) ? length : o.x.stride, cells, length, chunks, sum = m.reals(o.sum)] {
    double* sums = context->shared<double>();
    context->split(chunks, length, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t c = first; c < last; ++c)
        sums[c] = context->kernel<&Kernels::sum_of_squares>()(x + c * stride, std::min(length, cells - c * length));
    });
    double total = 0.0;
    for (std::int64_t c = 0; c < chunks; ++c) total += sums[c];
    sum[0] = static_cast<float>(total);
  };
}

inline AdamWScalars adamw_scalars(const float* controls, float sum, bool decays) {
  const float clip = controls[op::clip_cell], norm = math::sqrt(sum);
  return {.shrink = clip > 0.0F && !(norm <= clip) ? clip / norm : 1.0F,
          .rate = controls[op::rate_cell],
          .beta1 = controls[op::beta1_cell],
          .rest1 = 1.0F - controls[op::beta1_cell],
          .beta2 = controls[op::beta2_cell],
          .rest2 = 1.0F - controls[op::beta2_cell],
          .epsilon = controls[op::epsilon_cell],
          .decay = decays ? controls[op::decay_cell] : 0.0F,
          .over_correction1 = 1.0F / controls[op::correction1_cell],
          .over_correction2 = 1.0F / controls[op::correction2_cell]};
}

inline auto prepare(const SharedContext& context, const op::AdamWUpdate& o, const auto& m) {
  const AdamWWork work{m.reals(o.w), m.reals(o.g), m.reals(o.m), m.reals(o.v)};
  return [context, work, cells = o.w.size(), controls = m.reals(o.controls), sum = m.reals(o.sum), decays = o.decays] {
    const AdamWScalars scalars = adamw_scalars(controls, sum[0], decays);
    context->split((cells + 63) / 64, 64 * 4, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::adamw>()(work, scalars, first * 64, std::min(cells, last * 64));
    });
  };
}

}  // namespace genoform::cpu
