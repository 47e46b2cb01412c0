#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "common.hpp"
#include "genoform/report/json.hpp"
#include "genoform/report/progress.hpp"
#include "genoform/train.hpp"
#include "models.hpp"
#include "optimizers.hpp"
#include "signals.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;

struct Options {
  std::string text, data, out, start, schedule = "cosine";
  OptimizerOptions optimizer;
  Sizes sizes;
  TrainOptions train{.log = {}};
  int save_every = 0;
  CpuOptions cpu{.threads = 0};
  std::uint64_t model_seed = 1;
  bool resume = false, quiet = false, json = false, dry_run = false;
};

/// What a run needs, before it starts: `--dry-run` prints it and stops.
void print_needs(const Genome& genome, const TrainOptions& t, cpu::Precision precision) {
  const int context = t.context > 0 ? t.context : genome.decoder().context;
  const Cost cost = cost_of(genome, t.batch, context, training_layout(t.recompute, precision));
  const std::int64_t bytes = training_bytes(genome, cost, t.optimizer);
  JsonObject json;
  json.add("model", genome.text()).add("parameters", cost.parameters).add("activated_parameters", cost.activated_parameters);
  json.add("training_flops_per_step", cost.training_flops() * t.accumulate)
      .add("bytes", bytes)
      .add("bytes_available", available_memory());
  std::printf("%s\n", json.text().c_str());
}

/// One line of how the run stands, in a buffer of its own.
struct ProgressText {
  char text[160];
  std::string_view line(const Step& s, int steps, double last_validation) {
    int size = std::snprintf(text, sizeof text, "step %d/%d  %.3f bits/byte (training batch)  %.0f tokens/s", s.index, steps,
                             s.bits_per_byte, s.tokens_per_second);
    if (last_validation > 0)
      size += std::snprintf(text + size, sizeof text - static_cast<std::size_t>(size), "  validation %.4f", last_validation);
    return {text, static_cast<std::size_t>(size)};
  }
};

void print_result(const Options& o, const CpuModel& model, const Step& last, double seconds) {
  if (o.json) {
    JsonObject json;
    json.add("out", o.out).add("steps", last.index).add("tokens", last.tokens).add("validation_bits_per_byte", last.validation);
    json.add("pool_bits_per_byte", last.bits_per_byte)
        .add("seconds", seconds)
        .add("parameters", model.parameters().size())
        .add("model", model.text());
    std::printf("%s\n", json.text().c_str());
  } else if (last.was_validated()) {
    std::printf("%.4f bits per byte, causal, on the validation text after %d steps; %s\n", last.validation, last.index,
                o.out.c_str());
  } else {
    std::printf("%d steps; %s\n", last.index, o.out.c_str());
  }
}

/// What shapes a run beside the options of its trainer: a resumed one must have the same.
checkpoint::RunSettings settings_of(const Options& o) {
  return {{"model seed", std::to_string(o.model_seed)},
          {"start", o.start.empty() ? "" : std::filesystem::absolute(o.start).lexically_normal().string()}};
}

/// The error that ends a run, once what the run has reached is saved: as a checkpoint, and as a model folder for another run to
/// start from.
Exception saved(const Error& error, const Options& o, CpuModel& model, Trainer<Cpu>& trainer, int steps_before) {
  const int done = trainer.steps_done();
  if (done == steps_before) return Exception(error);
  Result<void> written = trainer.save(o.out, settings_of(o));
  if (written) written = save(model, o.out);
  const std::string state = written ? o.out + ": saved after step " + std::to_string(done) + "; --start takes these weights"
                                    : "nothing of step " + std::to_string(done) + " could be saved: " + written.error().message;
  return Exception({error.error_kind, error.message + "; " + state});
}

/// Saves the run where it stands; it ends by a signal.
int stop(const Options& o, Trainer<Cpu>& trainer, const Signals& signals) {
  trainer.save(o.out, settings_of(o)).value();
  std::fprintf(stderr, "%s: saved after step %d; the same command with --resume goes on\n", o.out.c_str(), trainer.steps_done());
  return signals.exit_code();
}

