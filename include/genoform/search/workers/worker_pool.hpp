#pragma once
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/core/result.hpp"
#include "genoform/search/workers/protocol.hpp"
#include "genoform/search/workers/worker_process.hpp"

namespace genoform::search {

/// What became of a request.
struct Reply {
  enum class Kind { answer, error, died };
  int job = 0, worker = 0;
  Kind kind = Kind::answer;
  nlohmann::json answer;
  std::string what;  ///< of an error, or how the worker ended
  ErrorKind error_kind = ErrorKind::input;
};

/// Workers as child processes, one request at a time each. A worker that ends, hangs or talks nonsense is replaced.
class WorkerPool {
 public:
  /// Worker i is pinned to the i-th allowed processor. `setup` goes to each worker once.
  WorkerPool(int workers, WorkerMain main, nlohmann::json setup) : main_(std::move(main)), setup_(std::move(setup)) {
    if (workers < 1) throw Exception({ErrorKind::usage, "a search needs at least 1 worker"});
    worker_slots_.resize(static_cast<std::size_t>(workers));
    for (std::size_t i = 0; i < worker_slots_.size(); ++i) fill(i);
  }

  int size() const { return static_cast<int>(worker_slots_.size()); }
  bool has_idle() const { return idle_slot() < worker_slots_.size(); }
  bool is_busy() const {
    return std::any_of(worker_slots_.begin(), worker_slots_.end(),
                       [](const WorkerSlot& s) { return s.state == WorkerSlot::State::busy; });
  }

  /// Gives the request to an idle worker, whose number is returned. An answer later than `limit` seconds counts as a dead worker.
  int start(int job, nlohmann::json request, double limit) {
    const std::size_t i = idle_slot();
    request["job"] = job;
    worker_slots_[i].state = WorkerSlot::State::busy;
    worker_slots_[i].job = job;
    worker_slots_[i].deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit));
    worker_slots_[i].process->channel().send(request);  // a worker that is gone is noticed when its end is read
    return static_cast<int>(i);
  }
  pid_t process_of(int worker) const { return worker_slots_[static_cast<std::size_t>(worker)].process->pid(); }

  /// Waits for the next reply, at most `seconds`. Throws Exception when workers cannot be set up.
  std::optional<Reply> wait(double seconds) {
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    do {
      for (std::size_t i = 0; i < worker_slots_.size(); ++i)
        if (auto reply = look_at(i)) return reply;
      sleep_until(until);
    } while (Clock::now() < until);
    for (std::size_t i = 0; i < worker_slots_.size(); ++i)
      if (auto reply = look_at(i)) return reply;
    return std::nullopt;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct WorkerSlot {
    enum class State { starting, idle, busy };
    std::unique_ptr<WorkerProcess> process;
    State state = State::starting;
    int job = 0;
    Clock::time_point deadline{};
    int failed_starts = 0;
    bool readable = false;
  };

  std::size_t idle_slot() const {
    std::size_t i = 0;
    while (i < worker_slots_.size() && worker_slots_[i].state != WorkerSlot::State::idle) ++i;
    return i;
  }

  void fill(std::size_t i) {
    const std::vector<int> processors = allowed_processors();
    const int processor = processors.empty() ? -1 : processors[i % processors.size()];
    WorkerSlot& worker_slot = worker_slots_[i];
    worker_slot.process = std::make_unique<WorkerProcess>(main_, processor);
    worker_slot.state = WorkerSlot::State::starting;
    worker_slot.deadline = Clock::now() + std::chrono::seconds(120);
    worker_slot.process->channel().send({{"setup", setup_}});
  }

  void sleep_until(Clock::time_point until) {
    std::vector<pollfd> ends;
    for (WorkerSlot& worker_slot : worker_slots_) {
      ends.push_back({worker_slot.process->channel().fd(), POLLIN, 0});
      if (worker_slot.state != WorkerSlot::State::idle) until = std::min(until, worker_slot.deadline);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(ends.data(), ends.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
    for (std::size_t i = 0; i < worker_slots_.size(); ++i) worker_slots_[i].readable = ends[i].revents != 0;
  }

  std::optional<Reply> look_at(std::size_t i) {
    WorkerSlot& worker_slot = worker_slots_[i];
    nlohmann::json message;
    Channel& channel = worker_slot.process->channel();
    const Channel::Read read = std::exchange(worker_slot.readable, false) ? channel.receive_some(message) : channel.take(message);
    if (read == Channel::Read::line) return hear(i, message);
    if (read != Channel::Read::nothing) return lose(i, read == Channel::Read::violation ? "it broke the protocol" : "");
    if (worker_slot.state != WorkerSlot::State::idle && Clock::now() >= worker_slot.deadline)
      return lose(i, "it did not answer in time");
    return std::nullopt;
  }

  std::optional<Reply> hear(std::size_t i, const nlohmann::json& message) {
    WorkerSlot& worker_slot = worker_slots_[i];
    if (worker_slot.state == WorkerSlot::State::starting) {
      if (message.contains("error")) throw Exception(error_of(message));
      if (integer(message, "worker") != protocol_version) return lose(i, "it broke the protocol");
      worker_slot.state = WorkerSlot::State::idle;
      worker_slot.failed_starts = 0;
      return std::nullopt;
    }
    if (worker_slot.state != WorkerSlot::State::busy || integer(message, "job") != worker_slot.job ||
        message.contains("error") == message.contains("answer"))
      return lose(i, "it broke the protocol");
    worker_slot.state = WorkerSlot::State::idle;
    Reply reply{.job = worker_slot.job, .worker = static_cast<int>(i), .kind = Reply::Kind::answer, .answer = {}, .what = {}};
    if (message.contains("answer")) {
      reply.answer = message["answer"];
    } else {
      const Error error = error_of(message);
      reply.kind = Reply::Kind::error;
      reply.what = error.message;
      reply.error_kind = error.error_kind;
    }
    return reply;
  }

  /// Replaces a worker. `why`: empty when it went by itself.
  std::optional<Reply> lose(std::size_t i, const std::string& why) {
    WorkerSlot& worker_slot = worker_slots_[i];
    const std::string end = worker_slot.process->stop(why.empty() ? 500 : 0);
    const std::string what = why.empty() ? end : why;
    const bool was_busy = worker_slot.state == WorkerSlot::State::busy;
    const int job = worker_slot.job;
    if (worker_slot.state == WorkerSlot::State::starting && ++worker_slot.failed_starts >= 3)
      throw Exception({ErrorKind::resources, "workers cannot be started: " + what});
    fill(i);
    if (!was_busy) return std::nullopt;
    return Reply{
        .job = job, .worker = static_cast<int>(i), .kind = Reply::Kind::died, .answer = {}, .what = "its worker died: " + what};
  }

  /// -1 when there is no such number.
  static int integer(const nlohmann::json& message, const char* key) {
    const auto found = message.find(key);
    return found != message.end() && found->is_number_integer() ? found->get<int>() : -1;
  }
  static Error error_of(const nlohmann::json& message) {
    const nlohmann::json& text = message["error"];
    const int error_kind = integer(message, "fault");
    const bool known = error_kind >= static_cast<int>(ErrorKind::usage) && error_kind <= static_cast<int>(ErrorKind::not_finite);
    return {known ? static_cast<ErrorKind>(error_kind) : ErrorKind::input,
            text.is_string() ? text.get<std::string>() : text.dump()};
  }

  WorkerMain main_;
  nlohmann::json setup_;
  std::vector<WorkerSlot> worker_slots_;
};

}  // namespace genoform::search
