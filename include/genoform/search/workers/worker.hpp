#pragma once
#include <unistd.h>

#include <exception>
#include <memory>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/protocol.hpp"

namespace genoform::search {

/// The life of a worker process: sets itself up, then answers until the coordinator closes the connection. Returns its exit code.
GENOFORM_SEARCH_INLINE int run_worker(Channel channel, const EvaluatorMaker& make);
inline int run_worker(int fd, const EvaluatorMaker& make) { return run_worker(Channel(fd), make); }

/// The same over standard input and output, for program_launcher(). What the evaluator prints goes to standard error.
GENOFORM_SEARCH_INLINE int run_worker_on_standard_streams(const EvaluatorMaker& make);

#if GENOFORM_SEARCH_BODIES

namespace worker {

/// Makes the evaluator and says so, or says why there is none.
inline nlohmann::json set_up(std::unique_ptr<Evaluator>& evaluator, const EvaluatorMaker& make, const nlohmann::json& setup) {
  try {
    evaluator = make(setup);
    return encode_ready(protocol_version);
  } catch (const Exception& error) { return encode_setup_error(error.error()); } catch (const std::exception& error) {
    return encode_setup_error({ErrorKind::input, error.what()});
  }
}

inline nlohmann::json reply_to(Evaluator* evaluator, const nlohmann::json& message) {
  JobReply reply{0, Error{ErrorKind::usage, "a request came before the setup"}};
  try {
    const JobRequest asked = decode_request(message);
    reply.job = asked.job;
    if (evaluator != nullptr) reply.answer = answer_of(*evaluator, asked.request);
  } catch (const Exception& error) {  // not a request of this version
    if (const auto job = message.find("job"); job != message.end() && job->is_number_integer()) reply.job = job->get<int>();
    reply.answer = error.error();
  }
  return encode(reply);
}

}  // namespace worker

GENOFORM_SEARCH_INLINE int run_worker(Channel channel, const EvaluatorMaker& make) {
  std::unique_ptr<Evaluator> evaluator;
  nlohmann::json message;
  while (channel.receive(message) == Channel::Read::line) {
    const bool is_setup = message.contains("setup");
    if (!channel.send(is_setup ? worker::set_up(evaluator, make, message.at("setup"))
                               : worker::reply_to(evaluator.get(), message)))
      return 0;
  }
  return 0;
}

GENOFORM_SEARCH_INLINE int run_worker_on_standard_streams(const EvaluatorMaker& make) {
  const int out = ::dup(STDOUT_FILENO);
  if (out < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  return run_worker(Channel(STDIN_FILENO, out), make);
}

#endif

}  // namespace genoform::search
