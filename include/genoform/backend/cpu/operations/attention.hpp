#pragma once

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/core/math.hpp"
#include "genoform/ops/attention.hpp"

#include "genoform/core/hide_macros.hpp"

/// The operations that mix positions, on the CPU.
namespace genoform::cpu {

inline const Rotation* Context::rotation(std::int64_t positions, std::int64_t half, bool inverse) {
  const auto elements = static_cast<std::size_t>(positions * half);
  for (const auto& known : rotations_)
    if (known->half == half && known->inverse == inverse && known->cosines.size() >= elements) return known.get();
  auto made = make_unique_ptr<Rotation>(half, inverse, std::vector<float>(elements), std::vector<float>(elements));
  for (std::int64_t t = 0; t < positions; ++t)
    for (std::int64_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(t) * math::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
      made->cosines[static_cast<std::size_t>(t * half + i)] = static_cast<float>(math::cos(angle));
      made->sines[static_cast<std::size_t>(t * half + i)] = static_cast<float>(inverse ? -math::sin(angle) : math::sin(angle));
    }
  return rotations_.emplace_back(std::move(made)).get();
}

inline auto prepare(const SharedContext& context, const op::Rotate& o, const auto& m) {
  const Rotation* angles = context->rotation(o.context, o.head_dim / 2, o.inverse);
  const RotateArgs args{.x = m.address(o.x),
                        .stride = o.x.stride,
                        .cosines = angles->cosines.data(),
                        .sines = angles->sines.data(),
                        .heads = o.x.columns / o.head_dim,
                        .half = o.head_dim / 2,
                        .context = o.context};
  const auto run = is_bf16(o.x) ? context->bf16().rotate : context->kernel<&Kernels::rotate>();
  return [context, args, run, rows = o.x.rows, columns = o.x.columns] {
    context->split(rows, 2 * columns, [&](std::int64_t first, std::int64_t last, int) { run(args, first, last); });
  };
}

/// The arguments that both passes of a convolution share: its filters and the rotation of its channels.
template <class Op>
ConvolutionArgs convolution_args(const SharedContext& context, const Op& o, bool inverse, const FloatMemories& m) {
  ConvolutionArgs args{.x = m.address(o.x),
                       .w = m.reals(o.w),
                       .x_stride = o.x.stride,
                       .w_stride = o.w.stride,
                       .rows = o.x.rows,
                       .channels = o.x.columns,
                       .width = o.w.columns,
                       .context = o.context};
  context->reserve(static_cast<std::size_t>(2 * args.width * convolution_stride(args.channels)) * sizeof(float));
  if (o.rotation.channels == 0) return args;
  const Rotation* angles = context->rotation(o.context, o.rotation.head_dim / 2, inverse);
  args.cosines = angles->cosines.data();
  args.sines = angles->sines.data();
  args.rotated_channels = o.rotation.channels;
  args.head_dim = o.rotation.head_dim;
  return args;
}

inline auto prepare(const SharedContext& context, const op::CausalConvolution& o, const auto& m) {
  ConvolutionArgs args = convolution_args(context, o, false, m);
  args.y = m.address(o.y);
  args.y_stride = o.y.stride;
  const auto run = is_bf16(o.x) ? context->bf16().convolve : context->kernel<&Kernels::convolve>();
  return [context, args, run] {
    float* filter_width = context->shared<float>();
    context->kernel<&Kernels::spread_filters>()(args, filter_width);
    context->split(args.rows, args.width * args.channels,
                   [&](std::int64_t first, std::int64_t last, int) { run(args, filter_width, first, last); });
  };
}

inline auto prepare(const SharedContext& context, const op::CausalConvolutionGradient& o, const auto& m) {
  ConvolutionArgs args = convolution_args(context, o, true, m);
  args.dy = m.address(o.dy);
  args.dx = m.address(o.dx);
  args.dw = m.reals(o.dw);
  args.dy_stride = o.dy.stride;
  args.dx_stride = o.dx.stride;
  args.dw_stride = o.dw.stride;
  const auto run = is_bf16(o.x) ? context->bf16().convolve_gradient : context->kernel<&Kernels::convolve_gradient>();
  // Each thread has whole heads, and whole vectors of sums.
  const std::int64_t K = args.head_dim, block = K == 0 ? 16 : K % 16 == 0 ? K : 16 * K;
  return [context, args, run, block] {
    float* filter_width = context->shared<float>();
    context->kernel<&Kernels::spread_filters>()(args, filter_width);
    context->over_columns(
        2 * args.rows * args.width, args.channels,
        [&](std::int64_t first, std::int64_t last) { run(args, filter_width, first, last); }, block);
  };
}

template <class Value>
Value* elements_of(const Tensor& t, const FloatMemories& m) {
  return static_cast<Value*>(m.address(t));
}

template <class Value, class Op>
AttendArgsOf<Value> attend_args(const Op& o, const FloatMemories& m) {
  return {.q = elements_of<Value>(o.q, m),
          .k = elements_of<Value>(o.k, m),
          .v = elements_of<Value>(o.v, m),
          .y = elements_of<Value>(o.y, m),
          .log_sum_exps = m.reals(o.log_sum_exps),
          .q_stride = o.q.stride,
          .k_stride = o.k.stride,
          .v_stride = o.v.stride,
          .y_stride = o.y.stride,
          .log_sums_stride = o.log_sum_exps.stride,
          .heads = o.sizes.heads,
          .kv_heads = o.sizes.kv_heads,
          .head_dim = o.sizes.head_dim,
          .context = o.sizes.context,
          .scale = static_cast<float>(1.0 / math::sqrt(static_cast<double>(o.sizes.head_dim))),
          .bias = m.reals(o.bias),
          .bias_stride = o.bias.stride,
          .window = o.sizes.window < o.sizes.context ? o.sizes.window : 0};
}

/// dy, dq, dk and dv of the backward pass of any kind of attention.
template <class Value = float, class Args, class Op>
void set_gradient_addresses(Args& args, const Op& o, const FloatMemories& m) {
  args.dy = elements_of<Value>(o.dy, m);
  args.dq = elements_of<Value>(o.dq, m);
  args.dk = elements_of<Value>(o.dk, m);
  args.dv = elements_of<Value>(o.dv, m);
  args.dy_stride = o.dy.stride;
  args.dq_stride = o.dq.stride;
  args.dk_stride = o.dk.stride;
  args.dv_stride = o.dv.stride;
}

/// Attention with elements of f32 or bf16: its arguments, scratch and kernels.
class Attending {
 public:
  template <class Op>
  [[gnu::cold, gnu::noinline]] Attending(Context& context, const Op& o, const FloatMemories& m)
      : full_(attend_args<float>(o, m)),
        short_(attend_args<Bf16>(o, m)),
        is_short_(is_bf16(o.q)),
        sequences_(o.q.rows / o.sizes.context) {
    const std::int64_t bytes = is_short_ ? Bf16AttendScratch(short_, nullptr).bytes
                                         : AttendScratch(full_, nullptr).elements * static_cast<std::int64_t>(sizeof(float));
    context.reserve_per_thread(static_cast<std::size_t>(bytes));
    if constexpr (requires { o.dq; }) {
      set_gradient_addresses<float>(full_, o, m);
      set_gradient_addresses<Bf16>(short_, o, m);
    }
  }

