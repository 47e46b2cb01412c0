#include <unistd.h>

#include "common.hpp"
#include "genoform/search/training_evaluator.hpp"
#include "genoform/search/worker.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::search;

struct Options {};

int run(const Options&) {
  return run_worker(STDIN_FILENO, [](const nlohmann::json& setup) {
    return std::make_unique<TrainingEvaluator>(TrainingSetup::from_json(setup), [](const std::string& text, std::uint64_t seed) {
      return make_model(Genome::parse(text), seed, 1);
    });
  });
}

}  // namespace

void add_worker(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "worker", "Train for a search that started this process.",
                                       "  only genoform search does", run);
  app->group("");
}

}  // namespace command
