#include "genoform/core/available_memory.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "genoform/core/result.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Runs in a process of its own, whose limits may be lowered; returns whether it said true.
template <class Resource>
bool holds_under(Resource resource, std::int64_t bytes, bool (*check)()) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit limit{static_cast<rlim_t>(bytes), static_cast<rlim_t>(bytes)};
    ::_exit(::setrlimit(resource, &limit) == 0 && check() ? 0 : 1);
  }
  int status = 1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

constexpr std::int64_t mib = 1024 * 1024;

}  // namespace

#ifndef __SANITIZE_ADDRESS__  // which reserves terabytes of addresses
TEST_CASE("the limits of a process are counted as memory, less what it uses") {
  CHECK(holds_under(RLIMIT_AS, bytes_in("/proc/self/status", "VmSize") + 100 * mib, [] {
    const MemoryLimit limit = memory_limit();
    return limit.name == "ulimit -v" && limit.bytes > 60 * mib && limit.bytes <= 68 * mib;
  }));
  CHECK(holds_under(RLIMIT_DATA, bytes_in("/proc/self/status", "VmData") + 100 * mib, [] {
    const MemoryLimit limit = memory_limit();
    return limit.name == "ulimit -d" && limit.bytes > 60 * mib && limit.bytes <= 68 * mib;
  }));
  CHECK(holds_under(RLIMIT_AS, mib, [] { return available_memory() == 0; }));
}

TEST_CASE("memory that is not available is refused with the limit that sets it") {
  CHECK(holds_under(RLIMIT_AS, bytes_in("/proc/self/status", "VmSize") + 100 * mib, [] {
    try {
      require_memory(80 * mib - 1, "a test");
    } catch (const Exception& error) {
      const std::string text = error.what();
      return error.error_kind() == ErrorKind::resources && text.starts_with("a test needs 80 MiB, 6") &&
             text.ends_with(" MiB are available under ulimit -v; take a smaller batch, context or model");
    }
    return false;
  }));
  CHECK(holds_under(RLIMIT_AS, bytes_in("/proc/self/status", "VmSize") + 100 * mib, [] {
    require_memory(40 * mib, "a test");
    try {
      require_memory(40 * mib, "a test", 30 * mib);
    } catch (const Exception& error) { return std::string(error.what()).starts_with("a test needs 40 MiB, 3"); }
    return false;
  }));
}
#endif