  [[gnu::noinline]] void forward(const Context& context) const {
    over_heads(context, full_.heads, [&](std::int64_t first, std::int64_t last, float* scratch) {
      if (is_short_)
        context.bf16().attend(short_, context.bf16().products.unit, first, last, scratch);
      else
        for (std::int64_t i = first; i < last; ++i)
          context.kernel<&Kernels::attend>()(full_, i / full_.heads, i % full_.heads, scratch);
    });
  }

  /// `bias_sums` as in AttendArgsOf.
  [[gnu::noinline]] void backward(const Context& context, float* bias_sums) const {
    AttendArgs full = full_;
    Bf16AttendArgs halves = short_;
    full.bias_sums = halves.bias_sums = bias_sums;
    over_heads(context, full.kv_heads, [&](std::int64_t first, std::int64_t last, float* scratch) {
      if (is_short_)
        context.bf16().attend_gradient(halves, context.bf16().products.unit, first, last, scratch);
      else
        for (std::int64_t i = first; i < last; ++i)
          context.kernel<&Kernels::attend_gradient>()(full, i / full.kv_heads, i % full.kv_heads, scratch);
    });
  }

  std::int64_t sequences() const { return sequences_; }

 private:
  /// Calls run(first, last, scratch) over the heads, counted over all sequences.
  template <class Run>
  void over_heads(const Context& context, std::int64_t heads, const Run& run) const {
    context.split(sequences_ * heads, 4 * full_.context * full_.head_dim,
                  [&](std::int64_t first, std::int64_t last, int thread) { run(first, last, context.of_thread(thread)); });
  }

  AttendArgs full_;
  Bf16AttendArgs short_;
  bool is_short_;
  std::int64_t sequences_;
};

inline auto prepare(const SharedContext& context, const op::Attend& o, const auto& m) {
  return [context, attending = Attending(*context, o, m)] { attending.forward(*context); };
}

inline auto prepare(const SharedContext& context, const op::AttendGradient& o, const auto& m) {
  const Attending attending(*context, o, m);
  const std::int64_t elements = attending.sequences() * o.sizes.heads * o.sizes.context;
  if (o.bias.exists()) context->reserve(static_cast<std::size_t>(elements) * sizeof(float));
  return [context, attending, dbias = host::rows_of(o.dbias, m), heads = o.sizes.heads, positions = o.sizes.context] {
    float* const bias_sums = dbias ? context->shared<float>() : nullptr;
    attending.backward(*context, bias_sums);
    // Every sequence has sums of its own, which are added here in order: the same bits for any number of threads.
    for (std::int64_t h = 0; dbias && h < heads; ++h) {
      std::memset(dbias[h], 0, static_cast<std::size_t>(positions) * sizeof(float));
      context->kernel<&Kernels::add_rows>()(bias_sums + h * positions, attending.sequences(), heads * positions, positions,
                                            dbias[h]);
    }
  };
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
