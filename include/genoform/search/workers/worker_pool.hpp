#pragma once
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/workers/carried_folder.hpp"
#include "genoform/search/workers/deadline.hpp"
#include "genoform/search/workers/launcher.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/protocol.hpp"
#include "genoform/search/workers/text_supply.hpp"
#include "genoform/search/workers/worker_slot.hpp"
#include "genoform/search/workers/workers.hpp"
#include "genoform/version.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Workers as processes that a launcher starts. One that ends, hangs or talks nonsense is started again, after a pause that grows
/// with each loss in a row. The search ends when none can be started.
class WorkerPool : public Workers {
 public:
  /// `setup` goes to each worker once; `text` answers those that ask for the text of the study. `start_limit`: seconds until a
  /// greeting, and after it until it is ready, from piece to piece of the text.
  WorkerPool(int workers, Launcher launcher, nlohmann::json setup, TextPieces text = {}, double start_limit = 120)
      : launcher_(std::move(launcher)), setup_(std::move(setup)), text_(std::move(text)), start_limit_(start_limit) {
    if (workers < 1) throw Exception({ErrorKind::usage, "a search needs at least 1 worker"});
    slots_.resize(static_cast<std::size_t>(workers));
    for (std::size_t i = 0; i < slots_.size(); ++i) launch(i);
  }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;
  ~WorkerPool() override {
    for (const Slot& slot : slots_)
      if (slot.process) slot.process->leave();
  }

  /// Hears of each worker that is lost, in a sentence.
  void on_loss(std::function<void(const std::string&)> hear) { on_loss_ = std::move(hear); }

