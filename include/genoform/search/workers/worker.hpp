#pragma once
#include <poll.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/clock/machine.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/workers/carried_folder.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/protocol.hpp"
#include "genoform/search/workers/text_supply.hpp"
#include "genoform/version.hpp"

namespace genoform::search {

/// An EvaluatorMaker that may ask the coordinator for the text of the study (path_of_text()).
using AskingEvaluatorMaker = std::function<std::unique_ptr<Evaluator>(const nlohmann::json& setup, const TextPieces& ask)>;

/// The life of a worker process: greets, sets itself up, then answers until the coordinator closes the connection. Returns its
/// exit code.
GENOFORM_SEARCH_INLINE int run_worker(Channel channel, const AskingEvaluatorMaker& make);
inline int run_worker(int fd, const EvaluatorMaker& make) {
  return run_worker(Channel(fd), [&make](const nlohmann::json& setup, const TextPieces&) { return make(setup); });
}

/// The same over standard input and output, for program_launcher() and command_launcher(). What the evaluator prints goes to
/// standard error. The process ends at once when its coordinator is gone, whatever it does.
GENOFORM_SEARCH_INLINE int run_worker_on_standard_streams(const AskingEvaluatorMaker& make);
inline int run_worker_on_standard_streams(const EvaluatorMaker& make) {
  return run_worker_on_standard_streams([&make](const nlohmann::json& setup, const TextPieces&) { return make(setup); });
}

#if GENOFORM_SEARCH_BODIES

namespace worker {

inline std::string ask(Channel& channel, std::uint64_t first) {
  nlohmann::json message;
  if (!channel.send(encode(Want{first})) || channel.receive(message) != Channel::Read::line)
    throw Exception({ErrorKind::input, "the coordinator is gone"});
  return decode_piece(message);
}

/// Makes the evaluator and says so, or says why there is none.
inline nlohmann::json set_up(std::unique_ptr<Evaluator>& evaluator, const AskingEvaluatorMaker& make, Channel& channel,
                             const nlohmann::json& setup) {
  try {
    evaluator = make(setup, [&channel](std::uint64_t first) { return ask(channel, first); });
    return encode(Ready{});
  } catch (const Exception& error) { return encode_setup_error(error.error()); } catch (const std::exception& error) {
    return encode_setup_error({ErrorKind::input, error.what()});
  }
}

/// Trains a finalist into a folder here and sends what it left.
inline Result<Answer> train_and_send(Evaluator& evaluator, Channel& channel, int job, FinalRequest request) {
  std::error_code ignored;
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("genoform-worker-" + std::to_string(::getpid()) + "-" + std::to_string(job));
  std::filesystem::remove_all(folder, ignored);
  request.folder = folder.string();
  Result<Answer> answer = answer_of(evaluator, request);
  try {
    if (answer && std::filesystem::exists(folder, ignored)) carried_folder::send(channel, job, folder);
  } catch (const Exception& error) { answer = error.error(); }
  std::filesystem::remove_all(folder, ignored);
  return answer;
}

inline nlohmann::json reply_to(Evaluator* evaluator, Channel& channel, const nlohmann::json& message) {
  JobReply reply{0, Error{ErrorKind::usage, "a request came before the setup"}};
  try {
    const JobRequest asked = decode_request(message);
    reply.job = asked.job;
    const auto* finalist = std::get_if<FinalRequest>(&asked.request);
    if (evaluator != nullptr && finalist != nullptr && !finalist->folder.empty())
      reply.answer = train_and_send(*evaluator, channel, asked.job, *finalist);
    else if (evaluator != nullptr)
      reply.answer = answer_of(*evaluator, asked.request);
  } catch (const Exception& error) {  // not a request of this version
    if (const auto job = message.find("job"); job != message.end() && job->is_number_integer()) reply.job = job->get<int>();
    reply.answer = error.error();
  }
  return encode(reply);
}

/// Ends this process when nobody writes to its standard input any more: the coordinator, or the command that carries its words,
/// is gone, and the training that runs is for nobody.
inline void end_with_coordinator() {
  std::thread([] {
    for (;;) {
      pollfd input{STDIN_FILENO, 0, 0};
      if (::poll(&input, 1, -1) > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) ::_exit(0);
    }
  }).detach();
}

}  // namespace worker

GENOFORM_SEARCH_INLINE int run_worker(Channel channel, const AskingEvaluatorMaker& make) {
  std::unique_ptr<Evaluator> evaluator;
  nlohmann::json message;
  if (!channel.send(encode(Greeting{protocol_version, library_version, machine_identity()}))) return 0;
  while (channel.receive(message) == Channel::Read::line) {
    const bool is_setup = message.contains("setup");
    if (!channel.send(is_setup ? worker::set_up(evaluator, make, channel, message.at("setup"))
                               : worker::reply_to(evaluator.get(), channel, message)))
      return 0;
  }
  return 0;
}

GENOFORM_SEARCH_INLINE int run_worker_on_standard_streams(const AskingEvaluatorMaker& make) {
  const int out = ::dup(STDOUT_FILENO);
  if (out < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  worker::end_with_coordinator();
  // The greeting has a line of its own, whatever the host printed before it.
  if (::write(out, "\n", 1) != 1) return 0;
  return run_worker(Channel(STDIN_FILENO, out), make);
}

#endif

}  // namespace genoform::search
