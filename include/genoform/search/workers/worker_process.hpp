#pragma once
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "genoform/core/result.hpp"
#include "genoform/io/standard_descriptors.hpp"
#include "genoform/search/workers/error_output.hpp"
#include "genoform/search/workers/protocol.hpp"

namespace genoform::search {

/// What a new worker process runs; `fd` is its end of the connection. Its result is the exit code, if it returns (it may also
/// exec).
using WorkerMain = std::function<int(int fd)>;

/// A child process with a connection to it. It ends when its coordinator does.
class WorkerProcess {
 public:
  /// command: a shell's command that may start others and that asks nobody for a password. It has a session of its own, and its
  /// standard error is kept for errors(). It is not killed when it may end by itself, because what it started elsewhere, a job of
  /// Slurm, would stay. function: all others.
  enum class Kind { function, command };

  /// Pinned to one processor; -1: to none.
  WorkerProcess(const WorkerMain& main, int processor) : WorkerProcess(main, Kind::function, processor) {}
  WorkerProcess(const WorkerMain& main, Kind kind) : WorkerProcess(main, kind, -1) {}
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess() {
    leave();
    while (!has_left()) ::usleep(1000);
  }

  Channel& channel() { return channel_; }
  pid_t pid() const { return pid_; }
  ErrorOutput& errors() { return *errors_; }

  /// How the process ended, if it does within so many milliseconds.
  std::optional<std::string> end_within(int milliseconds) {
    if (!has_ended(milliseconds)) return std::nullopt;
    const int status = take_end();
    if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
    return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
  }

  /// Closes the connection: the process shall end, and is helped by has_left().
  void leave() {
    if (pid_ <= 0 || left_at_) return;
    left_at_ = Clock::now();
    ::shutdown(channel_.fd(), SHUT_RDWR);
  }
  /// Has a process that leaves ended? A command gets a signal when it takes long, a function at once.
  bool has_left() {
    using std::chrono::seconds;
    if (pid_ <= 0) return true;
    const auto waited = Clock::now() - *left_at_;
    if (kind_ == Kind::function || waited > seconds(10))
      send_signal(SIGKILL);
    else if (waited > seconds(2) && !std::exchange(is_asked_, true))
      send_signal(SIGTERM);
    if (!has_ended(0)) return false;
    take_end();
    return true;
  }

 private:
  using Clock = std::chrono::steady_clock;

  WorkerProcess(const WorkerMain& main, Kind kind, int processor) : channel_(-1), kind_(kind) {
    io::occupy_standard_descriptors();
    int ends[2], errors[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("no connection to a worker");
    if (kind == Kind::command && ::pipe2(errors, O_CLOEXEC) != 0) {
      for (const int end : ends) ::close(end);
      fail("no connection to a worker");
    }
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) {
      for (const int end : {ends[0], ends[1], errors[0], errors[1]})
        if (end >= 0) ::close(end);
      fail("no worker process");
    }
    if (pid_ == 0) become(main, ends[1], errors[1], parent, processor);
    ::close(ends[1]);
    channel_ = Channel(ends[0]);
    if (kind == Kind::command) {
      ::close(errors[1]);
      errors_ = std::make_unique<ErrorOutput>(errors[0]);
    }
  }

  [[noreturn]] static void fail(const std::string& what) {
    throw Exception({ErrorKind::resources, what + ": " + std::strerror(errno)});
  }

  void send_signal(int number) const { ::kill(kind_ == Kind::command ? -pid_ : pid_, number); }

  /// Takes the status of the process that has ended, and what it started with it.
  int take_end() {
    if (kind_ == Kind::command) send_signal(SIGKILL);  // while the number of the process is that of no other one
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    errors_->read();
    ::close(channel_.fd());
    pid_ = -1;
    return status;
  }

  /// Has it ended, at the latest after so many milliseconds? It stays to be waited for.
  bool has_ended(int patience_ms) const {
    for (int waited = 0;; ++waited) {
      siginfo_t info{};
      if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_) return true;
      if (waited >= patience_ms) return false;
      ::usleep(1000);
    }
  }

  /// `errors`: where the standard error of a command goes, -1: where it went.
  [[noreturn]] static void become(const WorkerMain& main, int fd, int errors, pid_t parent, int processor) {
    const bool is_command = errors >= 0;
    ::prctl(PR_SET_PDEATHSIG, is_command ? SIGTERM : SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    if (processor >= 0) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<unsigned>(processor), &set);
      ::sched_setaffinity(0, sizeof set, &set);
    }
    if (is_command) {
      ::setsid();
      ::dup2(errors, STDERR_FILENO);
    }
    // The coordinator decides what a signal means. What it blocks for itself is not for others.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, is_command ? SIG_DFL : SIG_IGN);
    ::signal(SIGPIPE, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Nothing else of the coordinator's stays open: neither the lock of its study nor the connections of other workers.
    const int own = ::dup2(fd, 3);
    ::close_range(4, ~0U, 0);
    ::_exit(main(own));
  }

  Channel channel_;
  pid_t pid_ = -1;
  Kind kind_;
  std::optional<Clock::time_point> left_at_;
  bool is_asked_ = false;  ///< to end, by a signal
  std::unique_ptr<ErrorOutput> errors_ = std::make_unique<ErrorOutput>();
};

}  // namespace genoform::search
