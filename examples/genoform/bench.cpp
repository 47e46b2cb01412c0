#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "common.hpp"
#include "genoform/backend/cpu/peak.hpp"
#include "genoform/core/random.hpp"
#include "genoform/report/json.hpp"
#include "genoform/train/adamw.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;

struct Options {
  std::string text;
  Sizes sizes;
  int batch = 12, context = 0, threads = 1, steps = 30;
  cpu::Precision precision = cpu::Precision::f32;
  double seconds = 3;
  bool json = false;
};

/// FLOPs of a token in a training step as the peers count them, 6 n + 12 L d T (spec/model.md section 6).
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
  Bench(CpuModel& model, int batch, int context) : model_(&model), batch_(batch), optimizer_(AdamW{}.bind(model)) {
    model.prepare({batch, context}, Pass::train);
    const auto n = static_cast<std::size_t>(batch) * static_cast<std::size_t>(context);
    const Random random(7, stream_of("bench"));
    for (std::uint64_t i = 0; i < batches * (n + 1); ++i)
      tokens_.push_back(static_cast<Token>(random.below(i, static_cast<std::uint64_t>(model.sizes().vocab))));
  }
  /// Seconds of one step.
  double step() {
    const std::size_t n = tokens_.size() / batches - 1, first = (static_cast<std::size_t>(steps_) % batches) * (n + 1);
    const std::span<const Token> all(tokens_);
    const auto start = std::chrono::steady_clock::now();
    model_->zero_gradients();
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

int run(const Options& o) {
  const Genome genome = with_sizes(read_genome(o.text), o.sizes);
  const int context = o.context > 0 ? o.context : genome.decoder().context;
  if (context > genome.decoder().context)
    usage_error("--context " + std::to_string(context) + ": the model has Context<" + std::to_string(genome.decoder().context) +
                ">");
  const auto model = make_model(genome, 1, {.threads = o.threads, .precision = o.precision});
  const Cost cost = cost_of(genome, o.batch, context);
  Bench bench(*model, o.batch, context);
  for (int i = 0; i < 5; ++i) bench.step();
  const double before = cpu::peak(o.precision, o.threads, 80);
  std::vector<double> times;
  double sum = 0;
  while (times.size() < static_cast<std::size_t>(o.steps) || (sum < o.seconds && times.size() < 2000))
    sum += times.emplace_back(bench.step());
  const double peak = std::max(before, cpu::peak(o.precision, o.threads, 80));
  std::ranges::sort(times);
  const double best = times.front(), median = times[times.size() / 2], tokens = static_cast<double>(o.batch) * context;
  const double gflops = flops_per_token(*model, cost, context) * tokens / best * 1e-9;
  if (o.json) {
    JsonObject json;
    json.add("best_ms", best * 1e3).add("median_ms", median * 1e3).add("tokens_per_second", tokens / best).add("gflops", gflops);
    json.add("peak_gflops", peak)
        .add("percent_of_peak", 100 * gflops / peak)
        .add("steps", times.size())
        .add("threads", o.threads);
    json.add("dtype", name_of(o.precision)).add("batch", o.batch).add("context", context).add("parameters", cost.parameters).add("model", genome.text());
    std::printf("%s\n", json.text().c_str());
  } else {
    std::printf("best %.3f ms, median %.3f ms of %zu steps; %.0f tokens/s\n", best * 1e3, median * 1e3, times.size(),
                tokens / best);
    std::printf("%.1f GFLOP/s of %.1f at the same time: %.1f %% of peak\n", gflops, peak, 100 * gflops / peak);
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
      "FLOPs of a token are counted as 6 n + 12 L d T; gflops and percent_of_peak belong to the best step.",
      run);
  app->add_option("TEXT", o->text, "the model, as a C++ type; - reads it from stdin")->required();
  app->add_option("--batch", o->batch, "sequences")->check(CLI::PositiveNumber)->capture_default_str();
  app->add_option("--context", o->context, "positions of a sequence (default: the model's Context)")->check(CLI::PositiveNumber);
  app->add_option("--threads", o->threads, "threads")->check(CLI::PositiveNumber)->capture_default_str();
  add_dtype(*app, o->precision);
  app->add_option("--steps", o->steps, "at least so many timed steps")->check(CLI::PositiveNumber)->capture_default_str();
  app->add_option("--seconds", o->seconds, "and at least for so long")->check(CLI::NonNegativeNumber)->capture_default_str();
  app->add_option("--vocab", o->sizes.vocab, "Vocab, where TEXT has none")->check(CLI::PositiveNumber);
  app->add_option("--width", o->sizes.width, "Width, where TEXT has none")->check(CLI::PositiveNumber);
  app->add_option("--model-context", o->sizes.context, "Context, where TEXT has none")->check(CLI::PositiveNumber);
  app->add_flag("--json", o->json, "print a JSON object");
}

}  // namespace command
