#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/suggest.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/serve/genome_cost.hpp"
#include "genoform/search/serve/json_line.hpp"
#include "genoform/search/serve/queries.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/space/named_genes.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/strategy/random_stream.hpp"
#include "genoform/search/workers/line_reader.hpp"
#include "genoform/search/workers/scheduler.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What an evaluator that is served consists of. What is referred to must live as long.
struct Served {
  const Space& space;
  const BlockSpace* blocks = nullptr;  ///< the same space, when its genes have names
  std::function<GenomeCost(const std::string& text, int batch)>
      cost;           ///< throws Exception for a text that is no model; batch 0: the own one
  double budget = 3;  ///< seconds of training of a request that says nothing
};

/// Answers the requests of an optimizer, JSON objects of one line each (docs/ask_and_tell.md): about the space at once, trainings
/// by workers. One request is heard for each worker that has nothing to do, so with one worker the answers have the order of the
/// requests. A request that is wrong gets an error for an answer.
class EvaluatorServer {
 public:
  static constexpr int protocol = 1;
  static constexpr std::size_t max_line = std::size_t{1} << 20;
  enum class End { of_input, stopped, unread };

  EvaluatorServer(Served served, Workers& workers) : served_(std::move(served)), workers_(workers) {}

  /// Until the end of the input, when all answers are out; or until it is stopped; or until write(line) says that nobody reads.
  End run(LineReader& input, const std::function<bool(const std::string&)>& write, const StopRequest& stop);

 private:
  /// A training that a worker has.
  struct Training {
    nlohmann::json id;
    std::int64_t steps = 0;
    std::optional<double> step_seconds;
  };

  void hear(const std::string& line, int worker);
  std::optional<nlohmann::json> answer(const nlohmann::json& id, const std::string& kind, const nlohmann::json& body, int worker);
  void train(const nlohmann::json& id, const nlohmann::json& body, int worker);
  void settle(const Reply& reply);
  void tell(const nlohmann::json& id, const char* what, nlohmann::json body);
  void tell_error(const nlohmann::json& id, const Error& error);
  const BlockSpace& blocks() const;

  Served served_;
  Workers& workers_;
  std::map<int, Training> trainings_;  ///< by job
  int last_job_ = 0;
  std::vector<std::string> written_;
};

#if GENOFORM_SEARCH_BODIES

namespace evaluator_server {

inline constexpr std::array<std::string_view, 9> requests{"space",      "sample", "mutate", "check", "cost",
                                                          "parameters", "decode", "encode", "train"};

[[noreturn]] inline void refuse(const std::string& what) { throw Exception({ErrorKind::input, what}); }

inline std::string_view name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return "usage";
    case ErrorKind::input: return "input";
    case ErrorKind::resources: return "resources";
    case ErrorKind::not_finite: return "not finite";
    case ErrorKind::interrupted: return "interrupted";
  }
  return "input";
}

inline RandomStream samples_of(std::uint64_t seed, std::string_view request, std::uint64_t index = 0) {
  return RandomStream(Random(seed, stream_of(request)), index << 32);
}

/// The members that are not there have the values of a trial.
inline TrainRequest train_request(const nlohmann::json& body, double budget) {
  TrainRequest trial;
  trial.seed = 1;
  nlohmann::json all = json_of(trial);
  if (!body.is_object()) refuse("train request must be an object, as in {\"text\": \"Decoder<...>\", \"learning_rate\": 0.004}");
  for (const char* needed : {"text", "learning_rate"})
    if (!body.contains(needed)) refuse(std::string("train request: \"") + needed + "\" is missing");
  if (body.contains("steps") && body.contains("budget"))
    refuse("train request: it has \"steps\" and \"budget\"; give one of them");
  all.update(body);
  TrainRequest request = from_json<TrainRequest>(all, "train request");
  if (!(request.learning_rate > 0) || !math::is_finite(request.learning_rate))
    refuse("train request, \"learning_rate\": must be a number above 0");
  if (request.batch < 0 || (body.contains("batch") && request.batch == 0))
    refuse("train request, \"batch\": must be an integer of at least 1");
  double last = 0;
  for (const HurdleRequest& hurdle : request.hurdles) {
    if (!(hurdle.at > last && hurdle.at <= 1))
      refuse("train request, \"hurdles\": \"at\" must be shares of the steps, above 0 and at most 1, in rising order");
    last = hurdle.at;
  }
  if (body.contains("steps")) {
    if (request.steps < 1 || static_cast<double>(request.steps) > Budget::max_steps)
      refuse("train request, \"steps\": must be an integer from 1 to 2147483647");
    return request;
  }
  if (!body.contains("budget")) request.budget = budget;
  if (!(request.budget > 0) || !math::is_finite(request.budget)) refuse("train request, \"budget\": must be seconds above 0");
  return request;
}

}  // namespace evaluator_server

