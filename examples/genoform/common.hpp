#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/core/result.hpp"
#include "numbers.hpp"

/// The program genoform: one file a subcommand. A file defines add_<verb>(program, commands), which is listed in main.cpp.
namespace command {

/// A subcommand and what it does once the line is parsed: returns the exit code, throws genoform::Exception for an error.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};
using Commands = std::vector<Command>;

/// Adds a subcommand whose options live in `Options`, which `run` gets. `examples`: lines for the end of --help.
template <class Options>
std::pair<CLI::App*, std::shared_ptr<Options>> add_command(CLI::App& program, Commands& commands, const std::string& verb,
                                                           const std::string& description, const std::string& examples,
                                                           int (*run)(const Options&)) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand(verb, description);
  app->footer("Examples:\n" + examples);
  commands.push_back({app, [options, run] { return run(*options); }});
  return {app, options};
}

/// --dtype of a command that computes.
inline CLI::Option* add_dtype(CLI::App& app, genoform::cpu::Precision& precision) {
  using genoform::cpu::Precision;
  return app
      .add_option_function<std::string>(
          "--dtype", [&precision](const std::string& name) { precision = name == "bf16" ? Precision::bf16 : Precision::f32; },
          "f32, or bf16: products and activations in bf16, weights, gradients, sums and routers in f32 (default: f32)")
      ->check(CLI::IsMember({"f32", "bf16"}));
}

/// --threads and --thread-invariant of a command that computes; threads 0: one a processor.
inline void add_threads(CLI::App& app, genoform::CpuOptions& cpu) {
  add_number(app, "--threads", cpu.threads,
             "threads (default: " + (cpu.threads > 0 ? std::to_string(cpu.threads) : "one a processor") + ")",
             from_to(1, genoform::cpu::max_threads));
  app.add_flag("--thread-invariant", cpu.thread_invariant, "the same bits for any number of threads, for some percent more time");
}

/// These and --dtype.
inline void add_cpu_options(CLI::App& app, genoform::CpuOptions& cpu) {
  add_threads(app, cpu);
  add_dtype(app, cpu.precision);
}

/// An error of usage (exit code 2), one line.
[[noreturn]] inline void usage_error(const std::string& message) {
  throw genoform::Exception({genoform::ErrorKind::usage, message});
}

void add_train(CLI::App& program, Commands& commands);
void add_eval(CLI::App& program, Commands& commands);
void add_sample(CLI::App& program, Commands& commands);
void add_print(CLI::App& program, Commands& commands);
void add_inspect(CLI::App& program, Commands& commands);
void add_grad(CLI::App& program, Commands& commands);
void add_bench(CLI::App& program, Commands& commands);
void add_doctor(CLI::App& program, Commands& commands);
void add_search(CLI::App& program, Commands& commands);
void add_serve_evaluator(CLI::App& program, Commands& commands);
void add_best(CLI::App& program, Commands& commands);
void add_ablate(CLI::App& program, Commands& commands);
void add_confirm(CLI::App& program, Commands& commands);
void add_dna(CLI::App& program, Commands& commands);
void add_space(CLI::App& program, Commands& commands);
void add_report(CLI::App& program, Commands& commands);
void add_zoo(CLI::App& program, Commands& commands);
void add_worker(CLI::App& program, Commands& commands);

}  // namespace command
