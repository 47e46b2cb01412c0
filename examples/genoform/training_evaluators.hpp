#pragma once
#include <memory>

#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/evaluator/training_setup.hpp"

namespace command {

/// The evaluator of a search on the cpu back end, on one thread. Throws Exception where the text cannot be read or is too short.
std::unique_ptr<genoform::search::Evaluator> make_training_evaluator(const genoform::search::TrainingSetup& setup);

}  // namespace command
