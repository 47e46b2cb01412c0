#include "genoform/search/store/store.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "genoform/search/study.hpp"
#include "genoform/search/study/step_table_of.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

Trial trial(int number, int sample, State state) {
  Trial t;
  t.number = number;
  t.sample = sample;
  t.phase = "search";
  t.text = "text " + std::to_string(number) + " " + std::to_string(sample);
  t.parent = number / 2;
  t.learning_rate = 0.1 + 1e-17;
  t.seed = 0xFFFFFFFFFFFFFFFFULL;
  t.steps = 12345678901;
  t.step_seconds = 1.0 / 3;
  t.state = state;
  return t;
}

std::string why(const std::string& path, Store::Open how) {
  try {
    const Store store(path, how);
  } catch (const Exception& failure) { return failure.what(); }
  return "";
}

}  // namespace

TEST_CASE("a trial comes out of the store bit for bit as it went in") {
  const TemporaryFile file("genoform-store");
  Trial t = trial(1, 2, State::done);
  t.hurdles = {{.at = 1.0 / 31, .max_loss = 1.0 / 3, .loss = {}}, {.at = 0.5, .max_loss = {}, .loss = 0.1 + 1e-17}};
  t.let_through = true;
  t.batch = 24;
  t.loss = 1.0 / 7;
  t.reason = "it's \"quoted\"";
  {
    Store store(file.path(), Store::Open::write);
    store.add(std::vector<Trial>{trial(1, 1, State::refused), t});
  }
  const std::vector<Trial> back = trials_of(file.path());
  REQUIRE(back.size() == 2);
  CHECK(back[0].state == State::refused);
  CHECK_FALSE(back[0].loss.has_value());
  CHECK(back[1].text == t.text);
  CHECK(back[1].seed == t.seed);
  CHECK(back[1].steps == t.steps);
  CHECK(back[1].learning_rate == t.learning_rate);
  CHECK(back[1].step_seconds == t.step_seconds);
  CHECK(back[1].loss == t.loss);
  REQUIRE(back[1].hurdles.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(back[1].hurdles[i].at == t.hurdles[i].at);
    CHECK(back[1].hurdles[i].max_loss == t.hurdles[i].max_loss);
    CHECK(back[1].hurdles[i].loss == t.hurdles[i].loss);
  }
  CHECK(back[1].let_through);
  CHECK(back[1].batch == 24);
  CHECK_FALSE(back[0].let_through);
  CHECK(back[1].reason == t.reason);
}

TEST_CASE("the record leaves out what differs from run to run") {
  const TemporaryFile a("genoform-record-a"), b("genoform-record-b");
  for (const auto* path : {&a.path(), &b.path()}) {
    Store store(*path, Store::Open::write);
    store.add(std::vector<Trial>{trial(1, 0, State::queued)});
    Trial t = store.trials().front();
    const int tries = path == &a.path() ? 1 : 3;
    for (int i = 0; i < tries; ++i) store.settle(t, store.lease(t, i, 1000 + i), "died", "signal 9");
    store.set_note("processor", std::to_string(tries));
    CHECK(store.deaths().at(1) == tries);
  }
  CHECK(record_of(a.path()) == record_of(b.path()));
  CHECK(record_of(a.path()).find("text 1 0") != std::string::npos);
}

TEST_CASE("a number and sample cannot be written twice, and a state must be one of the five") {
  const TemporaryFile file("genoform-store-keys");
  Store store(file.path(), Store::Open::write);
  store.add(std::vector<Trial>{trial(1, 0, State::queued)});
  CHECK_THROWS_AS(store.add(std::vector<Trial>{trial(2, 0, State::queued), trial(1, 0, State::queued)}), Exception);
  CHECK(store.trials().size() == 1);  // neither of the two
  Database database(file.path(), Database::Open::existing);
  CHECK_THROWS_AS(database.run("UPDATE trials SET state = 'lost'"), Exception);
}

