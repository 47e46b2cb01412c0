#pragma once
#include <cstdint>
#include <cstdlib>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "genoform/core/joined.hpp"
#include "genoform/core/processors.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::cpu {

/// The most threads that one model may have.
inline constexpr int max_threads = 1024;

/// The threads of a model that is told none: OMP_NUM_THREADS where it is a number, else one for each processor that the process
/// can use. OpenMP counts these without the quota of a container, and threads beyond it stand still in turns.
inline int default_threads() {
#ifdef _OPENMP
  const char* const asked = std::getenv("OMP_NUM_THREADS");
  if (asked != nullptr && *asked >= '0' && *asked <= '9') return omp_get_max_threads();
#endif
  return smaller_of(usable_processors(), max_threads);
}

/// The threads that a model has when it is asked for `threads`; 0: default_threads(). Throws Exception (usage) if there are too
/// many or too few.
inline int checked_threads(int threads) {
  const int found = threads == 0 ? default_threads() : threads;
  if (found < 1 || found > max_threads) fail(ErrorKind::usage, {"a Cpu takes 1 to ", max_threads, " threads, not ", found});
#ifdef _OPENMP
  return found;
#else
  return 1;
#endif
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
