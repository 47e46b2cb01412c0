#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <vector>

#include "bench_profile.hpp"
#include "common.hpp"
#include "genoform/backend/cpu/machine/bandwidth.hpp"
#include "genoform/backend/cpu/machine/peak.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/random.hpp"
#include "genoform/genome/dense_twin.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/text_table.hpp"
#include "models.hpp"
#include "optimizers.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string text;
  Sizes sizes;
  int batch = 12, context = 0, steps = 30;
  CpuOptions cpu;
  double seconds = 3;
  OptimizerOptions optimizer;
  bool profile = false, json = false, recompute = false;
};

/// FLOPs of a token in a training step as the peers count them, 6 n + 12 L d T (docs/formats/model.md section 6).
double flops_per_token(CpuModel& model, const Cost& cost, int context) {
  double n = static_cast<double>(cost.activated_parameters), attention = 0;
  for (const TensorInfo& info : model.tensors()) {
    if (info.name == "positions.weight") n -= static_cast<double>(info.tensor.size());
    if (info.name.ends_with(".attention.o.weight")) attention += static_cast<double>(info.shape.back());
  }
  return 6 * n + 12 * attention * context;
}

/// A training step on random tokens, everything that Trainer does but for reading a text.
class Bench {
 public:
  Bench(CpuModel& model, const Options& o, int context)
      : model_(&model), batch_(o.batch), optimizer_(optimizers().make(optimizer_of(o.optimizer), model)) {
    model.prepare({o.batch, context}, Pass::train);
    const auto n = static_cast<std::size_t>(o.batch) * static_cast<std::size_t>(context);
    const Random random(7, stream_of("bench"));
    for (std::uint64_t i = 0; i < batches * (n + 1); ++i)
      tokens_.push_back(static_cast<Token>(random.below(i, static_cast<std::uint64_t>(model.sizes().vocab))));
    double sum = 0;  // two steps touch all memory; more are for caches and clocks
    for (int i = 0; i < 2 || (i < 5 && sum < 2); ++i) sum += step();
  }
  /// Seconds of one step.
  double step() {
    const std::size_t n = tokens_.size() / batches - 1, first = (static_cast<std::size_t>(steps_) % batches) * (n + 1);
    const std::span<const Token> all(tokens_);
    const auto start = std::chrono::steady_clock::now();
    model_->loss_and_gradient(all.subspan(first, n), all.subspan(first + 1, n), batch_);
    static_cast<void>(optimizer_->gradient_norm());
    optimizer_->update(++steps_, 1e-3);
    model_->after_step();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  static constexpr std::size_t batches = 8;
  CpuModel* model_;
  int batch_;
  std::unique_ptr<Optimizer<Cpu>> optimizer_;
  std::vector<Token> tokens_;
  std::int64_t steps_ = 0;
};

/// What was found, times in seconds.
struct Figures {
  std::vector<double> times;  ///< of the steps, sorted
  double peak = 0, triad = 0;
  double dense = 0;  ///< the best step of the dense twin; 0: the model is dense
  MemoryUse memory;
  std::int64_t planned = 0;   ///< bytes: all of `memory`, and the optimizer's state
  double reading = 0;         ///< with a profile: GB/s at which so many bytes can be read again and again
  std::int64_t resident = 0;  ///< the most bytes of the process that were in memory; 0: not known, or its dense twin's too
  double best() const { return times.front(); }
  double median() const { return times[times.size() / 2]; }
  double routing_overhead_percent() const { return 100 * (best() - dense) / best(); }
};

/// Times the model and, alternating with it, its dense twin.
Figures measured(CpuModel& model, CpuModel* dense, const Options& o, int context) {
  Figures found;
  Bench bench(model, o, context);
  found.memory = model.memory();
  found.planned =
      found.memory.total() + HostBuffer<float>::bytes_of(optimizers().elements(optimizer_of(o.optimizer), model.tensors()));
  std::optional<Bench> twin;
  if (dense != nullptr) twin.emplace(*dense, o, context);
  found.peak = cpu::peak(o.cpu.precision, o.cpu.threads, 80);
  const int steps_at_once = std::min(o.steps, 10);
  for (double sum = 0;
       found.times.size() < static_cast<std::size_t>(o.steps) || (sum < o.seconds && found.times.size() < 2000);) {
    for (int i = 0; i < steps_at_once; ++i) sum += found.times.emplace_back(bench.step());
    for (int i = 0; i < steps_at_once && twin; ++i) found.dense = std::min(found.dense > 0 ? found.dense : 1e30, twin->step());
  }
  if (!twin) found.resident = std::max<std::int64_t>(peak_resident_memory(), 0);
  found.peak = std::max(found.peak, cpu::peak(o.cpu.precision, o.cpu.threads, 80));
  found.triad = cpu::triad_bandwidth(o.cpu.threads);
  std::ranges::sort(found.times);
  return found;
}

/// Steps of the model with a clock around each operation.
Profile::Step profiled(CpuModel& model, const Options& o, int context) {
  Profile profile;
  model.observe(&profile);
  {
    Bench bench(model, o, context);
    profile.end_step(0);
    profile.forget_steps();
    for (int i = 0; i < std::clamp(o.steps, 4, 40); ++i) profile.end_step(bench.step());
  }
  model.observe(nullptr);
  return profile.step();
}

void print_text(const Figures& f, const Options& o, double tokens, double gflops, const Profile::Step* step) {
  std::printf("best %.3f ms, median %.3f ms of %zu steps; %.0f tokens/s\n", f.best() * 1e3, f.median() * 1e3, f.times.size(),
              tokens / f.best());
  std::printf("%.1f GFLOP/s of %.1f at the same time: %.1f %% of peak; memory (triad) %.1f GB/s\n", gflops, f.peak,
              100 * gflops / f.peak, f.triad);
  std::printf("memory %s as planned, of them %s activations and scratch", bytes_text(f.planned).c_str(),
              bytes_text(f.memory.workspace + f.memory.scratch).c_str());
  std::printf(f.resident > 0 ? "; the process %s\n" : "\n", bytes_text(f.resident).c_str());
  if (f.dense > 0)
    std::printf("routing overhead %.1f %% (same arithmetic dense: %.3f ms)\n", f.routing_overhead_percent(), f.dense * 1e3);
  if (step == nullptr) return;
  std::printf("\n%d steps with a clock around each operation, mean of the fastest half:\n%s", std::clamp(o.steps, 4, 40),
              profile_table(*step, f.peak).c_str());
  std::printf("the bytes alone, %.1f MB at the %.1f GB/s of reading %s again and again: %.3f ms\n", step->bytes() * 1e-6,
              f.reading, bytes_text(f.planned).c_str(), step->bytes() / f.reading * 1e-6);
}

void print_json(const Figures& f, const Options& o, double tokens, double gflops, JsonObject& json, const Profile::Step* step) {
  json.add("best_ms", f.best() * 1e3).add("median_ms", f.median() * 1e3);
  json.add("tokens_per_second", tokens / f.best()).add("gflops", gflops);
  json.add("peak_gflops", f.peak).add("percent_of_peak", 100 * gflops / f.peak).add("dram_triad_gbps", f.triad);
  if (f.dense > 0) json.add("dense_best_ms", f.dense * 1e3).add("routing_overhead_percent", f.routing_overhead_percent());
  json.add("steps", f.times.size()).add("threads", o.cpu.threads).add("thread_invariant", o.cpu.thread_invariant);
  json.add("total_bytes", f.planned).add("workspace_bytes", f.memory.workspace).add("backend_scratch_bytes", f.memory.scratch);
  if (f.resident > 0) json.add("peak_resident_bytes", f.resident);
  if (step == nullptr) return;
  json.add("profile_step_ms", step->seconds * 1e3).add("profile_bytes", step->bytes()).add("read_gbps", f.reading);
  json.add_raw("profile", profile_json(*step, f.peak));
}

int run(const Options& o) {
  const Genome genome = with_sizes(read_genome(o.text), o.sizes);
  const int context = o.context > 0 ? o.context : genome.decoder().context;
  if (context > genome.decoder().context)
    usage_error("--context " + std::to_string(context) + ": the model has Context<" + std::to_string(genome.decoder().context) +
                ">");
  const Genome twin = dense_twin(genome, std::int64_t{o.batch} * context);
  const auto model = make_model(genome, 1, o.cpu);
  const auto dense = twin == genome ? nullptr : make_model(twin, 1, o.cpu);
  const Cost cost = cost_of(genome, o.batch, context, training_layout(o.recompute, o.cpu.precision));
  for (CpuModel* one : {model.get(), dense.get()})
    if (one != nullptr) one->set_recompute(o.recompute);
  Figures found = measured(*model, dense.get(), o, context);
  std::optional<Profile::Step> step;
  if (o.profile) {
    step = profiled(*model, o, context);
    found.reading = cpu::read_bandwidth(std::min<std::int64_t>(found.planned, 128 << 20));
  }
  const double tokens = static_cast<double>(o.batch) * context;
  const double gflops = flops_per_token(*model, cost, context) * tokens / found.best() * 1e-9;
  if (o.json) {
    JsonObject json;
    print_json(found, o, tokens, gflops, json, step ? &*step : nullptr);
    json.add("dtype", name_of(o.cpu.precision))
        .add("batch", o.batch)
        .add("context", context)
        .add("parameters", cost.parameters)
        .add("model", genome.text());
    std::printf("%s\n", json.text().c_str());
  } else {
    print_text(found, o, tokens, gflops, step ? &*step : nullptr);
  }
  return 0;
}

}  // namespace