TEST_CASE("a batch reaches the file whole or not at all") {
  const TemporaryFile file("genoform-batch");
  Store store(file.path(), Store::Open::write);
  {
    const auto batch = store.batch();
    store.add(std::vector<Trial>{trial(1, 0, State::queued)});
    store.lease(trial(1, 0, State::leased), 0, 1);
    CHECK(trials_of(file.path()).empty());
  }
  CHECK(store.trials().empty());  // it was not committed
  const auto batch = store.batch();
  store.add(std::vector<Trial>{trial(1, 0, State::queued)});
  store.add(std::vector<Trial>{trial(2, 0, State::queued)});
  batch->commit();
  CHECK(trials_of(file.path()).size() == 2);
}

TEST_CASE("a store in memory holds a study like any other") {
  Store store = Store::in_memory();
  store.add(std::vector<Trial>{trial(1, 0, State::queued)});
  store.set("key", "value");
  CHECK(store.trials().front().text == trial(1, 0, State::queued).text);
  CHECK(store.is_trial_of(1, "", "text 1 0", trial(1, 0, State::queued).learning_rate, 0));
  CHECK_FALSE(store.is_trial_of(1, "", "text 1 1", trial(1, 0, State::queued).learning_rate, 0));
  CHECK(store.record().find("key|value") == 0);
}

TEST_CASE("leases end when a store is taken up again") {
  const TemporaryFile file("genoform-leases");
  {
    Store store(file.path(), Store::Open::write);
    store.add(std::vector<Trial>{trial(1, 0, State::queued)});
    Trial t = store.trials().front();
    t.state = State::leased;
    store.lease(t, 0, 1);
  }
  Store store(file.path(), Store::Open::write);
  store.release_leases();
  CHECK(store.trials().front().state == State::queued);
  CHECK(store.deaths().empty());
}

TEST_CASE("files that are no studies are refused by name") {
  const TemporaryFile file("genoform-no-study");
  CHECK(why(file.path() + "/none", Store::Open::write).find(file.path()) == 0);
  CHECK(why(file.path(), Store::Open::read).find(file.path()) == 0);
  std::ofstream(file.path())
      << "this is a text, long enough to look like a file of some kind, but no database at all, whatever you do. "
         "this is a text, long enough to look like a file of some kind, but no database at all, whatever you do.";
  CHECK(why(file.path(), Store::Open::write).find(file.path()) == 0);
  std::filesystem::remove(file.path());
  { Database(file.path(), Database::Open::create).run("CREATE TABLE other (x)"); }
  CHECK(why(file.path(), Store::Open::write).find("not a study") != std::string::npos);
  { Database(file.path(), Database::Open::existing).run("PRAGMA application_id = 1734700655; PRAGMA user_version = 99"); }
  CHECK(why(file.path(), Store::Open::write).find("format 99") != std::string::npos);
}

TEST_CASE("names that SQLite takes for something else than a file are refused") {
  for (const char* name : {":memory:", "file:study.sqlite?mode=memory", ""}) {
    CHECK(why(name, Store::Open::write).find("a study is kept in a file") != std::string::npos);
    CHECK(why(name, Store::Open::read).find("a study is kept in a file") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(std::string("./") + name + (*name == '\0' ? "-" : "")));
  }
}

TEST_CASE("a study without a trial is begun anew and nothing of it stays") {
  Store store = Store::in_memory();
  store.set("key", "value");
  store.set_note("key", "value");
  CHECK_FALSE(store.has_trials());
  store.begin_anew();
  CHECK_FALSE(store.setting("key").has_value());
  CHECK_FALSE(store.note("key").has_value());
  store.add(std::vector<Trial>{trial(1, 0, State::queued)});
  CHECK(store.has_trials());
}

TEST_CASE("files of any bytes are kept") {
  const TemporaryFile file("genoform-files");
  Store store(file.path(), Store::Open::write);
  const std::string bytes("a\0b\xFF\n", 5);
  store.put_file("7/model", bytes);
  CHECK(store.file("7/model") == bytes);
  CHECK_FALSE(store.file("8/model").has_value());
  store.put_file("empty", "");
  CHECK(store.file("empty") == "");
}

TEST_CASE("a study is claimed once; another search is told what differs") {
  const TemporaryFile file("genoform-claim");
  Store store(file.path(), Store::Open::write);
  DigitStudy study;
  Fake evaluator({});
  InProcessWorkers workers(evaluator);
  const auto identity = [&](double budget) {
    study.options.budget = budget;
    return study.on(workers).identity();
  };
  claim(store, identity(4));
  CHECK_NOTHROW(claim(store, identity(4)));
  try {
    claim(store, identity(5));
    FAIL("claimed by another search");
  } catch (const Exception& failure) {
    CHECK(std::string(failure.what()).find("options/budget: 4.0, now 5.0") != std::string::npos);
  }
}

