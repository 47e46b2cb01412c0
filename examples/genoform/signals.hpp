#pragma once
#include <csignal>

namespace command {

/// Remembers SIGINT and SIGTERM so that work can be saved first; a second one ends the program at once.
class Signals {
 public:
  Signals() {
    struct sigaction action {};
    action.sa_handler = [](int number) { caught_ = number; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
  }
  /// The exit code of the signal that came, 130 or 143; 0: none.
  int exit_code() const { return caught_ == 0 ? 0 : 128 + static_cast<int>(caught_); }

 private:
  inline static volatile std::sig_atomic_t caught_ = 0;
};

}  // namespace command
