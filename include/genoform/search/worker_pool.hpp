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
#include "genoform/search/protocol.hpp"
#include "genoform/search/worker_process.hpp"

namespace genoform::search {

/// What became of a request.
struct Reply {
  enum class Kind { answer, error, died };
  int job = 0, worker = 0;
  Kind kind = Kind::answer;
  nlohmann::json answer;
  std::string what;  ///< of an error, or how the worker ended
  Fault fault = Fault::input;
};

/// Workers as child processes, one request at a time each. A worker that ends, hangs or talks nonsense is replaced.
class WorkerPool {
 public:
  /// Worker i is pinned to the i-th allowed processor. `setup` goes to each worker once.
  WorkerPool(int workers, WorkerMain main, nlohmann::json setup) : main_(std::move(main)), setup_(std::move(setup)) {
    if (workers < 1) throw Failure({Fault::usage, "a search needs at least 1 worker"});
    seats_.resize(static_cast<std::size_t>(workers));
    for (std::size_t i = 0; i < seats_.size(); ++i) fill(i);
  }

  int size() const { return static_cast<int>(seats_.size()); }
  bool has_idle() const { return idle_seat() < seats_.size(); }
  bool is_busy() const {
    return std::any_of(seats_.begin(), seats_.end(), [](const Seat& s) { return s.state == Seat::State::busy; });
  }

  /// Gives the request to an idle worker, whose number is returned. An answer later than `limit` seconds counts as a dead worker.
  int start(int job, nlohmann::json request, double limit) {
    const std::size_t i = idle_seat();
    request["job"] = job;
    seats_[i].state = Seat::State::busy;
    seats_[i].job = job;
    seats_[i].deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(limit));
    seats_[i].process->channel().send(request);  // a worker that is gone is noticed when its end is read
    return static_cast<int>(i);
  }
  pid_t process_of(int worker) const { return seats_[static_cast<std::size_t>(worker)].process->pid(); }

  /// Waits for the next reply, at most `seconds`. Throws Failure when workers cannot be set up.
  std::optional<Reply> wait(double seconds) {
    const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    do {
      for (std::size_t i = 0; i < seats_.size(); ++i)
        if (auto reply = look_at(i)) return reply;
      sleep_until(until);
    } while (Clock::now() < until);
    for (std::size_t i = 0; i < seats_.size(); ++i)
      if (auto reply = look_at(i)) return reply;
    return std::nullopt;
  }

 private:
  using Clock = std::chrono::steady_clock;
  struct Seat {
    enum class State { starting, idle, busy };
    std::unique_ptr<WorkerProcess> process;
    State state = State::starting;
    int job = 0;
    Clock::time_point deadline{};
    int failed_starts = 0;
    bool readable = false;
  };

  std::size_t idle_seat() const {
    std::size_t i = 0;
    while (i < seats_.size() && seats_[i].state != Seat::State::idle) ++i;
    return i;
  }

  void fill(std::size_t i) {
    const std::vector<int> processors = allowed_processors();
    const int processor = processors.empty() ? -1 : processors[i % processors.size()];
    Seat& seat = seats_[i];
    seat.process = std::make_unique<WorkerProcess>(main_, processor);
    seat.state = Seat::State::starting;
    seat.deadline = Clock::now() + std::chrono::seconds(120);
    seat.process->channel().send({{"setup", setup_}});
  }

  void sleep_until(Clock::time_point until) {
    std::vector<pollfd> ends;
    for (Seat& seat : seats_) {
      ends.push_back({seat.process->channel().fd(), POLLIN, 0});
      if (seat.state != Seat::State::idle) until = std::min(until, seat.deadline);
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(ends.data(), ends.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
    for (std::size_t i = 0; i < seats_.size(); ++i) seats_[i].readable = ends[i].revents != 0;
  }

  std::optional<Reply> look_at(std::size_t i) {
    Seat& seat = seats_[i];
    nlohmann::json message;
    Channel& channel = seat.process->channel();
    const Channel::Read read = std::exchange(seat.readable, false) ? channel.receive_some(message) : channel.take(message);
    if (read == Channel::Read::line) return hear(i, message);
    if (read != Channel::Read::nothing) return lose(i, read == Channel::Read::broken ? "it broke the protocol" : "");
    if (seat.state != Seat::State::idle && Clock::now() >= seat.deadline) return lose(i, "it did not answer in time");
    return std::nullopt;
  }

  std::optional<Reply> hear(std::size_t i, const nlohmann::json& message) {
    Seat& seat = seats_[i];
    if (seat.state == Seat::State::starting) {
      if (message.contains("error")) throw Failure(error_of(message));
      if (integer(message, "worker") != protocol_version) return lose(i, "it broke the protocol");
      seat.state = Seat::State::idle;
      seat.failed_starts = 0;
      return std::nullopt;
    }
    if (seat.state != Seat::State::busy || integer(message, "job") != seat.job ||
        message.contains("error") == message.contains("answer"))
      return lose(i, "it broke the protocol");
    seat.state = Seat::State::idle;
    Reply reply{.job = seat.job, .worker = static_cast<int>(i), .kind = Reply::Kind::answer, .answer = {}, .what = {}};
    if (message.contains("answer")) {
      reply.answer = message["answer"];
    } else {
      const Error error = error_of(message);
      reply.kind = Reply::Kind::error;
      reply.what = error.message;
      reply.fault = error.fault;
    }
    return reply;
  }

  /// Replaces a worker. `why`: empty when it went by itself.
  std::optional<Reply> lose(std::size_t i, const std::string& why) {
    Seat& seat = seats_[i];
    const std::string end = seat.process->stop(why.empty() ? 500 : 0);
    const std::string what = why.empty() ? end : why;
    const bool was_busy = seat.state == Seat::State::busy;
    const int job = seat.job;
    if (seat.state == Seat::State::starting && ++seat.failed_starts >= 3)
      throw Failure({Fault::resources, "workers cannot be started: " + what});
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
    const int fault = integer(message, "fault");
    const bool known = fault >= static_cast<int>(Fault::usage) && fault <= static_cast<int>(Fault::not_finite);
    return {known ? static_cast<Fault>(fault) : Fault::input, text.is_string() ? text.get<std::string>() : text.dump()};
  }

  WorkerMain main_;
  nlohmann::json setup_;
  std::vector<Seat> seats_;
};

}  // namespace genoform::search
