#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "genoform/core/result.hpp"
#include "genoform/search/evaluator/requests.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// Judges genomes, one request after the other. train() is all that a search needs; the other two are for finals and for oracles
/// that are calibrated. Throws Exception for a genome that cannot be judged.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  virtual TrainReply train(const TrainRequest& request) = 0;
  virtual FinalReply train_final(const FinalRequest&) {
    throw Exception({ErrorKind::usage, "this evaluator trains no finalists; override Evaluator::train_final"});
  }
  virtual TimeReply time(const TimeRequest&) {
    throw Exception({ErrorKind::usage, "this evaluator measures no step times; override Evaluator::time"});
  }
};

/// A function from a request to a loss, lower is better, as an evaluator.
class FunctionEvaluator : public Evaluator {
 public:
  explicit FunctionEvaluator(std::function<double(const TrainRequest&)> loss) : loss_(std::move(loss)) {}
  TrainReply train(const TrainRequest& request) override {
    TrainReply reply;
    reply.loss = loss_(request);
    return reply;
  }

 private:
  std::function<double(const TrainRequest&)> loss_;
};

/// Makes the evaluator of a worker process from the `setup` that its coordinator sends.
using EvaluatorMaker = std::function<std::unique_ptr<Evaluator>(const nlohmann::json& setup)>;

/// What the evaluator says to a request of any kind, exceptions included.
inline Result<Answer> answer_of(Evaluator& evaluator, const Request& request) {
  struct Ask {
    Evaluator& evaluator;
    TrainReply operator()(const TrainRequest& r) const { return evaluator.train(r); }
    FinalReply operator()(const FinalRequest& r) const { return evaluator.train_final(r); }
    TimeReply operator()(const TimeRequest& r) const { return evaluator.time(r); }
  };
  try {
    return std::visit([&](const auto& r) { return Answer(Ask{evaluator}(r)); }, request);
  } catch (const Exception& error) { return error.error(); } catch (const std::bad_alloc&) {
    return Error{ErrorKind::resources, "no memory left"};
  } catch (const std::exception& error) { return Error{ErrorKind::input, error.what()}; }
}

}  // namespace genoform::search
