#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/cpu/machine/bandwidth.hpp"
#include "genoform/backend/cpu/machine/peak.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/random.hpp"
#include "genoform/ops/operations.hpp"

/// Single operations of the CPU back end on one thread, as a training step runs them, relative to their roof: the larger of
/// useful FLOPs over the multiply-add peak, and the bytes of all tensors over the rate at which so many bytes can be read (so
/// small tensors are compared with the cache that holds them). 768 tokens in f32; the argument is the width d. Counters:
/// GFLOP/s, GB/s, and the percentage of the roof (above 100 if a faster cache holds some of the tensors).
namespace {

using namespace genoform;
using namespace genoform::inner;

constexpr std::int64_t tokens = 768, context = 64, heads = 4, experts = 8;

/// Tensors of random numbers, and the operations on them.
class Setup {
 public:
  explicit Setup(std::int64_t elements) : memory_(elements) { memories_[Memory::workspace] = memory_.data(); }

  Tensor real(std::int64_t rows, std::int64_t columns) {
    const Tensor t = place(rows, columns, ElementType::real);
    for (std::int64_t i = 0; i < t.size(); ++i)
      memories_.reals(t)[i] = static_cast<float>(random_.normal(static_cast<std::uint64_t>(drawn_++)));
    return t;
  }
  /// Random integers below `limit`.
  Tensor index(std::int64_t rows, std::int64_t columns, std::int64_t limit) {
    const Tensor t = place(rows, columns, ElementType::index);
    for (std::int64_t i = 0; i < t.size(); ++i)
      memories_.indices(t)[i] =
          static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(drawn_++), static_cast<std::uint64_t>(limit)));
    return t;
  }
  float& element(const Tensor& t, std::int64_t i) { return memories_.reals(t)[i]; }

  template <class Op>
  void once(const Op& op) {
    cpu_.prepare(op, memories_)();
  }
  template <class Op>
  void time(benchmark::State& state, const Op& op) {
    const auto call = cpu_.prepare(op, memories_);
    const auto entered = cpu_.enter();
    call();
    const double start = seconds();
    for ([[maybe_unused]] const auto& iteration : state) call();
    const double each = (seconds() - start) / static_cast<double>(state.iterations());
    double bytes = 0;
    for (const Operands& operands : {op.reads(), op.writes()})
      for (const Tensor& t : operands) bytes += static_cast<double>(t.bytes(sizeof(float)));
    report(state, static_cast<double>(op.flops()), bytes, each);
  }

 private:
  Tensor place(std::int64_t rows, std::int64_t columns, ElementType element_type) {
    const Tensor t = matrix(Memory::workspace, used_, rows, columns, element_type);
    used_ += (t.size() + 15) / 16 * 16;
    if (used_ > memory_.size()) fail(ErrorKind::input, {"the memory of a kernel benchmark is too small: ", used_, " elements"});
    return t;
  }
  /// The processor time of this thread, which other threads on the core do not change.
  static double seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }
  static void report(benchmark::State& state, double flops, double bytes, double each) {
    static const double peak = cpu::peak(cpu::Precision::f32, 1, 100) * 1e9;
    const double bandwidth = cpu::read_bandwidth(static_cast<std::int64_t>(bytes)) * 1e9;
    if (flops > 0) state.counters["GFLOP/s"] = 1e-9 * flops / each;
    state.counters["GB/s"] = 1e-9 * bytes / each;
    state.counters["%roof"] = 100 * std::max(flops / peak, bytes / bandwidth) / each;
  }

  Cpu cpu_;
  HostBuffer<float> memory_;
  Memories<float> memories_;
  Random random_{1, 1};
  std::int64_t used_ = 0, drawn_ = 0;
};

Setup setup_of(std::int64_t d) { return Setup(24 * tokens * d + 60 * d * d + 8 * tokens * experts + 65536); }

