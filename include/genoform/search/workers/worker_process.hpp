#pragma once
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/io/standard_descriptors.hpp"
#include "genoform/search/workers/protocol.hpp"

namespace genoform::search {

/// What a new worker process runs; `fd` is its end of the connection. Its result is the exit code, if it returns (it may also
/// exec).
using WorkerMain = std::function<int(int fd)>;

/// A child process with a connection to it. Pinned to one processor; ends when its coordinator does.
class WorkerProcess {
 public:
  WorkerProcess(const WorkerMain& main, int processor) : channel_(-1) {
    io::occupy_standard_descriptors();
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("no connection to a worker");
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) {
      ::close(ends[0]);
      ::close(ends[1]);
      fail("no worker process");
    }
    if (pid_ == 0) become(main, ends[1], parent, processor);
    ::close(ends[1]);
    channel_ = Channel(ends[0]);
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess() { stop(); }

  Channel& channel() { return channel_; }
  pid_t pid() const { return pid_; }

  /// Waits that long for the process to end by itself, then kills it; returns how it ended.
  std::string stop(int patience_ms = 0) {
    if (pid_ <= 0) return "";
    int status = 0;
    bool ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    for (int waited = 0; !ended && waited < patience_ms; ++waited) {
      ::usleep(1000);
      ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    }
    if (!ended) {
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
    }
    ::close(channel_.fd());
    pid_ = -1;
    if (!ended) return "it was stopped";
    if (WIFSIGNALED(status)) return "it was ended by signal " + std::to_string(WTERMSIG(status));
    return "it ended with exit code " + std::to_string(WEXITSTATUS(status));
  }

 private:
  [[noreturn]] static void fail(const std::string& what) {
    throw Exception({ErrorKind::resources, what + ": " + std::strerror(errno)});
  }

  [[noreturn]] static void become(const WorkerMain& main, int fd, pid_t parent, int processor) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    if (processor >= 0) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(static_cast<unsigned>(processor), &set);
      ::sched_setaffinity(0, sizeof set, &set);
    }
    // The coordinator decides what a signal means. What it blocks for itself is not for others.
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_IGN);
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
};

}  // namespace genoform::search
