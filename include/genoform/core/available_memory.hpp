#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#ifdef __linux__
#include <sys/resource.h>
#endif

#include "genoform/core/control_group.hpp"
#include "genoform/core/joined.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// A figure of a text file of Linux, "key: 123 kB", in bytes; -1 if it cannot be read.
inline std::int64_t bytes_in(const char* file, std::string_view key) {
  std::int64_t bytes = -1;
  if (std::FILE* info = std::fopen(file, "r")) {
    char line[128];
    while (bytes < 0 && std::fgets(line, sizeof line, info) != nullptr)
      if (const std::string_view text(line); text.starts_with(key) && text.substr(key.size()).starts_with(':'))
        bytes = std::strtoll(line + key.size() + 1, nullptr, 10) * 1024;
    std::fclose(info);
  }
  return bytes;
}

/// Bytes of the process that are in memory now, and their maximum so far; -1 if they cannot be read.
inline std::int64_t resident_memory() { return bytes_in("/proc/self/status", "VmRSS"); }
inline std::int64_t peak_resident_memory() { return bytes_in("/proc/self/status", "VmHWM"); }

/// Memory that a new allocation may take, and which limit sets it.
struct MemoryLimit {
  std::int64_t bytes = control_group::no_limit;
  std::string_view name{};  ///< "ulimit -v"; empty: the memory of the machine

  constexpr void lower_to(std::int64_t other, std::string_view of) {
    if (other < bytes) *this = {other, of};
  }
};

#ifdef __linux__
/// What a limit of the process leaves beside what it uses already.
template <class Resource>
std::int64_t memory_left_under(Resource resource, const char* used) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur >= static_cast<rlim_t>(control_group::no_limit))
    return control_group::no_limit;
  return static_cast<std::int64_t>(limit.rlim_cur) - bytes_in("/proc/self/status", used);
}
#endif

/// The smallest of what the machine, the control groups and the limits of the process leave, less a reserve for what is
/// allocated without being asked for first. It reads a dozen small files: for allocations that matter.
inline MemoryLimit memory_limit() {
  constexpr std::int64_t reserve = std::int64_t{32} << 20;
  MemoryLimit limit;
  if (const std::int64_t bytes = bytes_in("/proc/meminfo", "MemAvailable"); bytes >= 0) limit.lower_to(bytes, {});
  limit.lower_to(control_group::memory_left(), "the memory limit of the control group");
#ifdef __linux__
  limit.lower_to(memory_left_under(RLIMIT_AS, "VmSize"), "ulimit -v");
  limit.lower_to(memory_left_under(RLIMIT_DATA, "VmData"), "ulimit -d");
#endif
  if (limit.bytes == control_group::no_limit) return limit;
  limit.bytes = limit.bytes > reserve ? limit.bytes - reserve : 0;
  return limit;
}

/// Bytes of memory that are available to a new allocation; no limit if it cannot be read.
inline std::int64_t available_memory() { return memory_limit().bytes; }

/// Bytes that are needed in MiB, rounded up: what does not fit is never called 0.
constexpr std::int64_t mebibytes_needed(std::int64_t bytes) {
  return bytes / (1024 * 1024) + (bytes % (1024 * 1024) > 0 ? 1 : 0);
}

/// "300 MiB are available", "12 MiB are available under ulimit -v".
inline std::string available_text(const MemoryLimit& limit) {
  return joined({limit.bytes / (1024 * 1024), " MiB are available", limit.name.empty() ? "" : " under ", limit.name});
}

/// Throws Exception (resources) with both figures if `bytes` are not available beside `reserve` bytes that are needed later.
inline void require_memory(std::int64_t bytes, const std::string& what, std::int64_t reserve = 0) {
  MemoryLimit there = memory_limit();
  there.bytes = there.bytes > reserve ? there.bytes - reserve : 0;
  if (bytes <= there.bytes) return;
  fail(ErrorKind::resources,
       {what, " needs ", mebibytes_needed(bytes), " MiB, ", available_text(there), "; take a smaller batch, context or model"});
}

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