void linear(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::Linear{.x = s.real(tokens, d), .w = s.real(4 * d, d), .y = s.real(tokens, 4 * d)});
}
void linear_squared_relu(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state,
         op::Linear{.x = s.real(tokens, d), .w = s.real(4 * d, d), .y = s.real(tokens, 4 * d), .f = op::Function::squared_relu});
}
void linear_input_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::LinearInputGradient{.dy = s.real(tokens, 4 * d), .w = s.real(4 * d, d), .dx = s.real(tokens, d)});
}
void linear_weight_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::LinearWeightGradient{.x = s.real(tokens, d), .dy = s.real(tokens, 4 * d), .dw = s.real(4 * d, d)});
}
void normalize(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state,
         op::Normalize{.x = s.real(tokens, d), .w = s.real(1, d), .statistics = s.real(tokens, 2), .y = s.real(tokens, d)});
}
void normalize_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  op::NormalizeGradient o;
  o.x = s.real(tokens, d), o.w = s.real(1, d), o.statistics = s.real(tokens, 2), o.dy = s.real(tokens, d);
  o.dx = s.real(tokens, d), o.dw = s.real(1, d);
  s.time(state, o);
}
void activate_gelu(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::Activate{.f = op::Function::gelu, .u = s.real(tokens, 4 * d), .y = s.real(tokens, 4 * d)});
}
/// From the output alone, as with squared ReLU.
void activate_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  const Tensor y = s.real(tokens, 4 * d);
  for (std::int64_t i = 0; i < y.size(); ++i) s.element(y, i) *= s.element(y, i);
  s.time(state,
         op::ActivateGradient{.f = op::Function::squared_relu, .y = y, .dy = s.real(tokens, 4 * d), .du = s.real(tokens, 4 * d)});
}
void softmax(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::Softmax{.x = s.real(tokens, d), .y = s.real(tokens, d)});
}
/// d words.
void cross_entropy(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::CrossEntropy{.logits = s.real(tokens, d),
                                 .targets = s.index(tokens, 1, d),
                                 .scale = s.real(1, 1),
                                 .loss = s.real(1, 1),
                                 .dlogits = s.real(tokens, d)});
}
void convolve(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::CausalConvolution{
                    .x = s.real(tokens, 3 * d), .w = s.real(3 * d, 3), .y = s.real(tokens, 3 * d), .context = context});
}
void convolve_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::CausalConvolutionGradient{.x = s.real(tokens, 3 * d),
                                              .w = s.real(3 * d, 3),
                                              .dy = s.real(tokens, 3 * d),
                                              .dx = s.real(tokens, 3 * d),
                                              .dw = s.real(3 * d, 3),
                                              .context = context});
}
/// Heads of `head_dim` channels, 192 channels in all.
void rotate(benchmark::State& state) {
  const std::int64_t d = 192;
  Setup s = setup_of(d);
  s.time(state, op::Rotate{.x = s.real(tokens, d), .head_dim = state.range(0), .context = context});
}
op::Attend attention(Setup& s, std::int64_t d) {
  op::Attend o;
  o.q = s.real(tokens, d), o.k = s.real(tokens, d), o.v = s.real(tokens, d), o.y = s.real(tokens, d);
  o.log_sum_exps = s.real(tokens, heads);
  o.sizes = {.heads = heads, .kv_heads = heads, .head_dim = d / heads, .context = context};
  return o;
}
void attend(benchmark::State& state) {
  Setup s = setup_of(state.range(0));
  s.time(state, attention(s, state.range(0)));
}
void attend_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  const op::Attend f = attention(s, d);
  s.once(f);
  op::AttendGradient o;
  o.q = f.q, o.k = f.k, o.v = f.v, o.y = f.y, o.log_sum_exps = f.log_sum_exps, o.dy = s.real(tokens, d);
  o.dq = s.real(tokens, d), o.dk = s.real(tokens, d), o.dv = s.real(tokens, d);
  o.sizes = {.heads = heads, .kv_heads = heads, .head_dim = d / heads, .context = context};
  s.time(state, o);
}
/// The parameters of a block.
void adamw(benchmark::State& state) {
  const std::int64_t d = state.range(0), n = 12 * d * d;
  Setup s = setup_of(d);
  op::AdamWUpdate o{.w = s.real(1, n), .g = s.real(1, n), .m = s.real(1, n), .v = s.real(1, n), .sum = {}, .controls = {}};
  o.sum = s.real(1, 1), o.controls = s.real(1, 8);
  for (std::int64_t i = 0; i < n; ++i) s.element(o.v, i) *= s.element(o.v, i);
  s.element(o.sum, 0) = 1;
  const std::pair<op::AdamWControl, float> settings[] = {
      {op::learning_rate_index, 1e-4F}, {op::beta1_index, 0.9F},       {op::beta2_index, 0.95F},      {op::epsilon_index, 1e-8F},
      {op::weight_decay_index, 0.1F},   {op::correction1_index, 1.0F}, {op::correction2_index, 1.0F}, {op::clip_index, 1.0F}};
  for (const auto& [control, value] : settings) s.element(o.controls, control) = value;
  s.time(state, o);
}
void sum_of_squares(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  s.time(state, op::SumOfSquares{.x = s.real(1, 12 * d * d), .sum = s.real(1, 1)});
}
/// Every expert gets an eighth of the tokens.
op::Assignment assignment(Setup& s) {
  const std::int64_t slots = op::slots_bound(tokens, experts);
  op::Assignment to;
  to.expert_first = s.index(experts + 1, 1, 1), to.expert_count = s.index(experts, 1, 1);
  to.slot_token = s.index(slots, 1, 1), to.slot_weight = s.real(slots, 1);
  to.token_first = s.index(tokens + 1, 1, 1), to.token_slots = s.index(slots, 1, 1);
  to.experts = experts, to.useful_slots = tokens;
  op::RouteExpertChoice choice;
  choice.p = s.real(tokens, experts), choice.to = to, choice.capacity = tokens / experts;
  choice.cuts = s.real(experts + 1, 1);
  s.once(choice);
  return to;
}
void gather_rows(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  const op::Assignment to = assignment(s);
  s.time(state, op::GatherRows{.x = s.real(tokens, d), .to = to, .y = s.real(to.slot_token.rows, d)});
}
void combine_rows(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  const op::Assignment to = assignment(s);
  s.time(state, op::CombineRows{.x = s.real(to.slot_token.rows, d), .to = to, .y = s.real(tokens, d)});
}
void combine_rows_gradient(benchmark::State& state) {
  const std::int64_t d = state.range(0);
  Setup s = setup_of(d);
  const op::Assignment to = assignment(s);
  const std::int64_t slots = to.slot_token.rows;
  s.time(state,
         op::CombineRowsGradient{
             .x = s.real(slots, d), .to = to, .dy = s.real(tokens, d), .dx = s.real(slots, d), .dweight = s.real(slots, 1)});
}

