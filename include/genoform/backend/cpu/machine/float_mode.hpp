#pragma once

/// How a thread of the host computes: rounding, traps, what denormal numbers count as, and the flags that were raised, in one
/// register. Other processors than x86 keep the mode that they have.
namespace genoform::cpu {

inline unsigned float_mode() {
#ifdef __SSE__
  return __builtin_ia32_stmxcsr();
#else
  return 0;
#endif
}
/// The barriers keep compilers from moving arithmetic on memory to the other side.
inline void set_float_mode([[maybe_unused]] unsigned mode) {
#ifdef __SSE__
  asm volatile("" ::: "memory");
  __builtin_ia32_ldmxcsr(mode);
  asm volatile("" ::: "memory");
#endif
}

/// The mode of prepared calls, whatever the program has set: to nearest, no trap, denormal numbers count as zero.
inline constexpr unsigned call_mode = 0x9FC0U;

/// The calling thread computes as prepared calls do until the end of the scope; then it has the mode that it had.
class CallMode {
 public:
  CallMode() : before_(float_mode()) { set_float_mode(call_mode); }
  CallMode(const CallMode&) = delete;
  CallMode& operator=(const CallMode&) = delete;
  ~CallMode() { set_float_mode(before_); }

  const unsigned& before() const { return before_; }

 private:
  unsigned before_;
};

}  // namespace genoform::cpu
