#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "common.hpp"
#include "genoform/backend/cpu/machine/bandwidth.hpp"
#include "genoform/backend/cpu/machine/peak.hpp"
#include "genoform/io/atomic_file.hpp"
#include "genoform/report/diagram.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/svg_diagram.hpp"
#include "genoform/report/text_table.hpp"
#include "memory.hpp"
#include "models.hpp"
#include "optimizers.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string what, svg;
  Sizes sizes;
  int batch = 12, context = 0;
  CpuOptions cpu;
  OptimizerOptions optimizer;
  bool trace = false, json = false, memory = false, recompute = false;
};

struct Figures {
  Cost cost;
  std::int64_t training_bytes = 0;  ///< parameters, gradients, the optimizer's state, activations
  double step_seconds = 0;          ///< of a training step on one thread, from FLOPs, bytes and the peak of the moment
};

Figures figures_of(const Genome& genome, Shape shape, const PassLayout& layout, const Options& o) {
  const cpu::Precision precision = o.cpu.precision;
  Figures f{.cost = cost_of(genome, shape.batch, shape.context, layout)};
  f.training_bytes = training_bytes(genome, f.cost, optimizer_of(o.optimizer));
  // Found by comparing with genoform bench from width 64 to 512: products run at about three quarters of the peak in f32, at all
  // of it where they are split on AMX, at two fifths in bf16; each kept number is moved some six times, each parameter seven
  // times, at half the rate of reading.
  const bool splits = cpu::split_products(cpu::best_instruction_set()) != nullptr;
  const double share = precision.is_bf16() ? 0.4e9 : splits ? 1e9 : 0.75e9;
  const double products = static_cast<double>(f.cost.training_flops() + (layout.recompute ? f.cost.forward_flops : 0)) /
                          (share * cpu::peak(precision, 1, 30));
  const std::int64_t kept = f.cost.kept_bytes(), weights = f.cost.weight_bytes();
  const double learning_rate = 0.5e9 * cpu::read_bandwidth(std::min<std::int64_t>(kept + weights, 64 << 20));
  f.step_seconds = products + (6.0 * static_cast<double>(kept) + 7.0 * static_cast<double>(weights)) / learning_rate;
  return f;
}

void print_text(const Genome& genome, Shape shape, const std::optional<Figures>& f) {
  std::printf("%s\n\n%s\n", genome.text().c_str(), diagram_of(genome, shape).c_str());
  if (!f) {
    std::printf(
        "parameters, FLOPs and memory need Vocab, Width and Context; give --vocab, --width and --model-context to a Decoder\n");
    return;
  }
  const Cost& c = f->cost;
  const auto shape_text = std::to_string(shape.batch) + " x " + std::to_string(shape.context) + " tokens";
  char time[64];
  std::snprintf(time, sizeof time, "%.2f ms", f->step_seconds * 1e3);
  TextTable table({"parameters", grouped(c.parameters)});
  table.add({"activated parameters", grouped(c.activated_parameters)});
  table.add({"router state, numbers", grouped(c.state_elements)});
  table.add({"FLOPs forward, " + shape_text, grouped(c.forward_flops)});
  table.add({"FLOPs of a training step", grouped(c.training_flops())});
  table.add({"weights", bytes_text(c.weight_bytes())});
  table.add({"activations kept for the backward pass", bytes_text(c.kept_bytes())});
  table.add({"memory of training in all", bytes_text(f->training_bytes)});
  table.add({"training step on one thread, estimate", time});
  std::fputs(table.text().c_str(), stdout);
}

void print_json(const Genome& genome, Shape shape, const std::optional<Figures>& f) {
  JsonObject json;
  json.add("model", genome.text());
  if (f) {
    const Cost& c = f->cost;
    json.add("batch", shape.batch)
        .add("context", shape.context)
        .add("parameters", c.parameters)
        .add("activated_parameters", c.activated_parameters);
    json.add("state", c.state_elements).add("forward_flops", c.forward_flops).add("training_flops", c.training_flops());
    json.add("weight_bytes", c.weight_bytes()).add("kept_bytes", c.kept_bytes()).add("training_bytes", f->training_bytes);
    json.add("step_ms_estimate", f->step_seconds * 1e3);
  }
  std::printf("%s\n", json.text().c_str());
}

int run(const Options& o) {
  const bool is_folder = std::filesystem::is_directory(o.what);
  Genome genome = is_folder ? genome_of_folder(o.what) : read_genome(o.what);
  if (genome.is_model() && (o.sizes.vocab > 0 || o.sizes.width > 0 || o.sizes.context > 0))
    genome = genome.with_sizes(o.sizes.vocab, o.sizes.width, o.sizes.context);
  const bool whole = genome.is_model() && genome.has_sizes();
  const Shape shape{o.batch, o.context > 0 ? o.context : whole ? genome.decoder().context : 1};
  if (o.trace && !whole) usage_error("--trace needs a Decoder with Vocab, Width and Context");
  if (o.memory && !whole) usage_error("--memory needs a Decoder with Vocab, Width and Context");
  if (o.trace && o.memory) usage_error("--trace and --memory are different reports; give one of them");
  const PassLayout layout = training_layout(o.recompute, o.cpu.precision);
  if (!o.svg.empty()) write_file_atomically(o.svg, svg_diagram_of(genome, shape)).value();
  if (o.trace) {
    print_trace(genome, shape, layout);
    return 0;
  }
  if (o.memory) {
    print_memory(genome, shape, o.recompute, o.cpu, optimizer_of(o.optimizer), o.json);
    return 0;
  }
  std::optional<Figures> figures;
  if (whole) figures = figures_of(genome, shape, layout, o);
  if (o.json)
    print_json(genome, shape, figures);
  else
    print_text(genome, shape, figures);
  return 0;
}

}  // namespace

void add_inspect(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "inspect", "Show a model: its parts, parameters, FLOPs, memory and an estimate of the time of a step.",
      "  genoform inspect my-net\n"
      "  genoform inspect 'Decoder<Stack<Block<Attn, Moe<Top2>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<64>>' --batch "
      "16\n"
      "  genoform inspect 'Decoder<Stack<Block<Attn, Ffn<>>, 6>>' --vocab 256 --width 384 --model-context 256 --trace\n"
      "  genoform inspect my-net --batch 64 --memory --recompute",
      run);
  app->add_option("FOLDER-or-TEXT", o->what, "a model folder, or a model or part as a C++ type; - reads it from stdin")
      ->required();
  add_number(*app, "--batch", o->batch, "sequences of the step that is counted", at_least(1))->capture_default_str();
  add_number(*app, "--context", o->context, "positions of a sequence (default: the model's Context)", at_least(1));
  add_number(*app, "--vocab", o->sizes.vocab, "another Vocab", at_least(1));
  add_number(*app, "--width", o->sizes.width, "another Width", at_least(1));
  add_number(*app, "--model-context", o->sizes.context, "another Context", at_least(1));
  app->add_option("--svg", o->svg, "a file to draw the block diagram into, as SVG; the rest is printed as well");
  app->add_flag("--trace", o->trace, "list every operation of a training step instead, with shapes, bytes and FLOPs");
  app->add_flag("--memory", o->memory,
                "explain the memory of a training step instead: what is kept for the backward pass and why, scratch, the peak");
  add_cpu_options(*app, o->cpu);
  add_optimizer(*app, o->optimizer);
  app->add_flag("--recompute", o->recompute, "the step recomputes blocks on the backward pass: less memory, more time");
  app->add_flag("--json", o->json, "print a JSON object");
}

}  // namespace command