/// The loop. Returns the exit code; every way out has saved what is finite.
int train(const Options& o, CpuModel& model, Trainer<Cpu>& trainer, const Corpus& corpus, const Signals& signals) {
  Progress progress(o.quiet ? Progress::Mode::quiet : Progress::Mode::automatic);
  ProgressText text;
  const auto start = std::chrono::steady_clock::now();
  trainer.meet(corpus).value();
  const int steps_before = trainer.steps_done();
  const double unknown = std::nan("");
  Step last{.index = steps_before, .bits_per_byte = unknown, .tokens = trainer.tokens_done()};
  double validation = 0;
  while (trainer.steps_done() < o.train.steps) {
    const Result<Step> step = trainer.step(corpus);
    if (!step) {
      progress.finish();
      if (step.error().error_kind == ErrorKind::interrupted) return stop(o, trainer, signals);
      throw saved(step.error(), o, model, trainer, steps_before);
    }
    last = *step;
    if (last.was_validated()) validation = last.validation;
    const auto line = text.line(last, o.train.steps, validation);
    if (last.was_validated())
      progress.show_now(line);
    else
      progress.show(line);
    if (signals.exit_code() != 0) {
      progress.finish();
      return stop(o, trainer, signals);
    }
    if (o.save_every > 0 && last.index % o.save_every == 0) trainer.save(o.out, settings_of(o)).value();
  }
  progress.finish();
  trainer.save(o.out, settings_of(o)).value();
  save(model, o.out).value();
  if (!last.was_validated() && o.train.windows > 0) {
    const Result<double> validation_now = trainer.validate(corpus);
    if (!validation_now && validation_now.error().error_kind == ErrorKind::interrupted) return signals.exit_code();
    last.validation = validation_now.value();
  }
  print_result(o, model, last, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return 0;
}

/// The first file of a folder that no training wrote; empty where there is none. A run that was killed before its first
/// checkpoint leaves logs and temporary files.
std::string foreign_file(const std::string& folder) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    const std::string name = entry.path().filename().string();
    const bool is_temporary = name.starts_with("checkpoint.safetensors.tmp.") || name.starts_with("model.safetensors.tmp.") ||
                              name.starts_with("config.json.");
    if (!is_temporary && name != "log.jsonl" && name != "log.csv") return name;
  }
  return {};
}

void check_folder(const Options& o) {
  const bool there = checkpoint::exists(o.out);
  if (o.resume && !there) throw Exception({ErrorKind::input, checkpoint::path_in(o.out) + ": no checkpoint to resume"});
  if (!o.resume && (there || std::filesystem::exists(io::model_folder::config_file(o.out))))
    usage_error(o.out + ": holds a model already; take another --out, or --resume to go on");
  if (const std::string foreign = o.resume ? "" : foreign_file(o.out); !foreign.empty())
    usage_error(o.out + ": holds other files, as " + in_quotes(foreign) + "; --out takes a new or an empty folder");
  std::error_code failed;
  std::filesystem::create_directories(o.out, failed);
  if (failed) throw Exception({ErrorKind::resources, o.out + ": cannot be made: " + failed.message()});
}

int run(const Options& given) {
  Options o = given;
  o.train.schedule.kind = o.schedule == "cosine" ? Schedule::Kind::cosine : Schedule::Kind::reciprocal_square_root;
  o.train.optimizer = optimizer_of(o.optimizer);
  const Genome open = read_genome(o.text);
  if (open.decoder().vocab == 0 && o.sizes.vocab == 0) o.sizes.vocab = static_cast<int>(ByteTokenizer::vocabulary);
  const Genome genome = with_sizes(open, o.sizes);
  if (o.dry_run) {
    print_needs(genome, o.train, o.cpu.precision);
    return 0;
  }
  if (o.out.empty() || o.data.empty()) usage_error("genoform train: --data and --out are required");
  const Corpus corpus = Corpus::from_file(o.data);
  check_folder(o);
  o.train.log = o.out;
  // Before initial values are sampled, which takes minutes for a model that does not fit.
  const int longest = genome.decoder().context;
  const int context = o.train.context > 0 ? std::min(o.train.context, longest) : longest;
  const Cost cost = cost_of(genome, o.train.batch, context, training_layout(o.train.recompute, o.cpu.precision));
  require_memory(training_bytes(genome, cost, o.train.optimizer), "training");
  const auto model = make_model(genome, o.model_seed, o.cpu);
  if (!o.start.empty() && !o.resume) load(*model, o.start).value();
  const Signals signals;
  o.train.interrupted = [&signals] { return signals.exit_code() != 0; };
  Trainer trainer(*model, o.train, optimizers());
  if (o.resume) trainer.resume(o.out, settings_of(o)).value();
  return train(o, *model, trainer, corpus, signals);
}

