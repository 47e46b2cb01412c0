#pragma once
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <thread>

namespace command {

/// Hears SIGINT, SIGTERM and SIGHUP, so that work can be saved first; a second one ends the program at once. One that the program
/// was told to ignore, as by nohup, is ignored. A thread of its own waits for them: no handler ever runs in a thread that
/// computes. Make it before other threads are started: they block these signals like the thread that makes it.
class Signals {
 public:
  Signals() : waited_for_(those_to_wait_for()), pipe_(::signal(SIGPIPE, SIG_IGN)) {
    ::pthread_sigmask(SIG_BLOCK, &waited_for_, &before_);
    waiter_ = std::thread([this] { wait(); });
  }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  ~Signals() {
    over_ = true;
    ::pthread_kill(waiter_.native_handle(), SIGTERM);
    waiter_.join();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    ::signal(SIGPIPE, pipe_);
  }

  /// The exit code of what asks the program to end: of the signal that came (129, 130 or 143), or 141 where nobody reads stderr
  /// any more. 0: nothing.
  int exit_code() const {
    if (const int caught = caught_; caught != 0) return 128 + caught;
    return std::ferror(stderr) != 0 && is_unread(STDERR_FILENO) ? 128 + SIGPIPE : 0;
  }

 private:
  static sigset_t those_to_wait_for() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGTERM);
    for (const int number : {SIGINT, SIGHUP}) {
      struct sigaction now {};
      ::sigaction(number, nullptr, &now);
      if (now.sa_handler != SIG_IGN) ::sigaddset(&set, number);
    }
    return set;
  }
  /// Whether a descriptor is a pipe whose reader has gone.
  static bool is_unread(int descriptor) {
    pollfd end{descriptor, POLLOUT, 0};
    return ::poll(&end, 1, 0) == 1 && (end.revents & POLLERR) != 0;
  }

  void wait() {
    int number = 0;
    while (::sigwait(&waited_for_, &number) == 0 && !over_) {
      if (caught_ != 0) {
        ::signal(number, SIG_DFL);
        ::pthread_sigmask(SIG_UNBLOCK, &waited_for_, nullptr);
        ::raise(number);
      }
      caught_ = number;
    }
  }

  sigset_t waited_for_, before_{};
  void (*pipe_)(int);  ///< what SIGPIPE did before
  std::atomic<int> caught_{0};
  std::atomic<bool> over_{false};
  std::thread waiter_;
};

}  // namespace command
