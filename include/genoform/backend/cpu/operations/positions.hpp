#pragma once
#include <vector>

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/backend/host/bucket.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/positions.hpp"

#include "genoform/core/hide_macros.hpp"

/// Positions and single heads, on the CPU.
namespace genoform::cpu {

/// Tables are small, so one thread processes the rows of a bias.
inline auto prepare(const SharedContext&, const op::RelativeBias& o, const auto& m) {
  return [table = host::rows_of(o.table, m), y = host::rows_of(o.y, m), accumulate = o.accumulate,
          buckets = host::buckets_of(o.y.columns, o.table.columns, o.distance)] {
    for (std::int64_t h = 0; h < y.rows; ++h)
      for (std::int64_t n = 0; n < y.columns; ++n)
        y[h][n] = (accumulate ? y[h][n] : 0.0F) + table[h][buckets[static_cast<std::size_t>(n)]];
  };
}

inline auto prepare(const SharedContext&, const op::RelativeBiasGradient& o, const auto& m) {
  return [dy = host::rows_of(o.dy, m), dtable = host::rows_of(o.dtable, m),
          buckets = host::buckets_of(o.dy.columns, o.dtable.columns, o.distance)] {
    for (std::int64_t h = 0; h < dy.rows; ++h)
      for (std::int64_t n = 0; n < dy.columns; ++n) dtable[h][buckets[static_cast<std::size_t>(n)]] += dy[h][n];
  };
}

inline auto prepare(const SharedContext& context, const op::NormalizeHeads& o, const auto& m) {
  const HeadsArgs args{.x = m.address(o.x),
                       .scales = m.reals(o.scales),
                       .x_stride = o.x.stride,
                       .scales_stride = o.scales.stride,
                       .heads = o.scales.columns,
                       .head_dim = o.head_dim};
  const auto run = is_bf16(o.x) ? context->bf16().normalize_heads : context->kernel<&Kernels::normalize_heads>();
  return [context, args, run, rows = o.x.rows, columns = o.x.columns] {
    context->split(rows, 2 * columns, [&](std::int64_t first, std::int64_t last, int) { run(args, first, last); });
  };
}

inline auto prepare(const SharedContext& context, const op::NormalizeHeadsGradient& o, const auto& m) {
  const HeadsArgs args{.x = m.address(o.dx),
                       .scales = m.reals(o.scales),
                       .y = m.address(o.y),
                       .dy = m.address(o.dy),
                       .x_stride = o.dx.stride,
                       .scales_stride = o.scales.stride,
                       .y_stride = o.y.stride,
                       .dy_stride = o.dy.stride,
                       .heads = o.scales.columns,
                       .head_dim = o.head_dim};
  const auto run =
      is_bf16(o.dx) ? context->bf16().normalize_heads_gradient : context->kernel<&Kernels::normalize_heads_gradient>();
  return [context, args, run, rows = o.dx.rows, columns = o.dx.columns] {
    context->split(rows, 3 * columns, [&](std::int64_t first, std::int64_t last, int) { run(args, first, last); });
  };
}

/// The sinusoids of T positions, [T, D].
inline std::vector<float> sinusoids(std::int64_t positions, std::int64_t width) {
  std::vector<float> table(static_cast<std::size_t>(positions * width));
  const std::int64_t half = width / 2;
  for (std::int64_t t = 0; t < positions; ++t)
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(t) * math::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
      table[static_cast<std::size_t>(t * width + i)] = static_cast<float>(math::sin(angle));
      table[static_cast<std::size_t>(t * width + half + i)] = static_cast<float>(math::cos(angle));
    }
  return table;
}

inline auto prepare(const SharedContext& context, const op::AddSinusoid& o, const auto& m) {
  return [context, x = host::rows_of(o.x, m), T = o.context, table = sinusoids(o.context, o.x.columns)] {
    context->split(x.rows, x.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t n = first; n < last; ++n)
        context->kernel<&Kernels::add>()(table.data() + n % T * x.columns, x[n], x.columns);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::AddPositions& o, const auto& m) {
  return [context, table = host::rows_of(o.table, m), x = host::rows_of(o.x, m), T = o.context] {
    context->split(x.rows, x.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t n = first; n < last; ++n) context->kernel<&Kernels::add>()(table[n % T], x[n], x.columns);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::AddPositionsGradient& o, const auto& m) {
  return [context, dy = host::rows_of(o.dy, m), dtable = host::rows_of(o.dtable, m), T = o.context] {
    context->split(T, dy.rows / T * dy.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t t = first; t < last; ++t)
        for (std::int64_t n = t; n < dy.rows; n += T) context->kernel<&Kernels::add>()(dy[n], dtable[t], dy.columns);
    });
  };
}

inline auto scaled(const SharedContext& context, const Tensor& x, const Tensor& y, double factor, const FloatMemories& m) {
  return [context, x = host::rows_of(x, m), y = host::rows_of(y, m), flat = flat(x, y), factor = static_cast<float>(factor)] {
    context->over_elements(y.rows, y.columns, flat, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
      context->kernel<&Kernels::scale_by>()(x[r] + c, y[r] + c, count, factor);
    });
  };
}
inline auto prepare(const SharedContext& context, const op::ScaleBy& o, const auto& m) {
  return scaled(context, o.x, o.y, o.factor, m);
}
inline auto prepare(const SharedContext& context, const op::ScaleByGradient& o, const auto& m) {
  return scaled(context, o.dy, o.dx, o.factor, m);
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
