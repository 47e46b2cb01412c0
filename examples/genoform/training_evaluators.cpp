#include "training_evaluators.hpp"

#include <cstdint>
#include <string>

#include "genoform/search/evaluator/training_evaluator.hpp"
#include "models.hpp"

using namespace genoform;
using namespace genoform::search;

std::unique_ptr<Evaluator> command::make_training_evaluator(const TrainingSetup& setup) {
  const auto precision = setup.bf16 ? cpu::Precision::bf16 : cpu::Precision::f32;
  return std::make_unique<TrainingEvaluator<Cpu>>(setup, [precision](const std::string& text, std::uint64_t seed) {
    return make_model(read_genome(text), seed, {.threads = 1, .precision = precision});
  });
}
