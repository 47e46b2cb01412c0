#include "genoform/io/standard_descriptors.hpp"

#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <string>
#include <utility>

#include "genoform/io/atomic_file.hpp"
#include "genoform/io/folder_lock.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Runs `work` in a process without standard streams; returns whether it said true.
template <class Work>
bool holds_without_streams(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    ::_exit(work() ? 0 : 1);
  }
  int status = 1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

bool fails(ssize_t outcome) { return outcome < 0 && errno == EBADF; }

}  // namespace

TEST_CASE("closed standard descriptors are occupied and stay useless") {
  CHECK(holds_without_streams([] {
    io::occupy_standard_descriptors();
    char c = 0;
    return ::open("/dev/null", O_RDONLY) > 2 && fails(::read(0, &c, 1)) && fails(::write(1, "x", 1)) && fails(::write(2, "x", 1));
  }));
}

TEST_CASE("open standard descriptors stay what they are") {
  struct stat before[3], after[3];
  for (int d = 0; d < 3; ++d) static_cast<void>(::fstat(d, &before[d]));
  io::occupy_standard_descriptors();
  for (int d = 0; d < 3; ++d)
    if (::fstat(d, &after[d]) == 0) CHECK(before[d].st_ino == after[d].st_ino);
}

TEST_CASE("what is written to closed standard streams reaches no file of the library") {
  const TemporaryFolder folder;
  const std::string path = folder / "file";
  CHECK(holds_without_streams([&] {
    Result<io::AtomicFile> file = io::AtomicFile::create(path);
    return file && file->write("kept") && fails(::write(1, "noise", 5)) && fails(::write(2, "noise", 5)) && file->commit();
  }));
  CHECK(read_bytes(path) == "kept");
  CHECK(holds_without_streams([&] {
    const Result<io::FolderLock> lock = io::FolderLock::take(folder.path());
    return lock && ::open(path.c_str(), O_RDONLY) > 2;
  }));
}
