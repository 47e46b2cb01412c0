#pragma once
#include <algorithm>
#include <cstring>

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/mixing.hpp"

#include "genoform/core/hide_macros.hpp"

/// The products over visible positions on the CPU.
namespace genoform::cpu {

inline GroupedRows grouped_rows(const op::Grouped& t, std::int64_t context, const FloatMemories& m) {
  if (t.is_table()) return {m.reals(t), 0, t.positions * t.stride, t.stride};
  return {m.reals(t), context * t.stride, t.width(), t.stride};
}

inline float score_scale(bool scaled, std::int64_t width) {
  return scaled ? static_cast<float>(1.0 / math::sqrt(static_cast<double>(width))) : 1.0F;
}

/// Runs mix or mix_backward for every sequence and group; the sequences of the sum of a table stay in one thread, in order.
template <class Run>
auto over_mixtures(const SharedContext& context, const MixArgs& args, std::int64_t sequences, std::int64_t groups, Run run) {
  const std::int64_t T = args.context, C = args.width;
  context->reserve_per_thread(static_cast<std::size_t>(mix_elements(T, C)) * sizeof(float));
  const std::int64_t together = args.y.sequence == 0 ? sequences : 1;
  return [context, args, together, groups, run, items = sequences / together * groups, cost = together * T * C * T] {
    context->split(items, cost, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t b = 0; b < together; ++b) run(args, i / groups * together + b, i % groups, context->of_thread(thread));
    });
  };
}

/// Runs `outer` for every sequence, group and block of rows; the sequences of the sum of a table, or of the sums of the left
/// rows, stay in one thread, in order.
inline auto over_products(const SharedContext& context, const OuterArgs& args, std::int64_t sequences, std::int64_t groups) {
  const std::int64_t T = args.context, blocks = (T + mix_block - 1) / mix_block;
  context->reserve_per_thread(static_cast<std::size_t>(outer_elements(T, args.width)) * sizeof(float));
  const bool sums = args.y.sequence == 0 || args.left_sums != nullptr;
  const std::int64_t together = sums ? sequences : 1, items = sequences / together * groups * blocks;
  return [context, args, together, groups, blocks, items, cost = together * mix_block * args.width * T] {
    context->split(items, cost, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t i = first; i < last; ++i)
        for (std::int64_t b = 0; b < together; ++b)
          context->kernel<&Kernels::outer>()(args, i / (groups * blocks) * together + b, i / blocks % groups,
                                             i % blocks * mix_block, context->of_thread(thread));
    });
  };
}

/// Calls body(sequence, group, position, thread) for every row of t; a row costs about `elements`.
template <class Body>
void over_rows(const SharedContext& context, std::int64_t sequences, std::int64_t groups, std::int64_t positions,
               std::int64_t elements, const Body& body) {
  context->split(sequences * groups * positions, elements, [&](std::int64_t first, std::int64_t last, int thread) {
    for (std::int64_t i = first; i < last; ++i) body(i / (groups * positions), i / positions % groups, i % positions, thread);
  });
}

inline auto prepare(const SharedContext& context, const op::CausalMix& o, const auto& m) {
  const MixArgs args{.w = grouped_rows(o.w, o.context, m),
                     .x = grouped_rows(o.x, o.context, m),
                     .y = grouped_rows(o.y, o.context, m),
                     .bias = m.reals(o.bias),
                     .bias_stride = o.bias.stride,
                     .context = o.context,
                     .width = o.x.width(),
                     .scale = 1.0F};
  return over_mixtures(context, args, o.x.sequences(o.context), o.x.groups, context->kernel<&Kernels::mix>());
}

inline auto prepare(const SharedContext& context, const op::CausalMixGradient& o, const auto& m) {
  const GroupedRows x = grouped_rows(o.x, o.context, m), dy = grouped_rows(o.dy, o.context, m),
                    dw = grouped_rows(o.dw, o.context, m);
  const MixArgs back{.w = grouped_rows(o.w, o.context, m),
                     .x = dy,
                     .y = grouped_rows(o.dx, o.context, m),
                     .context = o.context,
                     .width = o.x.width(),
                     .scale = 1.0F,
                     .accumulate = o.accumulate};
  const OuterArgs outer{.left = dy,
                        .right = x,
                        .added = o.dw.is_table() ? dw : GroupedRows{},
                        .y = dw,
                        .left_sums = m.reals(o.dbias),
                        .left_sums_stride = o.dbias.stride,
                        .context = o.context,
                        .width = o.x.width(),
                        .scale = 1.0F};
  const std::int64_t sequences = o.x.sequences(o.context);
  return [inputs = over_mixtures(context, back, sequences, o.x.groups, context->kernel<&Kernels::mix_backward>()),
          weights = over_products(context, outer, sequences, o.x.groups)] {
    inputs();
    weights();
  };
}

inline auto prepare(const SharedContext& context, const op::CausalScores& o, const auto& m) {
  const OuterArgs args{.left = grouped_rows(o.queries, o.context, m),
                       .right = grouped_rows(o.keys, o.context, m),
                       .added = grouped_rows(o.added, o.context, m),
                       .y = grouped_rows(o.y, o.context, m),
                       .context = o.context,
                       .width = o.queries.width(),
                       .scale = score_scale(o.scaled, o.queries.width())};
  return over_products(context, args, o.y.sequences(o.context), o.y.groups);
}