GENOFORM_SEARCH_INLINE EvaluatorServer::End EvaluatorServer::run(LineReader& input,
                                                                 const std::function<bool(const std::string&)>& write,
                                                                 const StopRequest& stop) {
  constexpr int patience = 200;  // milliseconds between two looks at `stop`
  bool is_closed = false;
  std::string line;
  for (;;) {
    if (stop() != Stop::no) return End::stopped;
    const std::vector<int> idle = workers_.idle();
    const bool is_listening = !is_closed && !idle.empty();
    const LineReader::Read read = is_listening ? input.next(line, trainings_.empty() ? patience : 0) : LineReader::Read::nothing;
    if (read == LineReader::Read::line) hear(line, idle.front());
    if (read == LineReader::Read::too_long)
      tell_error(nullptr, {ErrorKind::input, "a line has more than the " + std::to_string(input.max_line()) + " bytes allowed"});
    is_closed = is_closed || read == LineReader::Read::closed;
    if (is_closed && trainings_.empty() && written_.empty()) return End::of_input;
    // Whoever waits for a worker that starts, or trains on some only, soon looks again.
    const bool is_waiting = trainings_.empty() ? idle.empty() : read != LineReader::Read::line;
    for (const Reply& reply : workers_.wait(!is_waiting ? 0 : is_listening || trainings_.empty() ? 0.01 : 1e-3 * patience))
      settle(reply);
    for (const std::string& written : std::exchange(written_, {}))
      if (!write(written)) return End::unread;
  }
}

GENOFORM_SEARCH_INLINE void EvaluatorServer::hear(const std::string& line, int worker) {
  using evaluator_server::refuse;
  nlohmann::json id = nullptr;
  try {
    const nlohmann::json message = parse_json_line(line).value();
    if (message.contains("id") && (message["id"].is_string() || message["id"].is_number_integer())) id = message["id"];
    if (id.is_null()) refuse("a request needs an \"id\", a string or an integer");
    if (message.size() != 2)
      refuse("a request has \"id\" and one thing beside it, as in {\"id\": 1, \"space\": {}}; this one has " +
             std::to_string(message.size() - 1));
    auto body = message.begin();
    if (body.key() == "id") ++body;
    if (auto found = answer(id, body.key(), body.value(), worker)) tell(id, "answer", *std::move(found));
  } catch (const Exception& error) { tell_error(id, error.error()); } catch (const std::bad_alloc&) {
    tell_error(id, {ErrorKind::resources, "no memory left"});
  }
}

