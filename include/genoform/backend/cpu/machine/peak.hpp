#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "genoform/backend/cpu/context.hpp"
#include "genoform/backend/cpu/machine/team.hpp"

#include "genoform/core/hide_macros.hpp"

/// The multiply-add peak at this moment: clock rates and other processes change it, so a rate is quoted as a share of the
/// result of this loop, run beside it.
namespace genoform::cpu {

/// Runs 20 independent sums of fused multiply-adds `rounds` times on the widest vectors; returns the number of floating-point
/// operations.
inline double fma_burst(InstructionSet set, std::int64_t rounds) {
#ifdef __x86_64__
#ifdef __AVX512F__
#define GENOFORM_UPPER , "xmm16", "xmm17", "xmm18", "xmm19", "xmm30", "xmm31"  // registers that the rest of the loop does not use
#else
#define GENOFORM_UPPER
#endif
// Assembly, so that no compiler shortens the loop. Two units of latency 4 need 8 independent sums; 20 are more than enough.
#define GENOFORM_TEN(f, d) f(d##0) f(d##1) f(d##2) f(d##3) f(d##4) f(d##5) f(d##6) f(d##7) f(d##8) f(d##9)
#define GENOFORM_WIDE(i) "vfmadd231ps %%zmm30, %%zmm31, %%zmm" #i "\n"
#define GENOFORM_MIDDLE(i) "vfmadd231ps %%ymm14, %%ymm15, %%ymm" #i "\n"
#define GENOFORM_NARROW(i) "mulps %%xmm15, %%xmm" #i "\naddps %%xmm14, %%xmm" #i "\n"
  if (set >= InstructionSet::avx512) {
    std::int64_t n = rounds;
    __asm__ volatile("vpxorq %%zmm30, %%zmm30, %%zmm30\nvpxorq %%zmm31, %%zmm31, %%zmm31\n1:\n" GENOFORM_TEN(GENOFORM_WIDE, )
                         GENOFORM_TEN(GENOFORM_WIDE, 1) "dec %0\njnz 1b\nvzeroupper\n"
                     : "+r"(n)
                     :
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15" GENOFORM_UPPER);
    return static_cast<double>(rounds) * 20 * 16 * 2;
  }
  if (set == InstructionSet::avx2) {
    std::int64_t n = rounds;
    __asm__ volatile("vxorps %%ymm14, %%ymm14, %%ymm14\nvxorps %%ymm15, %%ymm15, %%ymm15\n1:\n" GENOFORM_TEN(GENOFORM_MIDDLE, )
                         GENOFORM_TEN(GENOFORM_MIDDLE, ) "dec %0\njnz 1b\nvzeroupper\n"
                     : "+r"(n)
                     :
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm14", "xmm15");
    return static_cast<double>(rounds) * 20 * 8 * 2;
  }
  std::int64_t n = rounds;
  __asm__ volatile("xorps %%xmm14, %%xmm14\nxorps %%xmm15, %%xmm15\n1:\n" GENOFORM_TEN(GENOFORM_NARROW, )
                       GENOFORM_TEN(GENOFORM_NARROW, ) "dec %0\njnz 1b\n"
                   : "+r"(n)
                   :
                   : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm14", "xmm15");
  return static_cast<double>(rounds) * 20 * 4 * 2;
#undef GENOFORM_WIDE
#undef GENOFORM_MIDDLE
#undef GENOFORM_NARROW
#else
  static_cast<void>(set);
  volatile float sums[8] = {};
  for (std::int64_t i = 0; i < rounds; ++i)
    for (auto& sum : sums) sum = sum * 0.5F + 1.0F;
  return static_cast<double>(rounds) * 8 * 2;
#endif
}

/// The same in bf16: by the tiles of AMX or the dot products of AVX-512 where the instruction set has them, else in f32.
inline double bf16_burst(InstructionSet set, std::int64_t rounds) {
#ifdef __x86_64__
#define GENOFORM_DOT(i) "vdpbf16ps %%zmm30, %%zmm31, %%zmm" #i "\n"
  std::int64_t n = rounds;
  if (set == InstructionSet::amx) {
    bf16_kernels(set).products.unit.begin();
    __asm__ volatile(
        "tilezero %%tmm0\ntilezero %%tmm1\ntilezero %%tmm2\ntilezero %%tmm3\ntilezero %%tmm4\ntilezero %%tmm5\n"
        "tilezero %%tmm6\ntilezero %%tmm7\n1:\n"
        "tdpbf16ps %%tmm6, %%tmm4, %%tmm0\ntdpbf16ps %%tmm7, %%tmm4, %%tmm1\n"
        "tdpbf16ps %%tmm6, %%tmm5, %%tmm2\ntdpbf16ps %%tmm7, %%tmm5, %%tmm3\ndec %0\njnz 1b\n"
        : "+r"(n)
        :
        : "cc");
    bf16_kernels(set).products.unit.end();
    return static_cast<double>(rounds) * 4 * 16 * 16 * 32 * 2;
  }
  if (set == InstructionSet::avx512_bf16) {
    __asm__ volatile("vpxorq %%zmm30, %%zmm30, %%zmm30\nvpxorq %%zmm31, %%zmm31, %%zmm31\n1:\n" GENOFORM_TEN(GENOFORM_DOT, )
                         GENOFORM_TEN(GENOFORM_DOT, 1) "dec %0\njnz 1b\nvzeroupper\n"
                     : "+r"(n)
                     :
                     : "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
                       "xmm12", "xmm13", "xmm14", "xmm15" GENOFORM_UPPER);
    return static_cast<double>(rounds) * 20 * 32 * 2;
  }
#undef GENOFORM_DOT
#undef GENOFORM_TEN
#undef GENOFORM_UPPER
#endif
  return fma_burst(set, rounds);
}

/// The multiply-add peak of this moment in GFLOP/s: the best burst of one thread, or the rate that `threads` sustain together.
inline double peak(const Precision& precision, int threads = 1, double milliseconds = 20.0,
                   InstructionSet set = best_instruction_set()) {
  const auto burst = precision.is_bf16() ? bf16_burst : fma_burst;
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  constexpr std::int64_t rounds = 20000;
  struct alignas(64) Rates {
    double best = 0, sustained = 0;
  };
  std::vector<Rates> rates(static_cast<std::size_t>(threads));
  static_cast<void>(burst(set, rounds));
  const auto measure = [&](int part) {
    Rates& own = rates[static_cast<std::size_t>(part)];
    const auto start = Clock::now();
    double done = 0.0;
    auto now = start;
    do {
      const auto before = Clock::now();
      const double flops = burst(set, rounds);
      now = Clock::now();
      done += flops;
      own.best = std::max(own.best, flops / seconds(now - before));
    } while (seconds(now - start) * 1e3 < milliseconds);
    own.sustained = done / seconds(now - start);
  };
  Team(threads).run(measure);
  double total = 0;
  for (const Rates& each : rates) total += each.sustained;
  return (threads == 1 ? rates[0].best : total) * 1e-9;
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