TEST_CASE("the table of step times stays with its study until it is measured anew") {
  const TemporaryFile file("genoform-table");
  Store store(file.path(), Store::Open::write);
  int fits = 0;
  const auto fit = [&]() -> std::optional<StepTable> {
    ++fits;
    return StepTable::from_json(
        {{"version", 2}, {"error", 0.01 * fits}, {"error_of_nine_tenths", 0.1}, {"seconds", {{"step", 1e-3}}}});
  };
  CHECK(step_table_of(store, "m 1; avx2", fit, false)->error() == Approx(0.01));
  CHECK(step_table_of(store, "m 1; avx2", fit, false)->error() == Approx(0.01));
  CHECK(fits == 1);
  CHECK(step_table_of(store, "m 1; avx2", fit, true)->error() == Approx(0.02));
  CHECK(store.note("processor") == "m 1; avx2");
  store.set_note("processor", "another one");
  CHECK_THROWS_AS(step_table_of(store, "m 1; avx2", fit, false), Exception);
  store.set_note("processor", processor_name());  // as in a study of format 3
  CHECK_NOTHROW(step_table_of(store, "m 1; avx2", fit, false));
  CHECK_NOTHROW(step_table_of(store, "m 1; avx2", fit, true));
  CHECK_FALSE(step_table_of(
                  store, "m 1; avx2", [] { return std::optional<StepTable>(); }, true)
                  .has_value());  // it was stopped
}

TEST_CASE("a program without standard streams writes nothing into its study") {
  const TemporaryFile file("genoform-streams");
  const pid_t child = ::fork();
  if (child == 0) {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    Store store(file.path(), Store::Open::write);
    store.add(std::vector<Trial>{trial(1, 1, State::done)});
    ::_exit(::write(1, "noise", 5) < 0 && ::write(2, "noise", 5) < 0 ? 0 : 1);
  }
  int status = 1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(status == 0);
  REQUIRE(trials_of(file.path()).size() == 1);
}

TEST_CASE("a study whose rows or values were damaged is refused with its name and what is wrong") {
  const auto damaged = [](const std::string& sql, const auto& read) {
    const TemporaryFile file("genoform-damaged");
    Store(file.path(), Store::Open::write).add(std::vector<Trial>{trial(1, 0, State::done), trial(2, 0, State::done)});
    Database(file.path(), Database::Open::existing).run("PRAGMA ignore_check_constraints = ON; " + sql);
    try {
      const Store store(file.path(), Store::Open::read);
      read(store);
      return std::string("read");
    } catch (const Exception& error) {
      REQUIRE(std::string(error.what()).find(file.path() + ": the study is damaged: ") == 0);
      return std::string(error.what()).substr(file.path().size() + 24);
    }
  };
  const auto trials = [](const Store& store) { (void)store.trials(); };
  CHECK(damaged("UPDATE trials SET state = 'dome'", trials) == "the row after trial 0: it is none of the next trial");
  CHECK(damaged("UPDATE trials SET number = 4 WHERE number = 2", trials) ==
        "the row after trial 1: it is none of the next trial");
  CHECK(damaged("UPDATE trials SET parent = 9 WHERE number = 2", trials) ==
        "the row after trial 1: it is none of the next trial");
  for (const char* hurdles : {"no JSON", "{}", "[{\"at\": 0}]", "[{\"at\": 1e300}]", "[{\"at\": 0.5, \"high\": 1}]"})
    CHECK(damaged(std::string("UPDATE trials SET hurdles = '") + hurdles + "' WHERE number = 2", trials) ==
          "the row after trial 1: it is none of the next trial");
  CHECK(damaged("INSERT INTO notes VALUES ('refused in vain', '{')", [](const Store& store) {
          (void)store.refused_in_vain();
        }).find("refused in vain: [json.exception.parse_error") == 0);
  CHECK(damaged("INSERT INTO finals VALUES (1, '{}')", [](const Store& store) { (void)store.finals(); }) ==
        "a final run: run: \"number\" is missing");
}
