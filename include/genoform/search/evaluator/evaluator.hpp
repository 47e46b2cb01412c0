#pragma once
#include <functional>
#include <memory>

#include <nlohmann/json.hpp>

namespace genoform::search {

/// What a worker does: answers requests about genomes, one after the other. Throws Exception for a genome that cannot be answered.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual nlohmann::json answer(const nlohmann::json& request) = 0;
};

/// Makes the evaluator of a worker from the `setup` that its coordinator sends.
using EvaluatorMaker = std::function<std::unique_ptr<Evaluator>(const nlohmann::json& setup)>;

}  // namespace genoform::search
