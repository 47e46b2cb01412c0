#pragma once
#include <cstdint>
#include <string>

#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

namespace toy {

/// Runs the study in a process of its own and kills that process after a time; true when it ended before.
inline bool run_and_kill(const DigitStudy& study, const std::string& path, std::uint64_t microseconds) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      code = study.run(path) ? 0 : 2;
    } catch (...) {}
    ::_exit(code);
  }
  for (std::uint64_t waited = 0; waited < microseconds; waited += 500) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child) {
      REQUIRE(WIFEXITED(status));
      REQUIRE(WEXITSTATUS(status) == 0);
      return true;
    }
    ::usleep(500);
  }
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Kills a study at random moments, each a little later so that a slow machine gets to the end too; returns how often it was
/// killed. The study, finished, must equal `expected`.
inline int kill_until_done(const DigitStudy& study, const std::string& path, const std::string& expected, std::uint64_t seed) {
  const Random random(seed, stream_of("kill"));
  int kills = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    if (run_and_kill(study, path, 2000 + random.below(i, 60000 + 20000 * i))) break;
    ++kills;
  }
  CHECK(record_of(path) == expected);
  return kills;
}

}  // namespace toy
