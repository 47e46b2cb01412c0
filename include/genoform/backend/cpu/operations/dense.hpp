#pragma once
#include <cstring>
#include <utility>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/products/product.hpp"
#include "genoform/backend/cpu/values.hpp"
#include "genoform/backend/host/rows.hpp"
#include "genoform/ops/dense.hpp"

#include "genoform/core/hide_macros.hpp"

/// The dense operations on the CPU. Each `prepare` resolves pointers, creates primitives, reserves scratch and returns a
/// callable. Each is a template, by its `auto`, so that a unit compiles only what its models need.
namespace genoform::cpu {

inline bool flat(const Tensor& t) { return t.rows <= 1 || t.stride == t.columns; }
template <class... More>
bool flat(const Tensor& t, const More&... more) {
  return flat(t) && flat(more...) && ((more.exists() ? more.stride == t.stride : true) && ...);
}

inline auto prepare(const SharedContext& context, const op::Clear& o, const auto& m) {
  return [context, y = host::rows_of(o.y, m)] { context->clear(y); };
}

inline auto prepare(const SharedContext& context, const op::Copy& o, const auto& m) {
  return [context, x = Values(o.x, m), y = Values(o.y, m), flat = flat(o.x, o.y)] {
    context->over_elements(y.rows, y.columns, flat, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
      const std::int64_t from = r * x.stride + c, to = r * y.stride + c;
      if (x.floats != nullptr && y.floats != nullptr)
        std::memmove(y.floats + to, x.floats + from, static_cast<std::size_t>(count) * sizeof(float));
      else if (x.floats != nullptr)
        context->bf16().narrow(x.floats + from, y.shorts + to, count);
      else if (y.floats != nullptr)
        context->bf16().widen(x.shorts + from, y.floats + to, count);
      else
        std::memmove(y.shorts + to, x.shorts + from, static_cast<std::size_t>(count) * sizeof(Bf16));
    });
  };
}