  int size() const override { return static_cast<int>(slots_.size()); }
  std::vector<int> idle() const override { return {idle_.begin(), idle_.end()}; }
  std::int64_t process_of(int worker) const override {
    const Slot& slot = slots_[static_cast<std::size_t>(worker)];
    return slot.process ? slot.process->pid() : -1;
  }
  std::string machine_of(int worker) const override { return slots_[static_cast<std::size_t>(worker)].machine; }
  std::string reference_machine() const override { return machine_; }
  bool is_settled() const override {
    return std::none_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.is_starting() && s.failed_starts == 0; });
  }

  void start(int worker, const JobRequest& request, double limit) override {
    Slot& slot = slots_[static_cast<std::size_t>(worker)];
    idle_.erase(worker);
    slot.state = Slot::State::busy;
    slot.asked = request;
    slot.deadline = deadline_after(limit);
    if (const auto* finalist = std::get_if<FinalRequest>(&request.request); finalist != nullptr && !finalist->folder.empty())
      carried_folder::begin(finalist->folder);
    slot.process->channel().queue(encode(request));  // a worker that is gone is noticed when its end is read
  }

  std::vector<Reply> wait(double seconds) override {
    const Clock::time_point until = deadline_after(seconds);
    std::erase_if(leaving_, [](const auto& process) { return process->has_left(); });
    sleep_until(Clock::now());  // a reply that came while nobody looked is in time
    for (;;) {
      std::vector<Reply> replies;
      for (std::size_t i = 0; i < slots_.size(); ++i)
        if (auto reply = look_at(i)) replies.push_back(*std::move(reply));
      if (!replies.empty() || Clock::now() >= until) return replies;
      sleep_until(until);
    }
  }

 private:
  using Slot = WorkerSlot;
  using Clock = WorkerSlot::Clock;
  static constexpr std::size_t max_noise = 64 << 10;  ///< bytes before the greeting
  static constexpr int max_end = 3000;                ///< milliseconds from the end of a connection to that of its process
  static constexpr int max_first_starts = 3;          ///< that fail, of every worker, while none was ever there
  static constexpr int max_starts = 8;                ///< that fail, of every worker: half a minute

  void launch(std::size_t i) {
    Slot& slot = slots_[i];
    slot.process = launcher_(static_cast<int>(i));
    slot.state = Slot::State::greeting;
    slot.deadline = deadline_after(start_limit_);
    slot.before.clear();
    slot.noise = 0;
    slot.supplied = 0;
  }
  void become_idle(std::size_t i) {
    slots_[i].state = Slot::State::idle;
    idle_.insert(static_cast<int>(i));
  }

  /// Until something can be read or written, or a deadline is over.
  void sleep_until(Clock::time_point until) {
    std::vector<pollfd> ends;
    for (const Slot& slot : slots_) {
      if (slot.state != Slot::State::idle) until = std::min(until, slot.deadline);
      if (slot.state == Slot::State::away) continue;
      const Channel& channel = slot.process->channel();
      ends.push_back({channel.fd(), static_cast<short>(channel.has_unsent() ? POLLIN | POLLOUT : POLLIN), 0});
      ends.push_back({slot.process->errors().fd(), POLLIN, 0});
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(ends.data(), ends.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
    auto end = ends.begin();
    for (Slot& slot : slots_) {
      if (slot.state == Slot::State::away) continue;
      slot.readable = (end->revents & ~POLLOUT) != 0;
      if ((end++->revents & POLLOUT) != 0) slot.process->channel().flush();
      if (end++->revents != 0) slot.process->errors().read();
    }
  }

  std::optional<Reply> look_at(std::size_t i) {
    Slot& slot = slots_[i];
    if (slot.state == Slot::State::away) {
      if (Clock::now() >= slot.deadline) launch(i);
      return std::nullopt;
    }
    std::string line;
    for (;;) {
      Channel& channel = slot.process->channel();
      const Channel::Read read = std::exchange(slot.readable, false) ? channel.receive_some(line) : channel.take(line);
      if (read == Channel::Read::nothing) break;
      if (read == Channel::Read::violation) return lose(i, "it broke the protocol: a line without end");
      if (read == Channel::Read::closed) return lose(i, "");
      if (auto reply = hear(i, line)) return reply;
      if (slot.state == Slot::State::away) return std::nullopt;
    }
    if (slot.state != Slot::State::idle && Clock::now() >= slot.deadline) return lose(i, "it did not answer in time");
    return std::nullopt;
  }

  std::optional<Reply> hear(std::size_t i, const std::string& line) {
    if (slots_[i].state == Slot::State::greeting) return hear_greeting(i, line);
    const auto message = nlohmann::json::parse(line, nullptr, false);
    if (!message.is_object()) return lose(i, "it broke the protocol: not a JSON object: " + in_quotes(line));
    try {
      switch (slots_[i].state) {
        case Slot::State::setting_up: return hear_setup_answer(i, message);
        case Slot::State::busy: return hear_reply(i, message);
        default: return lose(i, "it broke the protocol: it spoke without being asked");
      }
    } catch (const ProtocolError& error) { return lose(i, std::string("it broke the protocol: ") + error.what()); }
  }

  /// What a decode_*() of a message of the worker says is the worker's fault, everything else is not.
  struct ProtocolError : Exception {
    using Exception::Exception;
  };
  template <class Decode>
  static auto decoded(const Decode& decode) {
    try {
      return decode();
    } catch (const Exception& error) { throw ProtocolError(error.error()); }
  }

  /// Takes the first line of a worker; what a host prints before it is passed over.
  std::optional<Reply> hear_greeting(std::size_t i, const std::string& line) {
    Slot& slot = slots_[i];
    const std::optional<Greeting> greeting = decode_greeting(line);
    if (!greeting) {
      slot.noise += line.size() + 1;
      if (slot.before.size() < 200 && line.find_first_not_of(" \t\r") != std::string::npos)
        slot.before += (slot.before.empty() ? "" : " | ") + line.substr(0, 200);
      return slot.noise > max_noise ? lose(i, "it printed much and no greeting") : std::nullopt;
    }
    const auto version = [](int protocol, const std::string& library) {
      return "genoform " + library + " with protocol " + std::to_string(protocol);
    };
    if (greeting->protocol != protocol_version || greeting->library != library_version)
      return refuse(i, {ErrorKind::input, "worker " + std::to_string(i) + " has " +
                                              version(greeting->protocol, greeting->library) + ", this program " +
                                              version(protocol_version, library_version) + "; install the same version there"});
    slot.machine = greeting->machine;
    slot.state = Slot::State::setting_up;
    slot.deadline = deadline_after(start_limit_);
    slot.process->channel().queue(encode_setup(setup_));
    return std::nullopt;
  }

  std::optional<Reply> hear_setup_answer(std::size_t i, const nlohmann::json& message) {
    Slot& slot = slots_[i];
    const auto answer = decoded([&] { return decode_setup_answer(message); });
    if (const auto* error = std::get_if<Error>(&answer)) return refuse(i, *error);
    if (const auto* want = std::get_if<Want>(&answer)) {
      if (!text_ || want->first != slot.supplied) return lose(i, "it broke the protocol: it asked for what there is not");
      const std::string piece = text_(want->first);
      slot.supplied += piece.size();
      slot.deadline = deadline_after(start_limit_);
      slot.process->channel().queue(encode_piece(piece));
      return std::nullopt;
    }
    slot.failed_starts = 0;
    if (machine_.empty()) machine_ = slot.machine;
    was_there_ = true;
    become_idle(i);
    return std::nullopt;
  }

  std::optional<Reply> hear_reply(std::size_t i, const nlohmann::json& message) {
    Slot& slot = slots_[i];
    const JobRequest& asked = slot.asked;
    const auto* finalist = std::get_if<FinalRequest>(&asked.request);
    if (const auto piece = decoded([&] { return decode_file_piece(message); })) {
      if (piece->job != asked.job || finalist == nullptr || finalist->folder.empty())
        return lose(i, "it broke the protocol: a file that was not asked for");
      carried_folder::receive(finalist->folder, *piece);
      return std::nullopt;
    }
    JobReply heard = decoded([&] { return decode_reply(message, asked.request); });
    if (heard.job != asked.job) return lose(i, "it broke the protocol: a reply to job " + std::to_string(heard.job));
    Reply reply{.job = asked.job, .worker = static_cast<int>(i), .kind = Reply::Kind::answer, .answer = {}, .error = {}};
    if (heard.answer)
      reply.answer = *std::move(heard.answer);
    else
      reply.kind = Reply::Kind::error, reply.error = heard.answer.error();
    slot.losses = 0;
    become_idle(i);
    return reply;
  }

  /// A worker that is there and cannot work: another start is not likely to help.
  std::optional<Reply> refuse(std::size_t i, const Error& error) {
    slots_[i].failed_starts = max_starts;
    end(i, "", error);
    return std::nullopt;
  }

  /// Has a worker started again. `why`: empty when it went by itself.
  std::optional<Reply> lose(std::size_t i, const std::string& why) {
    const bool was_busy = slots_[i].state == Slot::State::busy;
    const int job = slots_[i].asked.job;
    const std::string what = end(i, why, std::nullopt);
    if (!was_busy) return std::nullopt;
    return Reply{.job = job,
                 .worker = static_cast<int>(i),
                 .kind = Reply::Kind::died,
                 .answer = {},
                 .error = {ErrorKind::resources, "its worker died: " + what}};
  }

  /// Ends the process of a worker and says when it is started again; returns how it ended. Throws Exception when no worker is
  /// there and none can be started.
  std::string end(std::size_t i, const std::string& why, const std::optional<Error>& error) {
    Slot& slot = slots_[i];
    // Other reasons than its end do not wait for it.
    const auto ended = slot.process->end_within(why.empty() && !error ? max_end : 0);
    const std::string what =
        error ? error->message : slot.with_last_words(!why.empty() ? why : ended.value_or("it closed its connection"));
    if (!ended) slot.process->leave();
    leaving_.push_back(std::exchange(slot.process, nullptr));
    ++slot.losses;
    if (slot.is_starting()) {
      ++slot.failed_starts;
      slot.error =
          error ? *error : Error{ErrorKind::resources, "workers cannot be started: worker " + std::to_string(i) + ": " + what};
    }
    idle_.erase(static_cast<int>(i));
    slot.state = Slot::State::away;
    slot.deadline = Clock::now() + slot.pause();
    const int allowed = was_there_ ? max_starts : max_first_starts;
    if (std::all_of(slots_.begin(), slots_.end(), [&](const Slot& s) { return !s.is_there() && s.failed_starts >= allowed; }))
      throw Exception(slot.error);
    if (on_loss_) on_loss_("worker " + std::to_string(i) + ": " + what);
    if (slot.pause().count() == 0) launch(i);
    return what;
  }

  Launcher launcher_;
  nlohmann::json setup_;
  TextPieces text_;
  double start_limit_;
  std::function<void(const std::string&)> on_loss_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<WorkerProcess>> leaving_;  ///< of workers that were lost
  std::set<int> idle_;
  std::string machine_;
  bool was_there_ = false;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
