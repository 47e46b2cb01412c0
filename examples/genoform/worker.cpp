#include "genoform/search/workers/worker.hpp"

#include "common.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/workers/text_cache.hpp"
#include "training_evaluators.hpp"
#include "worker_setup.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options {};

int run(const Options&) {
  return run_worker_on_standard_streams([](const nlohmann::json& message, const TextPieces& ask) {
    const auto setup = from_json<WorkerSetup>(message, "setup");
    TrainingSetup training = setup.training;
    training.data = path_of_text(setup.text, training.data, ask);
    return make_training_evaluator(training);
  });
}

}  // namespace

void add_worker(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "worker", "Train for a search that started this process.",
                                       "  genoform search --launch \"ssh host{n} genoform worker\" ...", run);
  app->group("");
}

}  // namespace command
