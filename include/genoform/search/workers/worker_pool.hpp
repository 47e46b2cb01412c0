#pragma once
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/workers/launcher.hpp"
#include "genoform/search/workers/messages.hpp"
#include "genoform/search/workers/protocol.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Workers as processes that a launcher starts. One that ends, hangs or talks nonsense is replaced.
class WorkerPool : public Workers {
 public:
  /// `setup` goes to each worker once.
  WorkerPool(int workers, Launcher launcher, nlohmann::json setup) : launcher_(std::move(launcher)), setup_(std::move(setup)) {
    if (workers < 1) throw Exception({ErrorKind::usage, "a search needs at least 1 worker"});
    slots_.resize(static_cast<std::size_t>(workers));
    for (std::size_t i = 0; i < slots_.size(); ++i) launch(i);
  }

  int size() const override { return static_cast<int>(slots_.size()); }
  std::vector<int> idle() const override { return {idle_.begin(), idle_.end()}; }
  std::int64_t process_of(int worker) const override { return slot(worker).process->pid(); }

  void start(int worker, const JobRequest& request, double limit) override {
    Slot& slot = slots_[static_cast<std::size_t>(worker)];
    idle_.erase(worker);
    slot.state = Slot::State::busy;
    slot.asked = request;
    slot.deadline = after(limit);
    slot.process->channel().send(encode(request));  // a worker that is gone is noticed when its end is read
  }

  std::vector<Reply> wait(double seconds) override {
    const Clock::time_point until = after(seconds);
    for (;;) {
      std::vector<Reply> replies;
      for (std::size_t i = 0; i < slots_.size(); ++i)
        if (auto reply = look_at(i)) replies.push_back(*std::move(reply));
      if (!replies.empty() || Clock::now() >= until) return replies;
      sleep_until(until);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Slot {
    enum class State { starting, idle, busy };
    std::unique_ptr<WorkerProcess> process;
    State state = State::starting;
    JobRequest asked{};
    Clock::time_point deadline{};
    int failed_starts = 0;
    bool readable = false;
  };

  static Clock::time_point after(double seconds) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  const Slot& slot(int worker) const { return slots_[static_cast<std::size_t>(worker)]; }

  void launch(std::size_t i) {
    idle_.erase(static_cast<int>(i));
    Slot& slot = slots_[i];
    slot.process = launcher_(static_cast<int>(i));
    slot.state = Slot::State::starting;
    slot.deadline = after(120);
    slot.process->channel().send(encode_setup(setup_));
  }
  void become_idle(std::size_t i) {
    slots_[i].state = Slot::State::idle;
    idle_.insert(static_cast<int>(i));
  }

  /// Until something can be read or a deadline is over.
  void sleep_until(Clock::time_point until) {
    std::vector<pollfd> ends;
    for (const Slot& slot : slots_) {
      ends.push_back({slot.process->channel().fd(), POLLIN, 0});
      if (slot.state != Slot::State::idle) until = std::min(until, slot.deadline);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(ends.data(), ends.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
    for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].readable = ends[i].revents != 0;
  }

  std::optional<Reply> look_at(std::size_t i) {
    Slot& slot = slots_[i];
    nlohmann::json message;
    Channel& channel = slot.process->channel();
    const Channel::Read read = std::exchange(slot.readable, false) ? channel.receive_some(message) : channel.take(message);
    if (read == Channel::Read::line) return hear(i, message);
    if (read != Channel::Read::nothing)
      return lose(i, read == Channel::Read::violation ? "it broke the protocol: not a JSON object" : "");
    if (slot.state != Slot::State::idle && Clock::now() >= slot.deadline) return lose(i, "it did not answer in time");
    return std::nullopt;
  }

  std::optional<Reply> hear(std::size_t i, const nlohmann::json& message) {
    switch (slots_[i].state) {
      case Slot::State::starting: return hear_ready(i, message);
      case Slot::State::busy: return hear_reply(i, message);
      case Slot::State::idle: break;
    }
    return lose(i, "it broke the protocol: it spoke without being asked");
  }

  std::optional<Reply> hear_ready(std::size_t i, const nlohmann::json& message) {
    std::optional<Result<int>> ready;
    try {
      ready = decode_ready(message);
    } catch (const Exception& error) { return lose(i, std::string("it broke the protocol: ") + error.what()); }
    const int version = ready->value();
    if (version != protocol_version) return lose(i, "it speaks version " + std::to_string(version) + " of the protocol");
    slots_[i].failed_starts = 0;
    become_idle(i);
    return std::nullopt;
  }

  std::optional<Reply> hear_reply(std::size_t i, const nlohmann::json& message) {
    const JobRequest& asked = slots_[i].asked;
    try {
      JobReply heard = decode_reply(message, asked.request);
      if (heard.job != asked.job) return lose(i, "it broke the protocol: a reply to job " + std::to_string(heard.job));
      Reply reply{.job = asked.job, .worker = static_cast<int>(i), .kind = Reply::Kind::answer, .answer = {}, .error = {}};
      if (heard.answer)
        reply.answer = *std::move(heard.answer);
      else
        reply.kind = Reply::Kind::error, reply.error = heard.answer.error();
      become_idle(i);
      return reply;
    } catch (const Exception& error) { return lose(i, std::string("it broke the protocol: ") + error.what()); }
  }

  /// Replaces a worker. `why`: empty when it went by itself.
  std::optional<Reply> lose(std::size_t i, const std::string& why) {
    Slot& slot = slots_[i];
    const std::string end = slot.process->stop(why.empty() ? 500 : 0);
    const std::string what = why.empty() ? end : why;
    const bool was_busy = slot.state == Slot::State::busy;
    const int job = slot.asked.job;
    if (slot.state == Slot::State::starting && ++slot.failed_starts >= 3)
      throw Exception({ErrorKind::resources, "workers cannot be started: " + what});
    launch(i);
    if (!was_busy) return std::nullopt;
    return Reply{.job = job,
                 .worker = static_cast<int>(i),
                 .kind = Reply::Kind::died,
                 .answer = {},
                 .error = {ErrorKind::resources, "its worker died: " + what}};
  }

  Launcher launcher_;
  nlohmann::json setup_;
  std::vector<Slot> slots_;
  std::set<int> idle_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