void widths(benchmark::internal::Benchmark* b) {
  b->ArgName("d");
  for (const int d : {64, 128, 256, 512}) b->Arg(d);
}

}  // namespace

BENCHMARK(linear)->Apply(widths);
BENCHMARK(linear_squared_relu)->Apply(widths);
BENCHMARK(linear_input_gradient)->Apply(widths);
BENCHMARK(linear_weight_gradient)->Apply(widths);
BENCHMARK(attend)->Apply(widths);
BENCHMARK(attend_gradient)->Apply(widths);
BENCHMARK(convolve)->Apply(widths);
BENCHMARK(convolve_gradient)->Apply(widths);
BENCHMARK(rotate)->ArgName("head_dim")->Arg(8)->Arg(12)->Arg(24)->Arg(32)->Arg(64);
BENCHMARK(normalize)->Apply(widths);
BENCHMARK(normalize_gradient)->Apply(widths);
BENCHMARK(activate_gelu)->Apply(widths);
BENCHMARK(activate_gradient)->Apply(widths);
BENCHMARK(softmax)->Apply(widths);
BENCHMARK(cross_entropy)->Apply(widths);
BENCHMARK(gather_rows)->Apply(widths);
BENCHMARK(combine_rows)->Apply(widths);
BENCHMARK(combine_rows_gradient)->Apply(widths);
BENCHMARK(sum_of_squares)->Apply(widths);
BENCHMARK(adamw)->Apply(widths);
BENCHMARK_MAIN();