void add_schedule(CLI::App& app, Options& o) {
  app.add_option("--schedule", o.schedule,
                 "cosine: warm-up, then down to a tenth; rsqrt: constant, then 1/sqrt(step), as in the papers")
      ->check(CLI::IsMember({"cosine", "rsqrt"}))
      ->capture_default_str();
  add_number(app, "--warm-up", o.train.schedule.warm_up,
             "steps of linear warm-up, or of the constant part of rsqrt (default: a twentieth)", at_least(0));
}

void add_router_training(CLI::App& app, RouterTraining& o) {
  add_number(app, "--router-z-loss", o.z_loss,
             "coefficient of the routers' z-loss, the mean of logsumexp(logits)^2 (ST-MoE: 0.001)", at_least(0))
      ->capture_default_str();
  add_number(app, "--router-jitter", o.jitter,
             "noise on the input of token-choice routers in training: times uniform(1 - x, 1 + x) (Switch: 0.01)",
             from_to(0.0, 0.999))
      ->capture_default_str();
}

}  // namespace

void add_train(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "train", "Train a model on a text and write a model folder.",
      "  genoform train 'Decoder<Stack<Block<Attn, Ffn<SqReLU>>, 4>, Width<128>, Context<64>>' --data novel.txt --out my-net\n"
      "  genoform train - --data austen/ --out my-net --steps 2000 --batch 12 --warm-up 100 --validate-every 500 < model.txt\n"
      "  genoform train ... --optimizer adafactor --beta2 0.99 --learning-rate 0.01 --schedule rsqrt --warm-up 10000    as "
      "Brainformer\n"
      "  genoform train ... --out my-net --resume      go on after Ctrl-C, with the same other options",
      run);
  app->add_option("TEXT", o->text, "the model, as a C++ type; - reads it from stdin")->required();
  app->add_option("--data", o->data, "a text file, split 90 / 5 / 5, or a folder with train.txt, val.txt and test.txt");
  app->add_option(
      "--out", o->out,
      "the folder to write, new or empty: config.json, model.safetensors, checkpoint.safetensors, log.jsonl, log.csv");
  add_number(*app, "--vocab", o->sizes.vocab, "Vocab, where TEXT has none (default: 256, bytes)", at_least(1));
  add_number(*app, "--width", o->sizes.width, "Width, where TEXT has none", at_least(1));
  add_number(*app, "--model-context", o->sizes.context, "Context, where TEXT has none", at_least(1));
  add_number(*app, "--steps", o->train.steps, "steps of the optimizer", at_least(1))->capture_default_str();
  add_number(*app, "--batch", o->train.batch, "sequences of a micro-batch", at_least(1))->capture_default_str();
  add_number(*app, "--accumulate", o->train.accumulate, "micro-batches of a step", at_least(1))->capture_default_str();
  add_number(*app, "--context", o->train.context, "positions of a sequence (default: the model's Context)", at_least(1));
  add_number(*app, "--learning-rate", o->train.learning_rate, "the largest learning rate", above(0))->capture_default_str();
  add_schedule(*app, *o);
  add_optimizer(*app, o->optimizer);
  add_router_training(*app, o->train.routers);
  app->add_option("--freeze", o->train.frozen,
                  "tensors that stay as they are: a name, with * for any characters, as in 'blocks.0.*'; may be repeated")
      ->allow_extra_args(false);
  add_number(*app, "--validate-every", o->train.validate_every, "steps between validations (default: at the end only)",
             at_least(1));
  add_number(*app, "--windows", o->train.windows, "validation windows; 0: none", from_to(0, max_windows))->capture_default_str();
  add_number(*app, "--save-every", o->save_every, "steps between checkpoints (default: at the end and on a signal)", at_least(1));
  app->add_option("--start", o->start,
                  "a folder of the same model whose weights the run starts from (default: fresh ones by --seed)");
  add_number(*app, "--seed", o->model_seed, "of the initial values", any_number())->capture_default_str();
  add_number(*app, "--data-seed", o->train.seed, "of the order of the data", any_number())->capture_default_str();
  add_cpu_options(*app, o->cpu);
  app->add_flag(
      "--recompute", o->train.recompute,
      "keep only the residual stream between blocks and compute the rest again on the backward pass: the same bits in less "
      "memory, for about a third more time");
  app->add_flag("--resume", o->resume, "go on from the checkpoint in --out, to the same bits as without the break");
  app->add_flag("--dry-run", o->dry_run, "print parameters, FLOPs and memory as JSON and stop");
  app->add_flag("--quiet", o->quiet, "no progress on stderr");
  app->add_flag("--json", o->json, "print the result as a JSON object");
}

}  // namespace command
