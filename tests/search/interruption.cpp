#include "tests/search/interruption.hpp"

using namespace toy;

TEST_CASE("a study that is killed at random moments ends with the record of one that never was") {
  DigitStudy study;
  study.setup["microseconds"] = 1500;
  const TemporaryFile whole("genoform-unkilled");
  REQUIRE(study.run(whole.path()));
  const std::string expected = record_of(whole.path());
  int kills = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const TemporaryFile file("genoform-killed");
    study.workers = static_cast<int>(seed);
    kills += kill_until_done(study, file.path(), expected, seed);
  }
  CHECK(kills >= 5);
}

TEST_CASE("what a killed study left running is lost, not failed, and its workers end with it") {
  DigitStudy study;
  study.setup["microseconds"] = 20000;
  const TemporaryFile file("genoform-lost");
  std::vector<pid_t> processes;
  for (std::uint64_t microseconds = 150000; processes.size() < 2;
       microseconds *= 2) {  // a busy machine takes longer to start workers
    REQUIRE_FALSE(run_and_kill(study, file.path(), microseconds));
    processes.clear();
    Database journal(file.path(), Database::Open::read);
    Statement rows(journal, "SELECT DISTINCT process FROM attempts");
    while (rows.step()) processes.push_back(static_cast<pid_t>(rows.integer(0)));
  }
  for (const pid_t process : processes) {
    for (int waited = 0; ::kill(process, 0) == 0 && waited < 2000; ++waited) ::usleep(1000);
    CHECK(::kill(process, 0) != 0);
  }
  REQUIRE(study.run(file.path()));
  Database journal(file.path(), Database::Open::read);
  Statement lost(journal, "SELECT count(*) FROM attempts WHERE outcome = 'lost'");
  lost.step();
  CHECK(lost.integer(0) >= 1);
  for (const Trial& t : trials_of(file.path())) CHECK(t.state != State::failed);
}

TEST_CASE("two searches cannot write one study") {
  const TemporaryFile file("genoform-locked");
  const Store store(file.path(), Store::Open::write);
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 0;
    try {
      const Store second(file.path(), Store::Open::write);
    } catch (const Exception& failure) { code = std::string(failure.what()).find("another search") != std::string::npos ? 7 : 1; }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 7);
  CHECK_NOTHROW(Store(file.path(), Store::Open::read));
}

namespace {

/// A process of its own changes the study and is killed in the middle: SQLite has written pages and not yet committed.
void kill_in_a_transaction(const std::string& path) {
  const pid_t child = ::fork();
  if (child == 0) {
    Store store(path, Store::Open::write);
    const auto batch = store.batch();
    for (int i = 0; i < 2000; ++i) store.put_file("file " + std::to_string(i), std::string(4096, 'x'));
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(std::filesystem::file_size(path + "-journal") > 0);
}

}  // namespace

TEST_CASE("a reader rolls back what a killed writer left, and reads the study as it was before") {
  const TemporaryFile file("genoform-hot-journal");
  DigitStudy study;
  study.genomes = 10;
  REQUIRE(study.run(file.path()));
  const std::string before = record_of(file.path());
  kill_in_a_transaction(file.path());
  CHECK(record_of(file.path()) == before);
  CHECK_FALSE(Store(file.path(), Store::Open::read).file("file 1").has_value());
  CHECK_THROWS_AS(Store(file.path(), Store::Open::read).set("key", "value"), Exception);  // a reader does not write
}

TEST_CASE("a reader that may not write says what to do about a killed writer") {
  const TemporaryFile file("genoform-hot-journal-of-another");
  { const Store store(file.path(), Store::Open::write); }
  kill_in_a_transaction(file.path());
  using std::filesystem::perms;
  std::filesystem::permissions(file.path(), perms::owner_read | perms::group_read | perms::others_read);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);  // root may write everything
    int code = 1;
    try {
      const Store store(file.path(), Store::Open::read);
    } catch (const Exception& failure) {
      const std::string why = failure.what();
      code = why.find(file.path() + "-journal must be rolled back") != std::string::npos ? 7 : 3;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 7);
}
