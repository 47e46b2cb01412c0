#pragma once
#include <pthread.h>
#include <signal.h>

#include <initializer_list>

namespace genoform::cpu {

/// While an object lives, the calling thread runs no handler of a signal, but of the faults that it makes itself; a signal that
/// is sent to it is handled at the end of the scope, one that is sent to the process by another thread.
///
/// The f32 products that oneDNN generates keep addresses of the heap in the stack pointer, where a handler on the thread's own
/// stack would write into the heap (uxlfoundation/oneDNN, issue 4845).
class SignalsHeld {
 public:
  SignalsHeld() : outermost_(!held()) {
    if (outermost_) {
      const sigset_t most = all_but_faults();
      ::pthread_sigmask(SIG_BLOCK, &most, &before_);
      held() = true;
    }
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() {
    if (!outermost_) return;
    held() = false;
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  /// Of the calling thread: the two calls of the kernel are spared where they change nothing.
  static bool& held() {
    static thread_local bool held = false;
    return held;
  }
  static sigset_t all_but_faults() {
    sigset_t set;
    ::sigfillset(&set);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) ::sigdelset(&set, fault);
    return set;
  }

  bool outermost_;
  sigset_t before_{};
};

}  // namespace genoform::cpu