void add_bench(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "bench",
      "Time a training step on random tokens, between two runs of a loop that finds the processor's peak of the moment.",
      "  genoform bench 'Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, "
      "Context<64>>' --batch 12\n"
      "FLOPs of a token are counted as 6 n + 12 L d T; gflops and percent_of_peak belong to the best step.\n"
      "dram_triad_gbps: what memory delivers to a = b + s c over arrays of 64 MiB, three of them counted.\n"
      "A model with Moe is timed alternating with its dense twin, which has an Ffn of the same useful FLOPs in place of each "
      "Moe\n"
      "(Top2: twice the hidden width; ExpertChoice: capacity times it). routing overhead = (step - twin's step) / step: the "
      "router,\n"
      "moving rows, padding, smaller products, and the optimizer's pass over more parameters.\n"
      "--profile: operations with useful FLOPs have a row for each set of shapes, all others one; bytes are those of all their\n"
      "tensors, so GB/s can be above the memory's where caches hold them or (embed) only some rows are read. Below them is the\n"
      "time that the step needs for these bytes alone, at the rate of reading as many as it uses; writes cost more than reads.",
      run);
  app->add_option("TEXT", o->text, "the model, as a C++ type; - reads it from stdin")->required();
  add_number(*app, "--batch", o->batch, "sequences", at_least(1))->capture_default_str();
  add_number(*app, "--context", o->context, "positions of a sequence (default: the model's Context)", at_least(1));
  add_cpu_options(*app, o->cpu);
  add_optimizer(*app, o->optimizer);
  add_number(*app, "--steps", o->steps, "at least so many timed steps", at_least(1))->capture_default_str();
  add_number(*app, "--seconds", o->seconds, "and at least for so long", at_least(0))->capture_default_str();
  add_number(*app, "--vocab", o->sizes.vocab, "Vocab, where TEXT has none", at_least(1));
  add_number(*app, "--width", o->sizes.width, "Width, where TEXT has none", at_least(1));
  add_number(*app, "--model-context", o->sizes.context, "Context, where TEXT has none", at_least(1));
  app->add_flag("--profile", o->profile, "then time some more steps operation by operation");
  app->add_flag("--recompute", o->recompute, "blocks run forward again on the backward pass, for less memory; FLOPs count once");
  app->add_flag("--json", o->json, "print a JSON object");
}

}  // namespace command
