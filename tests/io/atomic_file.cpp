#include <genoform/io/atomic_file.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("an atomic write replaces the whole file and leaves nothing else") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.txt";
  REQUIRE(write_file_atomically(file, "first and longer"));
  REQUIRE(write_file_atomically(file, "second"));
  CHECK(read_bytes(file) == "second");
  CHECK(folder.files() == 1);
}

TEST_CASE("an atomic file that is not committed changes nothing") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.txt";
  REQUIRE(write_file_atomically(file, "old"));
  {
    auto unfinished = AtomicFile::create(file);
    REQUIRE(unfinished);
    REQUIRE(unfinished->write("new"));
  }
  CHECK(read_bytes(file) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("temporary files of killed writers are removed and those of living ones are not") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.txt";
  write_bytes(file + ".tmp.999999999.0", "left behind");
  write_bytes(folder / "b.txt.tmp.1.0", "of another file");
  auto living = AtomicFile::create(file);
  REQUIRE(living);
  CHECK_FALSE(std::filesystem::exists(file + ".tmp.999999999.0"));
  auto second = AtomicFile::create(file);
  REQUIRE(second);
  REQUIRE(living->write("living"));
  CHECK(living->commit());
  CHECK(read_bytes(file) == "living");
  CHECK(std::filesystem::exists(folder / "b.txt.tmp.1.0"));
}

TEST_CASE("errors of the disk name the file and carry the text of the system") {
  const TemporaryFolder folder;
  write_bytes(folder / "file", "x");
  std::filesystem::create_directory(folder / "full");
  write_bytes(folder / "full/x", "x");

  const auto missing = write_file_atomically(folder / "none/a.txt", "x");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().error_kind == ErrorKind::input);
  CHECK(missing.error().message == folder / "none/a.txt" + ": cannot create: No such file or directory");
  CHECK_FALSE(write_file_atomically(folder / "file/a.txt", "x"));
  CHECK_FALSE(write_file_atomically(folder / "full", "x"));
  CHECK_FALSE(write_file_atomically(folder / std::string(300, 'n'), "x"));
  CHECK(folder.files() == 2);
}

TEST_CASE("a write that runs out of space keeps the old file") {
  const TemporaryFolder folder;
  const std::string file = folder / "a.txt";
  REQUIRE(write_file_atomically(file, "old"));
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto written = write_file_atomically(file, std::string(100'000, 'x'));
    const bool right = !written.ok() && written.error().error_kind == ErrorKind::resources &&
                       written.error().message == file + ": cannot write: File too large";
    ::_exit(right ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(read_bytes(file) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("only regular files are mapped") {
  const TemporaryFolder folder;
  CHECK(MappedFile::open(folder.path()).error().message == folder.path() + ": cannot read: Is a directory");
  CHECK(MappedFile::open("/dev/null").error().message == "/dev/null: not a regular file");
  CHECK(MappedFile::open(folder / "none").error().error_kind == ErrorKind::input);
  write_bytes(folder / "empty", "");
  auto empty = MappedFile::open(folder / "empty");
  REQUIRE(empty);
  CHECK(empty->bytes().empty());
}

TEST_CASE("a link stays a link: the file behind it is replaced") {
  const TemporaryFolder folder, other;
  write_bytes(other / "real.txt", "old");
  std::filesystem::create_symlink(other / "real.txt", folder / "link.txt");
  std::filesystem::create_symlink("link.txt", folder / "second.txt");
  REQUIRE(write_file_atomically(folder / "second.txt", "new"));
  CHECK(std::filesystem::is_symlink(folder / "second.txt"));
  CHECK(std::filesystem::is_symlink(folder / "link.txt"));
  CHECK(read_bytes(other / "real.txt") == "new");
  std::filesystem::create_symlink(other / "none_yet.txt", folder / "dangling.txt");
  REQUIRE(write_file_atomically(folder / "dangling.txt", "first"));
  CHECK(read_bytes(other / "none_yet.txt") == "first");
  CHECK(other.files() == 2);
  CHECK(folder.files() == 3);
}

TEST_CASE("a pipe or a device is written to, not replaced") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe", null = folder / "null";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const FileHandle reader(::open(pipe.c_str(), O_RDONLY | O_NONBLOCK));
  REQUIRE(write_file_atomically(pipe, "through"));
  char found[16] = {};
  CHECK(::read(reader.get(), found, sizeof found) == 7);
  CHECK(std::string(found) == "through");
  CHECK(std::filesystem::is_fifo(pipe));
  std::filesystem::create_symlink("/dev/full", null);
  const Result<void> full = write_file_atomically(null, "text");
  REQUIRE(!full);
  CHECK(full.error().error_kind == ErrorKind::resources);
  CHECK(full.error().message == null + ": cannot write: No space left on device");
  CHECK(std::filesystem::is_character_file("/dev/full"));
  CHECK(write_file_atomically(folder.path(), "text").error().message == folder.path() + ": cannot write: Is a directory");
}
