#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

#include "genoform/core/bounds.hpp"
#include "genoform/core/control_group.hpp"
#include "genoform/core/joined.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// The processors that this process may run on, its affinity; empty where the system does not tell.
inline std::vector<int> allowed_processors() {
  std::vector<int> processors;
#ifdef __linux__
  cpu_set_t sets[8] = {};  // 8192 processors: the call fails for fewer than the kernel was built for
  if (::sched_getaffinity(0, sizeof sets, sets) != 0) return processors;
  for (int p = 0; p < 8 * CPU_SETSIZE; ++p)
    if (CPU_ISSET_S(static_cast<std::size_t>(p), sizeof sets, sets)) processors.push_back(p);
#endif
  return processors;
}

/// The processors of the machine and what this process may use of them.
struct Processors {
  int visible = 1;                              ///< of the machine
  int allowed = 1;                              ///< by the affinity of the process
  int quota = std::numeric_limits<int>::max();  ///< of the control group, rounded up

  int usable() const { return larger_of(1, smaller_of(allowed, quota)); }
  /// Why fewer are usable than visible; empty if all are.
  std::string reason() const {
    if (usable() >= visible) return {};
    if (quota < allowed) return joined({"the quota of the control group is ", quota});
    return joined({"the affinity of the process allows ", allowed});
  }
};

inline Processors processors() {
  Processors found;
  found.visible = larger_of(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)));
  const auto allowed = static_cast<int>(allowed_processors().size());
  found.allowed = allowed > 0 ? allowed : found.visible;
  found.quota = static_cast<int>(smaller_of<std::int64_t>(control_group::processors(), std::numeric_limits<int>::max()));
  return found;
}

/// Processors that this process can keep busy: those that it may run on, at most the quota of its control group.
inline int usable_processors() { return processors().usable(); }

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
