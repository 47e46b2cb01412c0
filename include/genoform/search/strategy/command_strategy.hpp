#pragma once
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/serve/json_line.hpp"
#include "genoform/search/strategy/strategy.hpp"
#include "genoform/search/workers/deadline.hpp"
#include "genoform/search/workers/line_reader.hpp"
#include "genoform/search/workers/shell_command.hpp"
#include "genoform/search/workers/worker_process.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

struct CommandOptions {
  std::string command;                                      ///< for /bin/sh -c
  double seconds = 60;                                      ///< that a proposal may take
  std::function<bool()> is_stopped = [] { return false; };  ///< a proposal that is waited for is given up then
};

/// Proposals of a program that speaks JSON lines on its standard input and output (docs/ask_and_tell.md). Each line that it gets
/// has all that a proposal may depend on, so a program that keeps nothing from line to line is a pure function, and a study that
/// is resumed goes on exactly. It starts with the first proposal and ends with this object.
class CommandStrategy : public Strategy {
 public:
  static constexpr std::size_t max_line = std::size_t{1} << 20;

  explicit CommandStrategy(CommandOptions options) : options_(std::move(options)) {}
  CommandStrategy(const CommandStrategy&) = delete;
  CommandStrategy& operator=(const CommandStrategy&) = delete;
  ~CommandStrategy() override { end(); }

  std::string name() const override { return "command"; }
  nlohmann::json describe() const override { return {{"command", options_.command}}; }
  Proposal propose(const Space& space, std::span<const Scored> history, RandomStream& samples) const override {
    return propose_sample(space, history, samples, {});
  }
  /// Throws Exception when the program ends, stays silent or writes what is no proposal; one that is no genome of the space is
  /// refused. Without a text when it was stopped.
  Proposal propose_sample(const Space& space, std::span<const Scored> history, RandomStream& samples,
                          const Sample& sample) const override;

  /// Asks for a proposal with that history, so that a command that cannot propose is known before a study begins. Throws
  /// Exception as above, and when the first proposals are all refused.
  void rehearse(const Space& space, std::span<const Scored> history) const;

 private:
  struct Program {
    explicit Program(const WorkerMain& main) : process(main, -1), output(process.channel().fd(), max_line) {}
    WorkerProcess process;
    LineReader output;
    int lines = 0;  ///< that it has written
  };

  std::optional<std::string> line_for(const nlohmann::json& request) const;
  Proposal proposal_of(const nlohmann::json& line, const Space& space, std::span<const Scored> history,
                       RandomStream& samples) const;
  void start() const;
  std::string end() const;
  [[noreturn]] void fail(ErrorKind kind, const std::string& what) const {
    throw Exception({kind, "the strategy command " + in_quotes(options_.command) + " " + what});
  }

  CommandOptions options_;
  mutable std::unique_ptr<Program> program_;
};

#if GENOFORM_SEARCH_BODIES

namespace command_strategy {

inline constexpr const char* allowed =
    "{\"text\": \"Decoder<...>\"} with or without a \"parent\", {\"mutate\": 12} or {\"random\": true} is allowed";

/// What the program wrote: one of the three.
struct Line {
  std::optional<std::string> text;
  std::optional<int> parent, mutate;
  std::optional<bool> random;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
    visit("parent", self.parent);
    visit("mutate", self.mutate);
    visit("random", self.random);
  }
};

inline nlohmann::json history_of(std::span<const Scored> history) {
  nlohmann::json trials = nlohmann::json::array();
  for (const Scored& s : history)
    trials.push_back({{"number", s.number},
                      {"text", s.text},
                      {"fitness", s.fitness},
                      {"learning_rate", s.learning_rate},
                      {"batch", s.batch},
                      {"parent", s.parent}});
  return trials;
}

inline const Scored* trial_of(std::span<const Scored> history, int number) {
  const auto found = std::find_if(history.begin(), history.end(), [&](const Scored& s) { return s.number == number; });
  return found == history.end() ? nullptr : &*found;
}

}  // namespace command_strategy

GENOFORM_SEARCH_INLINE Proposal CommandStrategy::propose_sample(const Space& space, std::span<const Scored> history,
                                                                RandomStream& samples, const Sample& sample) const {
  constexpr std::size_t exact = std::size_t{1} << 53;  // what a JSON number holds in every language
  nlohmann::json request{{"number", sample.number},
                         {"sample", sample.index},
                         {"seed", samples.below(exact)},
                         {"history", command_strategy::history_of(history)}};
  if (sample.index > 0) request["refused"] = {{"text", sample.refused}, {"refusal", sample.refusal}};
  const std::optional<std::string> line = line_for(request);
  if (!line) return {"", 0, "stopped"};
  const std::string where = "wrote line " + std::to_string(program_->lines) + ", " + in_quotes(*line) + ": ";
  const Result<nlohmann::json> json = parse_json_line(*line);
  if (!json) fail(ErrorKind::input, where + json.error().message + "; " + command_strategy::allowed);
  try {
    return proposal_of(*json, space, history, samples);
  } catch (const Exception& error) { fail(error.error_kind(), where + error.what() + "; " + command_strategy::allowed); }
}

