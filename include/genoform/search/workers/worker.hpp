#pragma once
#include <exception>
#include <memory>
#include <new>

#include "genoform/core/result.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/workers/protocol.hpp"

namespace genoform::search {

/// What a failure looks like on the wire.
inline nlohmann::json error_message(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Exception*>(&error))
    return {{"error", failure->what()}, {"fault", static_cast<int>(failure->error_kind())}};
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
    return {{"error", "no memory left"}, {"fault", static_cast<int>(ErrorKind::resources)}};
  return {{"error", error.what()}, {"fault", static_cast<int>(ErrorKind::input)}};
}

/// The life of a worker process: sets itself up, then answers until the coordinator closes the connection. Returns its exit code.
inline int run_worker(int fd, const EvaluatorMaker& make) {
  Channel channel(fd);
  std::unique_ptr<Evaluator> evaluator;
  nlohmann::json request;
  while (channel.receive(request) == Channel::Read::line) {
    nlohmann::json reply;
    try {
      if (request.contains("setup")) {
        evaluator = make(request.at("setup"));
        reply = {{"worker", protocol_version}};
      } else if (!evaluator) {
        throw Exception({ErrorKind::usage, "a request came before the setup"});
      } else {
        reply["answer"] = evaluator->answer(request);
      }
    } catch (const std::exception& error) { reply = error_message(error); }
    if (request.contains("job")) reply["job"] = request["job"];
    if (!channel.send(reply)) return 0;
  }
  return 0;
}

}  // namespace genoform::search