inline auto prepare(const SharedContext& context, const op::Add& o, const auto& m) {
  return [context, x = host::rows_of(o.x, m), y = host::rows_of(o.y, m), flat = flat(o.x, o.y)] {
    context->over_elements(y.rows, y.columns, flat, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
      context->kernel<&Kernels::add>()(x[r] + c, y[r] + c, count);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::Embed& o, const auto& m) {
  return [context, tokens = m.indices(o.tokens), step = o.tokens.stride, table = host::rows_of(o.table, m),
          y = host::rows_of(o.y, m)] {
    context->split(y.rows, y.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t n = first; n < last; ++n)
        if (const auto bytes = static_cast<std::size_t>(y.columns) * sizeof(float); tokens[n * step] >= 0)
          std::memcpy(y[n], table[tokens[n * step]], bytes);
        else
          std::memset(y[n], 0, bytes);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::EmbedGradient& o, const auto& m) {
  return [context, tokens = m.indices(o.tokens), step = o.tokens.stride, dy = host::rows_of(o.dy, m),
          dtable = host::rows_of(o.dtable, m)] {
    context->over_columns(dy.rows, dy.columns, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t n = 0; n < dy.rows; ++n)
        if (tokens[n * step] >= 0)
          context->kernel<&Kernels::add>()(dy[n] + first, dtable[tokens[n * step]] + first, last - first);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::Linear& o, const auto& m) {
  Product product(
      *context, m,
      {.a = o.x, .b = o.w, .c = o.y, .b_transposed = true, .bias = o.bias, .f = o.f, .added = o.added, .exact = o.exact});
  return [context, product = std::move(product)] { product.run(*context); };
}

inline auto prepare(const SharedContext& context, const op::LinearInputGradient& o, const auto& m) {
  Product product(
      *context, m,
      {.a = o.dy, .b = o.w, .c = o.dx, .accumulate = o.accumulate, .f = o.f, .derivative_of = o.output, .exact = o.exact});
  return [context, product = std::move(product)] { product.run(*context); };
}

inline auto prepare(const SharedContext& context, const op::LinearWeightGradient& o, const auto& m) {
  Product product(*context, m, {.a = o.dy, .b = o.x, .c = o.dw, .a_transposed = true, .accumulate = true, .exact = o.exact});
  const ColumnSumsArgs sums{m.address(o.dy), m.reals(o.dbias), o.dy.stride, o.dy.rows, o.dy.element_type == ElementType::bf16};
  return [context, product = std::move(product), sums, columns = o.dy.columns, zero_before = m.indices(o.zero_before)] {
    product.run(*context, is_set(zero_before));
    if (sums.y == nullptr) return;
    context->over_columns(sums.rows, columns, [&](std::int64_t first, std::int64_t last) {
      const auto run = sums.x_short ? context->bf16().column_sums : context->kernel<&Kernels::column_sums>();
      run(sums, first, last);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::Normalize& o, const auto& m) {
  const NormalizeArgs args{
      m.reals(o.x), m.reals(o.w),        m.reals(o.b), m.reals(o.statistics), m.address(o.y),
      o.x.stride,   o.statistics.stride, o.y.stride,   o.x.columns,           o.statistic != op::Statistic::rms,
      is_bf16(o.y)};
  return [context, args, rows = o.x.rows] {
    context->split(rows, 4 * args.columns, [&](std::int64_t first, std::int64_t last, int) {
      const auto run = args.y_short ? context->bf16().normalize : context->kernel<&Kernels::normalize>();
      run(args, first, last);
    });
  };
}

/// Rows whose sums of weight gradients are computed together. The number is fixed, so that it does not depend on the threads.
inline constexpr std::int64_t chunk_rows = 64;

inline auto prepare(const SharedContext& context, const op::NormalizeGradient& o, const auto& m) {
  const NormalizeGradientArgs args{m.reals(o.x),
                                   m.reals(o.w),
                                   m.reals(o.statistics),
                                   m.reals(o.dy),
                                   m.reals(o.dx),
                                   o.x.stride,
                                   o.statistics.stride,
                                   o.dy.stride,
                                   o.dx.stride,
                                   o.x.columns,
                                   o.statistic != op::Statistic::rms,
                                   o.accumulate};
  const std::int64_t chunks = (o.x.rows + chunk_rows - 1) / chunk_rows;
  context->reserve(static_cast<std::size_t>(chunks * 2 * args.columns) * sizeof(float));
  return [context, args, chunks, rows = o.x.rows, dw = m.reals(o.dw), db = m.reals(o.db)] {
    float* sums = context->shared<float>();
    const std::int64_t stride = 2 * args.columns;
    context->split(chunks, chunk_rows * 4 * args.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t c = first; c < last; ++c)
        context->kernel<&Kernels::normalize_gradient>()(args, c * chunk_rows, std::min(rows, (c + 1) * chunk_rows),
                                                        sums + c * stride);
    });
    context->kernel<&Kernels::add_rows>()(sums, chunks, stride, args.columns, dw);
    if (db != nullptr) context->kernel<&Kernels::add_rows>()(sums + args.columns, chunks, stride, args.columns, db);
  };
}

inline auto prepare(const SharedContext& context, const op::Activate& o, const auto& m) {
  return
      [context, f = o.f, u = Values(o.u, m), gate = Values(o.gate, m), y = Values(o.y, m), derivative = Values(o.derivative, m),
       flat = flat(o.u, o.gate.exists() ? o.gate : o.u, o.derivative.exists() ? o.derivative : o.u, o.y)] {
        context->over_elements(y.rows, y.columns, flat, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
          const auto run = [&]<class Value>(const Value*, auto activate) {
            activate(f, u.at<Value>(r, c), gate.at<Value>(r, c), y.at<Value>(r, c), derivative.at<Value>(r, c), count);
          };
          y.shorts != nullptr ? run(y.shorts, context->bf16().activate) : run(y.floats, context->kernel<&Kernels::activate>());
        });
      };
}

inline auto prepare(const SharedContext& context, const op::ActivateGradient& o, const auto& m) {
  const bool runs = o.gate.exists()
                        ? flat(o.dy, o.u, o.gate, o.du, o.dgate)
                        : flat(o.dy, o.du) && (!o.u.exists() || flat(o.dy, o.u)) && (!o.y.exists() || flat(o.dy, o.y));
  return [context, f = o.f, u = Values(o.u, m), gate = Values(o.gate, m), y = Values(o.y, m), dy = Values(o.dy, m),
          du = Values(o.du, m), dgate = Values(o.dgate, m), runs] {
    context->over_elements(dy.rows, dy.columns, runs, [&](std::int64_t r, std::int64_t c, std::int64_t count) {
      const auto run = [&]<class Value>(const Value*, auto plain, auto gated) {
        const Value *u_at = u.at<Value>(r, c), *dy_at = dy.at<Value>(r, c);
        Value* du_at = du.at<Value>(r, c);
        if (gate)
          gated(f, u_at, gate.at<Value>(r, c), dy_at, du_at, dgate.at<Value>(r, c), count);
        else
          plain(f, u_at, y.at<Value>(r, c), dy_at, du_at, count);
      };
      if (dy.shorts != nullptr)
        run(dy.shorts, context->bf16().activate_gradient, context->bf16().gate_gradient);
      else
        run(dy.floats, context->kernel<&Kernels::activate_gradient>(), context->kernel<&Kernels::gate_gradient>());
    });
  };
}

inline auto prepare(const SharedContext& context, const op::CrossEntropy& o, const auto& m) {
  const CrossEntropyArgs args{m.reals(o.logits), m.indices(o.targets), m.reals(o.dlogits), o.logits.stride,
                              o.targets.stride,  o.dlogits.stride,     o.logits.columns};
  const std::int64_t chunks = (o.logits.rows + chunk_rows - 1) / chunk_rows;
  context->reserve(static_cast<std::size_t>(chunks) * sizeof(double));
  return [context, args, chunks, rows = o.logits.rows, scale = m.reals(o.scale), loss = m.reals(o.loss)] {
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < rows; ++n) count += args.targets[n * args.targets_stride] >= 0 ? 1 : 0;
    const double share = count > 0 ? 1.0 / static_cast<double>(count) : 0.0;
    const float factor = args.dlogits == nullptr ? 0.0F : static_cast<float>(static_cast<double>(scale[0]) * share);
    double* losses = context->shared<double>();
    context->split(chunks, chunk_rows * 8 * args.columns, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t c = first; c < last; ++c)
        losses[c] =
            context->kernel<&Kernels::cross_entropy>()(args, factor, c * chunk_rows, std::min(rows, (c + 1) * chunk_rows));
    });
    double total = 0.0;
    for (std::int64_t c = 0; c < chunks; ++c) total += losses[c];
    loss[0] = static_cast<float>(total * share);
  };
}

inline auto prepare(const SharedContext& context, const op::Softmax& o, const auto& m) {
  const RowsArgs args{m.reals(o.x), nullptr, m.reals(o.y), o.x.stride, 0, o.y.stride, o.x.columns};
  return [context, args, rows = o.x.rows] {
    context->split(rows, 8 * args.columns,
                   [&](std::int64_t first, std::int64_t last, int) { context->kernel<&Kernels::softmax>()(args, first, last); });
  };
}

inline auto prepare(const SharedContext& context, const op::SoftmaxGradient& o, const auto& m) {
  const RowsArgs args{m.reals(o.y), m.reals(o.dy), m.reals(o.dx), o.y.stride, o.dy.stride, o.dx.stride, o.y.columns};
  return [context, args, rows = o.y.rows] {
    context->split(rows, 4 * args.columns, [&](std::int64_t first, std::int64_t last, int) {
      context->kernel<&Kernels::softmax_gradient>()(args, first, last);
    });
  };
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
