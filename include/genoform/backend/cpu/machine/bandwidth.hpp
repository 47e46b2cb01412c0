#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "genoform/backend/cpu/kernels.hpp"
#include "genoform/backend/cpu/machine/team.hpp"
#include "genoform/core/memory.hpp"

#include "genoform/core/hide_macros.hpp"

/// The bandwidth of the memory at this moment: the bound of all operations on data that no cache holds.
namespace genoform::cpu {

/// GB/s of the triad a = b + s c (McCalpin's STREAM: three arrays count, the read before a write does not), the best of `rounds`
/// passes of `threads` threads over arrays of `mebibytes` each, which should be well beyond a thread's share of the last cache.
inline double triad_bandwidth(int threads = 1, std::int64_t mebibytes = 64, int rounds = 5) {
  using Clock = std::chrono::steady_clock;
  using Vector [[gnu::vector_size(16)]] = float;  // vectors, so that no compiler stores element by element
  const std::int64_t bytes = mebibytes * 1024 * 1024, count = bytes / static_cast<std::int64_t>(sizeof(Vector));
  const HostBuffer<float> a(bytes / 4), b(bytes / 4), c(bytes / 4);
  auto* const to = reinterpret_cast<Vector*>(a.data());
  const auto* const from = reinterpret_cast<const Vector*>(b.data());
  const auto* const scaled = reinterpret_cast<const Vector*>(c.data());
  Team team(threads);
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const float s = 1.5F + static_cast<float>(round);
    const auto start = Clock::now();
    const auto part = [&](int number) {
      for (std::int64_t i = count * number / threads; i < count * (number + 1) / threads; ++i) to[i] = from[i] + s * scaled[i];
    };
    team.run(part);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    __asm__ volatile("" : : "r"(to) : "memory");  // the result counts as used, so that no round is removed
    best = std::max(best, 3.0 * static_cast<double>(bytes) / seconds * 1e-9);
  }
  return best;
}

/// Reads whole blocks of 512 bytes with the widest vectors, once.
inline void read_once(InstructionSet set, const float* from, std::int64_t blocks) {
#ifdef __x86_64__
#define GENOFORM_EIGHT_READS(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)
#define GENOFORM_READ_WIDE(i) "vmovups " #i "*64(%0), %%zmm" #i "\n"
#define GENOFORM_READ_MIDDLE(i) "vmovups " #i "*64(%0), %%ymm" #i "\nvmovups " #i "*64+32(%0), %%ymm" #i "\n"
#define GENOFORM_READ_NARROW(i)                                                                                               \
  "movups " #i "*64(%0), %%xmm" #i "\nmovups " #i "*64+16(%0), %%xmm" #i "\nmovups " #i "*64+32(%0), %%xmm" #i "\nmovups " #i \
  "*64+48(%0), %%xmm" #i "\n"
// Assembly, since what is read is not used.
#define GENOFORM_READ_LOOP(reads, end)                                                     \
  __asm__ volatile("1:\n" GENOFORM_EIGHT_READS(reads) "add $512, %0\ndec %1\njnz 1b\n" end \
                   : "+r"(from), "+r"(blocks)                                              \
                   :                                                                       \
                   : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7")
  if (set >= InstructionSet::avx512)
    GENOFORM_READ_LOOP(GENOFORM_READ_WIDE, "vzeroupper\n");
  else if (set == InstructionSet::avx2)
    GENOFORM_READ_LOOP(GENOFORM_READ_MIDDLE, "vzeroupper\n");
  else
    GENOFORM_READ_LOOP(GENOFORM_READ_NARROW, "");
#undef GENOFORM_READ_LOOP
#undef GENOFORM_READ_NARROW
#undef GENOFORM_READ_MIDDLE
#undef GENOFORM_READ_WIDE
#undef GENOFORM_EIGHT_READS
#else
  static_cast<void>(set);
  for (std::int64_t i = 0; i < blocks * 128; ++i) static_cast<void>(static_cast<const volatile float*>(from)[i]);
#endif
}

/// GB/s at which one thread reads `bytes` repeatedly, the best of some passes: the bound of operations on so many bytes, in the
/// smallest cache that holds them. Rounded up to 512 bytes.
inline double read_bandwidth(std::int64_t bytes, InstructionSet set = best_instruction_set()) {
  using Clock = std::chrono::steady_clock;
  const std::int64_t blocks = std::max<std::int64_t>((bytes + 511) / 512, 1);
  const HostBuffer<float> elements(blocks * 128);
  const std::int64_t passes = std::max<std::int64_t>(4 * 1024 * 1024 / (blocks * 512), 1);
  double best = 0;
  for (int round = 0; round < 20; ++round) {
    const auto start = Clock::now();
    for (std::int64_t i = 0; i < passes; ++i) read_once(set, elements.data(), blocks);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, static_cast<double>(passes * blocks * 512) / seconds * 1e-9);
  }
  return best;
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
