#pragma once
#include <algorithm>

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/backend/host/router.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/random.hpp"

#include "genoform/core/hide_macros.hpp"

/// The scores of routers and the losses on them, on the CPU.
namespace genoform::cpu {

inline auto prepare(const SharedContext& context, const op::Sigmoid& o, const auto& m) {
  return [context, x = host::rows_of(o.x, m), y = host::rows_of(o.y, m), flat = flat(o.x, o.y)] {
    context->over_elements(y.rows, y.columns, flat, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
      context->kernel<&Kernels::sigmoid>()(x[r] + c, y[r] + c, count);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::SigmoidGradient& o, const auto& m) {
  return [context, y = host::rows_of(o.y, m), dy = host::rows_of(o.dy, m), dx = host::rows_of(o.dx, m),
          flat = flat(o.y, o.dy, o.dx)] {
    context->over_elements(y.rows, y.columns, flat, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
      context->kernel<&Kernels::sigmoid_gradient>()(y[r] + c, dy[r] + c, dx[r] + c, count);
    });
  };
}

inline auto prepare(const SharedContext&, const op::BalanceLoss& o, const auto& m) {
  return [p = host::rows_of(o.p, m), share = m.reals(o.first_share), loss = m.reals(o.loss), coefficient = o.coefficient,
          tokens = m.indices(o.tokens)] { host::balance_loss<float>(p, share, coefficient, loss, tokens); };
}

inline auto prepare(const SharedContext&, const op::BalanceLossGradient& o, const auto& m) {
  return [share = m.reals(o.first_share), scale = m.reals(o.scale), dp = host::rows_of(o.dp, m), coefficient = o.coefficient,
          tokens = m.indices(o.tokens)] { host::balance_loss_gradient<float>(share, scale[0], coefficient, dp, tokens); };
}

/// Softmax computes the derivatives; its largest element gives the sum of the exponentials.
inline auto prepare(const SharedContext& context, const op::RouterZLoss& o, const auto& m) {
  const RowsArgs args{m.reals(o.logits),   nullptr,         m.reals(o.derivative), o.logits.stride, 0,
                      o.derivative.stride, o.logits.columns};
  return [context, args, logits = host::rows_of(o.logits, m), derivative = host::rows_of(o.derivative, m),
          tokens = m.indices(o.tokens), loss = m.reals(o.loss), coefficient = o.coefficient] {
    context->split(derivative.rows, 8 * args.columns,
                   [&](std::int64_t first, std::int64_t last, int) { context->kernel<&Kernels::softmax>()(args, first, last); });
    const auto real = static_cast<double>(std::max<std::int64_t>(host::routing::count_tokens(tokens, derivative.rows), 1));
    double sum = 0;
    for (std::int64_t n = 0; n < derivative.rows; ++n) {
      const std::int64_t max_value = std::max_element(logits[n], logits[n] + args.columns) - logits[n];
      const bool padding = host::routing::is_padding(tokens, n);
      const double z =
          padding ? 0.0 : static_cast<double>(logits[n][max_value]) - math::log(static_cast<double>(derivative[n][max_value]));
      sum += z * z;
      const auto factor = static_cast<float>(2.0 * coefficient * z / real);
      for (std::int64_t e = 0; e < args.columns; ++e) derivative[n][e] *= factor;
    }
    loss[0] += static_cast<float>(coefficient * sum / real);
  };
}

inline auto prepare(const SharedContext& context, const op::RouterZLossGradient& o, const auto& m) {
  return [context, derivative = host::rows_of(o.derivative, m), scale = m.reals(o.scale), dx = host::rows_of(o.dx, m)] {
    context->split(dx.rows, dx.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t n = first; n < last; ++n)
        for (std::int64_t e = 0; e < dx.columns; ++e) dx[n][e] += scale[0] * derivative[n][e];
    });
  };
}

inline auto jitter_call(const SharedContext& context, host::Rows<float> x, host::Rows<float> y, const std::int32_t* round,
                        double width, const Random& random) {
  return [context, x, y, round, width, random] {
    context->split(y.rows, 32 * y.columns, [&](std::int64_t first, std::int64_t last, int) {
      host::jitter<float>(x, y, round[0], width, random, first, last);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::Jitter& o, const auto& m) {
  return jitter_call(context, host::rows_of(o.x, m), host::rows_of(o.y, m), m.indices(o.round), o.width,
                     Random(o.seed, o.stream));
}

inline auto prepare(const SharedContext& context, const op::JitterGradient& o, const auto& m) {
  return jitter_call(context, host::rows_of(o.dy, m), host::rows_of(o.dx, m), m.indices(o.round), o.width,
                     Random(o.seed, o.stream));
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
