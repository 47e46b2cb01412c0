#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/core/random.hpp"
#include "genoform/dna/graph.hpp"
#include "genoform/dna/mutation.hpp"
#include "genoform/dna/probe.hpp"
#include "genoform/dna/program_text.hpp"
#include "genoform/dna/seeds.hpp"
#include "genoform/genome/suggest.hpp"
#include "genoform/io/mapped_file.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::dna;

struct Options {
  std::string program;
  BlockSizes sizes{};
  int context = 512;
  int steps = 1;
  std::uint64_t seed = 1;
};

/// A program by its name or file; the sizes are those of a named one.
Program program_of(const Options& o) {
  std::vector<std::string_view> names;
  for (const NamedProgram& named : named_programs()) {
    if (named.name == o.program) return named.program(o.sizes);
    names.push_back(named.name);
  }
  if (!std::filesystem::exists(o.program))
    usage_error(in_quotes(o.program) + ": neither a file nor the name of a program; allowed: " + listed(names) +
                grammar::suggestion(o.program, names));
  const MappedFile file = MappedFile::open(o.program);
  Result<Program> program = parse_program(file.text());
  if (!program) throw Exception({program.error().error_kind, o.program + ":" + program.error().message});
  return *std::move(program);
}

int list_programs() {
  for (const NamedProgram& named : named_programs()) {
    const std::string name(named.name), what(named.what);
    std::printf("%-12s %s\n", name.c_str(), what.c_str());
  }
  return 0;
}

/// What is known of a program before it is trained, as comments of its text.
void print_facts(const Program& program, const Options& o) {
  std::size_t instructions = 0;
  for (const Subprogram& subprogram : program.subprograms) instructions += subprogram.size();
  std::printf("# %zu instructions in %zu subprograms\n", instructions, program.subprograms.size());
  const Result<Graph> graph = graph_of(program, o.sizes.width, o.context);
  if (!graph) return static_cast<void>(std::printf("# cannot be computed: %s\n", graph.error().message.c_str()));
  std::printf("# width %d: %zu primitives with all calls written out, %lld parameters\n", o.sizes.width, graph->nodes.size() - 1,
              static_cast<long long>(graph->parameters()));
  constexpr std::int64_t small = 32;  // the probe is for the form of a program, and takes plain loops
  const Result<Graph> probed = graph_of(program, small, small);
  const Result<void> check = probed ? check_probe(*probed) : Result<void>(probed.error());
  const std::string verdict = check ? "finite and causal on a random sequence" : check.error().message;
  std::printf("# width %lld: %s\n", static_cast<long long>(small), verdict.c_str());
}

int show(const Options& o) {
  if (o.program.empty()) return list_programs();
  const Program program = program_of(o);
  std::printf("%s", program_text_of(program, ProgramLayout::lines).c_str());
  print_facts(program, o);
  return 0;
}

int mutate(const Options& o) {
  Program program = program_of(o);
  for (int step = 0; step < o.steps; ++step) {
    RandomStream samples(Random(o.seed, stream_of("dna.mutate")), static_cast<std::uint64_t>(step) << 32);
    program = mutated_until_different(program, o.sizes.width, o.context, samples);
  }
  std::printf("%s", program_text_of(program, ProgramLayout::lines).c_str());
  print_facts(program, o);
  return 0;
}

void add_program_options(CLI::App& app, Options& o) {
  add_number(app, "--width", o.sizes.width, "of the model; a program has relative widths (default: 512)", from_to(1, 65536));
  add_number(app, "--heads", o.sizes.heads, "of a program by name: 1, 2, 4, 8 or 16 (default: 8)", from_to(1, 16))
      ->check(CLI::IsMember({1, 2, 4, 8, 16}));
  add_number(app, "--context", o.context, "positions (default: 512)", from_to(1, 65536));
}

}  // namespace

void add_dna(CLI::App& program, Commands& commands) {
  CLI::App& dna = *program.add_subcommand("dna", "Programs of primitive operations: the search space of the Primer paper.");
  dna.require_subcommand(1);
  dna.footer(
      "docs/formats/program.md describes programs. Examples:\n  genoform dna show primer-ez\n  genoform dna mutate transformer "
      "--steps 5");
  auto [shown, to_show] = add_command<Options>(dna, commands, "show", "Print a program and what is known of it without training.",
                                               "  genoform dna show                        the programs that have names\n"
                                               "  genoform dna show primer-ez > mine.txt   to be edited\n"
                                               "  genoform dna show mine.txt --width 64",
                                               show);
  shown->add_option("PROGRAM", to_show->program,
                    "a name of the list, or a file (docs/formats/program.md); without it the names are listed");
  add_program_options(*shown, *to_show);
  auto [mutated, to_mutate] =
      add_command<Options>(dna, commands, "mutate", "Print a random program some mutations away from another.",
                           "  genoform dna mutate transformer --steps 5 --seed 2", mutate);
  mutated->add_option("PROGRAM", to_mutate->program, "a name of the list of genoform dna show, or a file")->required();
  add_program_options(*mutated, *to_mutate);
  add_number(*mutated, "--steps", to_mutate->steps, "mutations, each of which changes what is computed (default: 1)",
             from_to(1, 10000));
  add_number(*mutated, "--seed", to_mutate->seed, "of the random numbers (default: 1)", at_least(0));
}

}  // namespace command