GENOFORM_SEARCH_INLINE std::optional<nlohmann::json> EvaluatorServer::answer(const nlohmann::json& id, const std::string& kind,
                                                                             const nlohmann::json& body, int worker) {
  using namespace evaluator_server;
  const std::string what = kind + " request";
  const auto text = [&] { return from_json<TextQuery>(body, what).text; };
  if (kind == "space") {
    if (!body.is_object() || !body.empty()) refuse("space request must be an empty object, {}");
    return nlohmann::json{{"protocol", protocol}, {"kind", served_.space.kind()}, {"genes", served_.space.describe()}};
  }
  if (kind == SampleQuery::name) {
    const auto query = from_json<SampleQuery>(body, what);
    const int count = query.count.value_or(1);
    if (count < 1 || count > SampleQuery::max_count)
      refuse(what + ", \"count\": must be an integer from 1 to " + std::to_string(SampleQuery::max_count));
    nlohmann::json texts = nlohmann::json::array();
    for (int i = 0; i < count; ++i) {
      RandomStream samples = samples_of(query.seed, kind, static_cast<std::uint64_t>(i));
      texts.push_back(served_.space.random(samples));
    }
    return nlohmann::json{{"texts", std::move(texts)}};
  }
  if (kind == MutateQuery::name) {
    const auto query = from_json<MutateQuery>(body, what);
    served_.space.check(query.text).value();
    RandomStream samples = samples_of(query.seed, kind);
    return nlohmann::json{{"text", served_.space.mutate(query.text, samples)}};
  }
  if (kind == "check") {
    const Result<void> found = served_.space.check(text());
    return found ? nlohmann::json{{"ok", true}} : nlohmann::json{{"ok", false}, {"refusal", found.error().message}};
  }
  if (kind == CostQuery::name) {
    const auto query = from_json<CostQuery>(body, what);
    if (query.batch && *query.batch < 1) refuse(what + ", \"batch\": must be an integer of at least 1");
    return json_of(served_.cost(query.text, query.batch.value_or(0)));
  }
  if (kind == ParametersQuery::name) {
    nlohmann::json parameters = nlohmann::json::array();
    const NamedGenes genes(blocks(), from_json<ParametersQuery>(body, what).max_sub_layers);
    for (const NamedGene& gene : genes.all()) parameters.push_back(json_of(gene));
    return nlohmann::json{{"parameters", std::move(parameters)}};
  }
  if (kind == "decode") {
    if (!body.is_object()) refuse("decode request must be an object with the value of each parameter, all strings");
    NamedGenes::Values values;
    for (const auto& [name, value] : body.items())
      values[name] = from_json<std::string>(value, "decode request, " + in_quotes(name) + ":");
    const Result<std::string> found = NamedGenes(blocks()).decode(values);
    return found ? nlohmann::json{{"text", *found}} : nlohmann::json{{"refusal", found.error().message}};
  }
  if (kind == "encode") return nlohmann::json(NamedGenes(blocks()).encode(text()).value());
  if (kind == TrainRequest::name) {
    train(id, body, worker);
    return std::nullopt;
  }
  refuse("unknown request " + in_quotes(kind) + grammar::suggestion(kind, {requests.begin(), requests.end()}) + "; there are " +
         listed(requests));
}

GENOFORM_SEARCH_INLINE const BlockSpace& EvaluatorServer::blocks() const {
  if (served_.blocks == nullptr) throw Exception({ErrorKind::usage, "the genes of this space have no names"});
  return *served_.blocks;
}

GENOFORM_SEARCH_INLINE void EvaluatorServer::train(const nlohmann::json& id, const nlohmann::json& body, int worker) {
  TrainRequest request = evaluator_server::train_request(body, served_.budget);
  const std::optional<double> step_seconds = served_.cost(request.text, request.batch).step_seconds;  // and it is a model
  const double limit = request.steps > 0 ? 1e8 : 60 + 20 * request.budget;
  if (request.steps == 0 && step_seconds) {
    if (request.max_step_seconds && *step_seconds > *request.max_step_seconds)
      return tell(id, "answer", {{"refusal", "step time"}, {"step_seconds", *step_seconds}, {"steps", 0}});
    request.steps = Budget{request.budget}.steps(*step_seconds);
  }
  trainings_[++last_job_] = {id, request.steps, step_seconds};
  workers_.start(worker, {last_job_, std::move(request)}, limit);
}

GENOFORM_SEARCH_INLINE void EvaluatorServer::settle(const Reply& reply) {
  const auto found = trainings_.find(reply.job);
  if (found == trainings_.end()) return;
  const Training training = std::move(found->second);
  trainings_.erase(found);
  if (reply.kind != Reply::Kind::answer) return tell_error(training.id, reply.error);
  auto trained = std::get<TrainReply>(reply.answer);
  if (trained.steps == 0) trained.steps = training.steps;
  if (!trained.step_seconds) trained.step_seconds = training.step_seconds;
  tell(training.id, "answer", json_of(trained));
}

GENOFORM_SEARCH_INLINE void EvaluatorServer::tell(const nlohmann::json& id, const char* what, nlohmann::json body) {
  written_.push_back(
      nlohmann::json{{"id", id}, {what, std::move(body)}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

GENOFORM_SEARCH_INLINE void EvaluatorServer::tell_error(const nlohmann::json& id, const Error& error) {
  tell(id, "error", {{"kind", evaluator_server::name_of(error.error_kind)}, {"message", error.message}});
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
