#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "genoform/core/memory.hpp"

/// What the memory delivers at this moment: the roof of everything that is larger than the caches.
namespace genoform::cpu {

/// GB/s of the triad a = b + s c (McCalpin's STREAM: three arrays count, the read before a write does not), the best of `rounds`
/// passes of `threads` threads over arrays of `mebibytes` each, which should be well beyond a thread's share of the last cache.
inline double triad_bandwidth(int threads = 1, std::int64_t mebibytes = 64, int rounds = 5) {
  using Clock = std::chrono::steady_clock;
  using Vector [[gnu::vector_size(16)]] = float;  // so that no compiler is left to store number by number
  const std::int64_t bytes = mebibytes * 1024 * 1024, count = bytes / static_cast<std::int64_t>(sizeof(Vector));
  const Cells<float> a(bytes / 4), b(bytes / 4), c(bytes / 4);
  auto* const to = reinterpret_cast<Vector*>(a.data());
  const auto* const from = reinterpret_cast<const Vector*>(b.data());
  const auto* const scaled = reinterpret_cast<const Vector*>(c.data());
  static_cast<void>(threads);  // without OpenMP there is one
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const float s = 1.5F + static_cast<float>(round);
    const auto start = Clock::now();
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static)
#endif
    for (std::int64_t i = 0; i < count; ++i) to[i] = from[i] + s * scaled[i];
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    __asm__ volatile("" : : "r"(to) : "memory");  // what was written counts as read, so that no round is left out
    best = std::max(best, 3.0 * static_cast<double>(bytes) / seconds * 1e-9);
  }
  return best;
}

}  // namespace genoform::cpu
