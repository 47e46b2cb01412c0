#include "genoform/backend/cpu/machine/threads.hpp"

#include <stdlib.h>

#include "genoform/backend/cpu.hpp"
#include "tests/catch.hpp"

using namespace genoform;

#ifdef _OPENMP
TEST_CASE("a Cpu that is told no threads takes OMP_NUM_THREADS, else one for each usable processor") {
  const char* const set = ::getenv("OMP_NUM_THREADS");
  const std::string before = set == nullptr ? "" : set;
  ::unsetenv("OMP_NUM_THREADS");
  CHECK(Cpu({.threads = 0}).threads() == std::min(inner::usable_processors(), cpu::max_threads));
  ::setenv("OMP_NUM_THREADS", "3", 1);  // OpenMP itself has read it when the program started
  CHECK(Cpu({.threads = 0}).threads() == omp_get_max_threads());
  set == nullptr ? ::unsetenv("OMP_NUM_THREADS") : ::setenv("OMP_NUM_THREADS", before.c_str(), 1);
}
#endif

TEST_CASE("threads that no machine has are refused before they are started") {
  for (const int threads : {-1, 1025, 100000}) try {
      Cpu cpu({.threads = threads});
      FAIL("a Cpu of " << threads << " threads");
    } catch (const Exception& error) {
      CHECK(error.error_kind() == ErrorKind::usage);
      CHECK(error.what() == "a Cpu takes 1 to 1024 threads, not " + std::to_string(threads));
    }
}
