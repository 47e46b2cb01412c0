#include <cstdint>
#include <memory>
#include <string>

#include "common.hpp"
#include "genoform/search/evaluator/training_evaluator.hpp"
#include "genoform/search/workers/worker.hpp"
#include "models.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options {};

int run(const Options&) {
  return run_worker_on_standard_streams([](const nlohmann::json& setup) {
    const auto training = from_json<TrainingSetup>(setup, "setup");
    const auto precision = training.bf16 ? cpu::Precision::bf16 : cpu::Precision::f32;
    return std::make_unique<TrainingEvaluator<Cpu>>(training, [precision](const std::string& text, std::uint64_t seed) {
      return make_model(read_genome(text), seed, {.threads = 1, .precision = precision});
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
