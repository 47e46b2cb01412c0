#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <string>

#include "common.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/serve/evaluator_server.hpp"
#include "genoform/search/serve/genome_cost.hpp"
#include "genoform/search/workers/worker_pool.hpp"
#include "numbers.hpp"
#include "search_options.hpp"
#include "signals.hpp"
#include "step_table_file.hpp"
#include "worker_setup.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

std::unique_ptr<Estimator> oracle_of(const SearchOptions& o, const ModelSizes& sizes) {
  const SearchRequest& request = o.request;
  if (request.oracle == "table") return std::make_unique<TableOracle>(sizes, table_of_study(o.table_of, request.training.bf16));
  if (request.oracle == "flops") return std::make_unique<FlopsOracle>(sizes, request.flops_per_second);
  return std::make_unique<MeasuredOracle>(sizes);
}

/// False when nobody reads.
bool write_to_stdout(const std::string& text) {
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE) return false;
    if (n <= 0) throw Exception({ErrorKind::resources, "stdout: the output could not be written"});
    written += static_cast<std::size_t>(n);
  }
  return true;
}

int run(const SearchOptions& given) {
  SearchOptions o = given;
  complete(o);
  const SearchRequest& request = o.request;
  if (request.training.data.empty()) usage_error("genoform serve-evaluator: --data is required");
  check_used(o, request.oracle == "table", {"--table"}, "with --oracle " + request.oracle);
  if (request.oracle == "table" && o.table_of.empty())
    usage_error("genoform serve-evaluator: --oracle table needs --table, the file of a study that has such a table");
  const Corpus corpus = Corpus::from_file(request.training.data).value();
  corpus.check_context(static_cast<std::size_t>(request.training.context)).value();
  const BlockSpace space(request.space_options());
  const ModelSizes sizes(request.training.batch, request.training.context);
  const std::unique_ptr<Estimator> oracle = oracle_of(o, sizes);

  const Signals signals;
  WorkerPool workers(o.workers, program_launcher({"/proc/self/exe", "worker"}),
                     json_of(WorkerSetup{request.training, TextIdentity::of(corpus)}));
  const auto cost = [&](const std::string& text, int batch) { return genome_cost(sizes, *oracle, text, batch); };
  EvaluatorServer server({space, &space, cost, request.study.budget}, workers);
  LineReader input(STDIN_FILENO, EvaluatorServer::max_line);
  const auto stop = [&] { return signals.exit_code() != 0 ? Stop::now : Stop::no; };
  switch (server.run(input, write_to_stdout, stop)) {
    case EvaluatorServer::End::of_input: return 0;
    case EvaluatorServer::End::stopped: return signals.exit_code();
    case EvaluatorServer::End::unread: return 128 + SIGPIPE;
  }
  return 0;
}

}  // namespace

void add_serve_evaluator(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<SearchOptions>(
      program, commands, "serve-evaluator", "Train models of a space for another optimizer: JSON lines on stdin and stdout.",
      "  echo '{\"id\": 1, \"sample\": {\"seed\": 7}}' | genoform serve-evaluator --data austen/\n"
      "  genoform serve-evaluator --data austen/ --sub-layers 1-4 --budget 3 --oracle flops\n"
      "  docs/ask_and_tell.md has all requests, examples/optuna/ a client",
      run);
  o->command = app;
  o->workers = 1;
  o->request.oracle = "measured";
  add_training(*app, *o);
  add_number(*app, "--budget", o->request.study.budget, "seconds of training of a request without a budget of its own", above(0))
      ->capture_default_str();
  app->add_option("--oracle", o->request.oracle,
                  "step time measured before each training (not repeatable), by FLOPs, or from the table of a study")
      ->check(CLI::IsMember({"measured", "flops", "table"}))
      ->capture_default_str();
  app->add_option("--table", o->table_of, "the study whose table of step times --oracle table takes");
}

}  // namespace command