inline auto prepare(const SharedContext& context, const op::CausalScoresGradient& o, const auto& m) {
  const auto args = [&](const op::Grouped& other, const op::Grouped& d) {
    return MixArgs{.w = grouped_rows(o.dy, o.context, m),
                   .x = grouped_rows(other, o.context, m),
                   .y = grouped_rows(d, o.context, m),
                   .context = o.context,
                   .width = o.queries.width(),
                   .scale = score_scale(o.scaled, o.queries.width()),
                   .accumulate = d.is_table()};
  };
  const std::int64_t sequences = o.dy.sequences(o.context), groups = o.dy.groups;
  const GroupedRows dy = grouped_rows(o.dy, o.context, m), dadded = grouped_rows(o.dadded, o.context, m);
  return
      [context, dy, dadded, sequences, groups, positions = o.context,
       of_queries = over_mixtures(context, args(o.keys, o.dqueries), sequences, groups, context->kernel<&Kernels::mix>()),
       of_keys = over_mixtures(context, args(o.queries, o.dkeys), sequences, groups, context->kernel<&Kernels::mix_backward>())] {
        of_queries();
        of_keys();
        if (dadded.first == nullptr) return;
        over_rows(context, 1, groups, positions, sequences * positions, [&](std::int64_t, std::int64_t g, std::int64_t t, int) {
          for (std::int64_t b = 0; b < sequences; ++b)
            context->kernel<&Kernels::add>()(dy.row(b, g, t), dadded.row(0, g, t), t + 1);
        });
      };
}

/// Distances grow from the end of a row to its start, so the biases are reversed first: those of row t begin at T - 1 - t.
inline auto prepare(const SharedContext& context, const op::AddByDistance& o, const auto& m) {
  const std::int64_t T = o.context, groups = o.y.groups, sequences = o.y.sequences(T);
  context->reserve(static_cast<std::size_t>(groups * T) * sizeof(float));
  return
      [context, x = grouped_rows(o.x, T, m), y = grouped_rows(o.y, T, m), bias = host::rows_of(o.bias, m), T, groups, sequences] {
        float* reversed = context->shared<float>();
        for (std::int64_t i = 0; i < groups * T; ++i) reversed[i] = bias[i / T][T - 1 - i % T];
        over_rows(context, sequences, groups, T, T, [&](std::int64_t b, std::int64_t g, std::int64_t t, int) {
          const float* from = x.row(b, g, t);
          float* to = y.row(b, g, t);
          if (from != to) std::memcpy(to, from, static_cast<std::size_t>(t + 1) * sizeof(float));
          context->kernel<&Kernels::add>()(reversed + g * T + T - 1 - t, to, t + 1);
        });
      };
}

inline auto prepare(const SharedContext& context, const op::AddByDistanceGradient& o, const auto& m) {
  const std::int64_t T = o.context, groups = o.dy.groups, sequences = o.dy.sequences(T);
  context->reserve(static_cast<std::size_t>(groups * T) * sizeof(float));
  return [context, dy = grouped_rows(o.dy, T, m), dbias = host::rows_of(o.dbias, m), T, groups, sequences] {
    float* reversed = context->shared<float>();
    context->split(groups, sequences * T * T, [&](std::int64_t first, std::int64_t last, int) {
      for (std::int64_t g = first; g < last; ++g) {
        float* sums = reversed + g * T;
        std::fill_n(sums, T, 0.0F);
        for (std::int64_t i = 0; i < sequences * T; ++i)
          context->kernel<&Kernels::add>()(dy.row(i / T, g, i % T), sums + T - 1 - i % T, i % T + 1);
        std::reverse_copy(sums, sums + T, dbias[g]);
      }
    });
  };
}

inline auto prepare(const SharedContext& context, const op::CausalSoftmax& o, const auto& m) {
  return [context, x = grouped_rows(o.x, o.context, m), y = grouped_rows(o.y, o.context, m), groups = o.y.groups,
          sequences = o.y.sequences(o.context), positions = o.context] {
    over_rows(context, sequences, groups, positions, 8 * positions, [&](std::int64_t b, std::int64_t g, std::int64_t t, int) {
      context->kernel<&Kernels::softmax>()({x.row(b, g, t), nullptr, y.row(b, g, t), 0, 0, 0, t + 1}, 0, 1);
    });
  };
}

inline auto prepare(const SharedContext& context, const op::CausalSoftmaxGradient& o, const auto& m) {
  context->reserve_per_thread(static_cast<std::size_t>(o.context) * sizeof(float));
  return [context, y = grouped_rows(o.y, o.context, m), dy = grouped_rows(o.dy, o.context, m),
          dx = grouped_rows(o.dx, o.context, m), groups = o.y.groups, sequences = o.y.sequences(o.context), positions = o.context,
          accumulate = o.accumulate] {
    over_rows(context, sequences, groups, positions, 4 * positions,
              [&](std::int64_t b, std::int64_t g, std::int64_t t, int thread) {
                float *to = dx.row(b, g, t), *result = accumulate ? context->of_thread(thread) : to;
                context->kernel<&Kernels::softmax_gradient>()({y.row(b, g, t), dy.row(b, g, t), result, 0, 0, 0, t + 1}, 0, 1);
                if (accumulate) context->kernel<&Kernels::add>()(result, to, t + 1);
              });
  };
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
