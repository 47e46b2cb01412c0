#include "genoform/search/workers/worker.hpp"
#include "common.hpp"
#include "genoform/io/json_fields.hpp"
#include "training_evaluators.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options {};

int run(const Options&) {
  return run_worker_on_standard_streams(
      [](const nlohmann::json& setup) { return make_training_evaluator(from_json<TrainingSetup>(setup, "setup")); });
}

}  // namespace

void add_worker(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "worker", "Train for a search that started this process.",
                                       "  only genoform search does", run);
  app->group("");
}

}  // namespace command
