// The command-line program. Exit codes: docs/formats/model.md section 5, that is enum ErrorKind and 128 + a signal.
#include "program.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include "common.hpp"
#include "genoform/genome/suggest.hpp"
#include "genoform/io/standard_descriptors.hpp"
#include "genoform/version.hpp"

namespace {

using namespace command;

constexpr const char* epilogue =
    "Results go to stdout, progress and errors to stderr.\n"
    "Exit: 0 fine, 2 wrong usage, 3 wrong text or file, 4 no memory or disk, 5 training became non-finite, 6 a search found "
    "no genome, 129/130/143 ended by a signal after saving, 141 nobody reads the output.\n"
    "Examples:\n"
    "  genoform search --data austen/ --study study.sqlite --max-time 8\n"
    "  genoform train 'Decoder<Stack<Block<Attn, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<64>>' --data novel.txt --out "
    "my-net\n"
    "  genoform inspect my-net";

std::string version_text() {
#ifdef __clang__
  constexpr const char* compiler = "clang " __clang_version__;
#else
  constexpr const char* compiler = "g++ " __VERSION__;
#endif
  return std::string("genoform ") + genoform::library_version + ", files " + genoform::file_format + ", built with " + compiler;
}

int fail(int code, const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", message.c_str());
  return code;
}

/// A first word that is no command, with the nearest one that is.
std::string unknown_command(const CLI::App& program, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  const std::vector<std::string_view> views(names.begin(), names.end());
  return "unknown command \"" + word + "\"" + genoform::inner::grammar::suggestion(word, views);
}

/// The exit code of a command whose output is complete, unless it could not be written.
int complete(int code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  return fail(static_cast<int>(genoform::ErrorKind::resources), "stdout: the output could not be written");
}

/// The help, the version, or an error of usage in one line.
int answer(const CLI::App& program, const CLI::ParseError& error, const std::string& first) {
  if (error.get_exit_code() == 0) return complete(program.exit(error));
  const auto chosen = program.get_subcommands();
  const std::string name = chosen.empty() ? "genoform" : "genoform " + chosen.front()->get_name();
  const bool no_command = chosen.empty() && !first.empty() && first.front() != '-';
  std::string message = no_command ? unknown_command(program, first) : error.what();
  for (char& c : message)
    if (c == '\n') c = ' ';
  return fail(static_cast<int>(genoform::ErrorKind::usage), name + ": " + message + "; " + name + " --help says what it takes");
}

int run(const Commands& commands) {
  for (const Command& command : commands)
    if (command.app->parsed()) return complete(command.run());
  return static_cast<int>(genoform::ErrorKind::usage);
}

/// Adds the commands and their options, some of whose defaults come from the machine and the environment.
Commands add_commands(CLI::App& program) {
  Commands commands;
  add_train(program, commands);
  add_eval(program, commands);
  add_sample(program, commands);
  add_print(program, commands);
  add_inspect(program, commands);
  add_grad(program, commands);
  add_bench(program, commands);
  add_doctor(program, commands);
  add_search(program, commands);
  add_best(program, commands);
  add_ablate(program, commands);
  add_confirm(program, commands);
  add_serve_evaluator(program, commands);
  add_space(program, commands);
  add_dna(program, commands);
  add_report(program, commands);
  add_zoo(program, commands);
  add_worker(program, commands);
  return commands;
}

}  // namespace

int command::run_program(int argc, char** argv) {
  genoform::inner::io::occupy_standard_descriptors();
  std::signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of file sizes is an error like a full disk
  CLI::App program("Transformer architectures as C++ types, and an evolutionary search that finds them.", "genoform");
  program.footer(epilogue);
  program.require_subcommand(1);
  program.set_version_flag("--version", version_text());
  try {
    const Commands commands = add_commands(program);
    program.parse(argc, argv);
    return run(commands);
  } catch (const CLI::ParseError& error) {
    return answer(program, error, argc > 1 ? argv[1] : "");
  } catch (const genoform::Exception& failure) {
    return fail(static_cast<int>(failure.error_kind()), failure.what());
  } catch (const std::bad_alloc&) {
    return fail(static_cast<int>(genoform::ErrorKind::resources), "no memory left; take a smaller batch, context or model");
  } catch (const std::exception& error) { return fail(static_cast<int>(genoform::ErrorKind::input), error.what()); }
}
