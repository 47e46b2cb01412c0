#pragma once
#include <pthread.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "genoform/backend/cpu/machine/float_mode.hpp"
#include "genoform/backend/cpu/machine/signals_held.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/core/result.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// Threads that compute parts of an operation beside the thread that asks for it, the caller. There are as many parts as threads,
/// the caller's included; each part is computed once, by its own thread or, where that has not begun when the caller is done with
/// its own, by the caller: a thread that the system does not schedule delays nobody.
///
/// A thread that waits spins for a millisecond, so that the next operation of a step finds it awake, and then sleeps. Threads
/// compute in the mode of prepared calls and take no signals but faults. They are made by start(); a child process has none of
/// its parent's, and start() makes its own. One thread at a time uses a team.
class Team {
 public:
  /// `compute(body, part)` computes a part.
  using Compute = void (*)(const void* body, int part);

  explicit Team(int threads) : threads_(threads) {}
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() { abandon_if_forked(); }

  /// Makes the threads, where this process has not made them yet. Throws Exception (resources) where the system refuses one.
  void start() {
    if (threads_ == 1 || (crew_ && crew_->process == ::getpid())) return;
    make_threads();
  }

  /// Computes all parts; returns when they are done. What a part throws, the first of several, passes through then.
  void run(const void* body, Compute compute) {
    if (!crew_) start();
    run_parts(body, compute);
  }
  /// The same as `part(number)`.
  template <class Part>
  void run(const Part& part) {
    run(&part, [](const void* held, int number) { (*static_cast<const Part*>(held))(number); });
  }

 private:
  struct alignas(64) Member {
    std::atomic<std::uint32_t> taken{0};  ///< the round whose part of this member has been begun
    pthread_t thread{};
  };
  /// What the threads share. On the heap, where it stays when a child process cannot join them.
  struct Crew {
    explicit Crew(int threads) : members(static_cast<std::size_t>(threads)), process(::getpid()) {}
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew() {
      compute = nullptr;
      round.fetch_add(1, std::memory_order_seq_cst);
      round.notify_all();
      while (started > 0) ::pthread_join(members[static_cast<std::size_t>(started--)].thread, nullptr);
    }

    /// Whether the calling thread is the one that computes this part of the round.
    bool take(int part, std::uint32_t now) {
      std::uint32_t before = now - 1;
      return members[static_cast<std::size_t>(part)].taken.compare_exchange_strong(before, now, std::memory_order_acq_rel);
    }

    void compute_part(int part) noexcept {
      try {
        compute(body, part);
      } catch (...) {
        if (!has_failed.exchange(true)) failure = std::current_exception();
      }
    }

    alignas(64) std::atomic<std::uint32_t> round{0};
    const void* body = nullptr;
    Compute compute = nullptr;  ///< null: the threads end
    alignas(64) std::atomic<int> unfinished{0};
    std::atomic<bool> has_failed{false};
    std::exception_ptr failure;   ///< of the first part that failed
    std::vector<Member> members;  ///< the first is the caller, without a thread
    int started = 0;
    pid_t process;
  };
  struct Start {
    Crew* crew;
    int part;
  };

  void run_parts(const void* body, Compute compute) {
    if (threads_ == 1) return compute(body, 0);
    Crew& crew = *crew_;
    crew.body = body;
    crew.compute = compute;
    crew.unfinished.store(threads_ - 1, std::memory_order_relaxed);
    const std::uint32_t round = crew.round.load(std::memory_order_relaxed) + 1;
    crew.round.store(round, std::memory_order_seq_cst);
    crew.round.notify_all();
    crew.compute_part(0);
    for (int part = 1; part < threads_; ++part)
      if (crew.take(part, round)) {
        crew.compute_part(part);
        crew.unfinished.fetch_sub(1, std::memory_order_acq_rel);
      }
    wait_while(crew.unfinished, [](int unfinished) { return unfinished > 0; });
    if (crew.has_failed.exchange(false)) std::rethrow_exception(std::exchange(crew.failure, nullptr));
  }

  /// Returns once `goes_on(value)` does not hold: spins first, beside other runnable threads where there are any.
  template <class Value, class GoesOn>
  static void wait_while(const std::atomic<Value>& value, GoesOn goes_on) {
    constexpr std::int64_t patience = 1'000'000, alone = 50'000;
    Value seen = value.load(std::memory_order_acquire);
    for (const std::int64_t start = nanoseconds(); goes_on(seen); seen = value.load(std::memory_order_acquire)) {
      const std::int64_t waited = nanoseconds() - start;
      if (waited > patience)
        value.wait(seen, std::memory_order_acquire);
      else if (waited > alone)
        ::sched_yield();
      else
        for (int i = 0; i < 16; ++i) relax();
    }
  }
  static std::int64_t nanoseconds() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }
  static void relax() {
#ifdef __SSE2__
    __builtin_ia32_pause();
#endif
  }

  static void* serve(void* held) {
    const UniquePtr<Start> start(static_cast<Start*>(held));
    Crew& crew = *start->crew;
    set_float_mode(call_mode);
    const SignalsHeld as_inherited;
    for (std::uint32_t done = 0;;) {
      wait_while(crew.round, [done](std::uint32_t round) { return round == done; });
      done = crew.round.load(std::memory_order_acquire);
      if (!crew.take(start->part, done)) continue;  // the caller was faster
      if (crew.compute == nullptr) return nullptr;
      crew.compute_part(start->part);
      if (crew.unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) crew.unfinished.notify_one();
    }
  }

  [[gnu::cold, gnu::noinline]] void make_threads() {
    abandon_if_forked();
    crew_ = make_unique_ptr<Crew>(threads_);
    const SignalsHeld inherited_by_threads;
    for (int part = 1; part < threads_; ++part) {
      auto start = make_unique_ptr<Start>(Start{crew_.get(), part});
      const int failed = ::pthread_create(&crew_->members[static_cast<std::size_t>(part)].thread, nullptr, serve, start.get());
      if (failed != 0) {
        crew_ = UniquePtr<Crew>();
        fail(ErrorKind::resources, {"thread ", part + 1, " of ", threads_, " cannot be started: ", std::strerror(failed),
                                    "; take fewer threads, or allow more (ulimit -u, pids.max of a container)"});
      }
      static_cast<void>(start.release());
      ++crew_->started;
    }
  }
  /// Threads of a parent process can be neither joined nor told anything.
  void abandon_if_forked() {
    if (crew_ && crew_->process != ::getpid()) static_cast<void>(crew_.release());
  }

  int threads_;
  UniquePtr<Crew> crew_;
};

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