GENOFORM_SEARCH_INLINE Proposal CommandStrategy::proposal_of(const nlohmann::json& line, const Space& space,
                                                             std::span<const Scored> history, RandomStream& samples) const {
  const auto refuse = [](const std::string& what) { throw Exception({ErrorKind::input, what}); };
  const auto said = from_json<command_strategy::Line>(line, "proposal");
  if (int{said.text.has_value()} + int{said.mutate.has_value()} + int{said.random.has_value()} != 1 ||
      (said.parent && !said.text) || (said.random && !*said.random))
    refuse("not one proposal");
  if (said.random) return {space.random(samples), 0, ""};
  const int parent = said.mutate ? *said.mutate : said.parent.value_or(0);
  const Scored* trial = command_strategy::trial_of(history, parent);
  if (trial == nullptr && (said.mutate || parent != 0)) refuse("trial " + std::to_string(parent) + " is none of the history");
  if (said.mutate) return {space.mutate(trial->text, samples), parent, ""};
  if (const Result<void> legal = space.check(*said.text); !legal)
    return {in_quotes(*said.text), parent, "not in the space: " + legal.error().message};
  return {*said.text, parent, ""};
}

GENOFORM_SEARCH_INLINE void CommandStrategy::rehearse(const Space& space, std::span<const Scored> history) const {
  constexpr int max_tries = 20;
  Sample sample{.number = 1};
  for (; sample.index < max_tries; ++sample.index) {
    RandomStream random(Random(0, stream_of("search.rehearsal")), static_cast<std::uint64_t>(sample.index) << 32);
    const Proposal proposal = propose_sample(space, history, random, sample);
    if (proposal.refusal.empty()) return;
    sample.refused = proposal.text, sample.refusal = proposal.refusal;
  }
  fail(ErrorKind::input, "proposed " + std::to_string(max_tries) + " genomes that are all refused; line " +
                             std::to_string(program_->lines) + ": " + sample.refused + ": " + sample.refusal);
}

/// The program's line for a request; none when it was stopped.
GENOFORM_SEARCH_INLINE std::optional<std::string> CommandStrategy::line_for(const nlohmann::json& request) const {
  if (!program_) start();
  Channel& channel = program_->process.channel();
  channel.queue(request);  // a program that is gone is noticed when its end is read
  const auto until = deadline_after(options_.seconds);
  std::string line;
  LineReader::Read read = LineReader::Read::nothing;
  while (read == LineReader::Read::nothing) {
    if (options_.is_stopped()) {
      end();
      return std::nullopt;
    }
    if (std::chrono::steady_clock::now() >= until) {
      end();
      fail(ErrorKind::resources, "wrote nothing for " + general_text(options_.seconds) + " s after it was asked for proposal " +
                                     request.at("number").dump());
    }
    read = program_->output.next(line, channel.has_unsent() ? 1 : 50);
    channel.flush();
  }
  if (read == LineReader::Read::line) {
    ++program_->lines;
    return line;
  }
  const int lines = program_->lines;
  if (read == LineReader::Read::too_long)
    fail(ErrorKind::input, "wrote a line of more than " + std::to_string(max_line) + " bytes");
  fail(ErrorKind::resources, "ended before it wrote line " + std::to_string(lines + 1) + ", the answer for proposal " +
                                 request.at("number").dump() + ": " + end());
}

GENOFORM_SEARCH_INLINE void CommandStrategy::start() const {
  program_ = std::make_unique<Program>([command = options_.command](int fd) {
    ::setpgid(0, 0);  // so that all of it can be ended
    return become_shell_command(fd, command);
  });
}

/// Ends the program, which sees the end of its input first; returns how it ended.
GENOFORM_SEARCH_INLINE std::string CommandStrategy::end() const {
  if (!program_) return "";
  WorkerProcess& process = program_->process;
  const pid_t group = process.pid();
  ::shutdown(process.channel().fd(), SHUT_WR);
  const std::optional<std::string> how = process.end_within(500);
  ::kill(-group, SIGKILL);
  program_.reset();
  return how.value_or("it was stopped");
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
