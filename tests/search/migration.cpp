#include "genoform/search/store/migration.hpp"

#include <string>
#include <vector>

#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

/// The tables as format 3 had them.
constexpr const char* format_3 = R"(
  PRAGMA application_id = 1734700655;
  PRAGMA user_version = 3;
  CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE trials (number INTEGER NOT NULL, sample INTEGER NOT NULL, phase TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
    parent INTEGER NOT NULL, learning_rate REAL NOT NULL, seed INTEGER NOT NULL, steps INTEGER NOT NULL, step_seconds REAL NOT NULL, hurdle REAL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'failed', 'refused')), reason TEXT NOT NULL, at_hurdle REAL,
    loss REAL, PRIMARY KEY (number, sample)) WITHOUT ROWID;
  CREATE TABLE attempts (attempt INTEGER PRIMARY KEY, trial INTEGER NOT NULL, worker INTEGER NOT NULL, process INTEGER NOT NULL,
    started TEXT NOT NULL, ended TEXT, outcome TEXT CHECK (outcome IN ('done', 'failed', 'died', 'lost')), what TEXT);
  CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE finals (run INTEGER PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE files (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;)";

std::int64_t format_of(const std::string& path) {
  const Database database(path, Database::Open::read);
  Statement version(database, "PRAGMA user_version");
  version.step();
  return version.integer(0);
}

/// Writes a study of format 3 with these trials, whose hurdles are after a quarter or not at all.
void write_format_3(const std::string& path, const std::vector<Trial>& trials, const std::string& identity) {
  Database old(path, Database::Open::create);
  old.run(format_3);
  Statement(old, "INSERT INTO study VALUES ('identity', ?)").bind(identity).run();
  for (const Trial& t : trials) {
    const std::optional<double> none;
    Statement(old, "INSERT INTO trials VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
        .bind(t.number, t.sample, t.phase, t.name, t.text, t.parent, t.learning_rate, t.seed, t.steps, t.step_seconds,
              t.hurdles.empty() ? none : t.hurdles[0].max_loss, name_of(t.state), t.reason,
              t.hurdles.empty() ? none : t.hurdles[0].loss, t.loss)
        .run();
  }
}

std::vector<Trial> some_trials() {
  std::vector<Trial> trials(3);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    Trial& t = trials[i];
    t.number = static_cast<int>(i) + 1;
    t.phase = i == 0 ? "baseline" : "search";
    t.text = "text " + std::to_string(i);
    t.learning_rate = 0.1 + 1e-17;
    t.seed = 0xFFFFFFFFFFFFFFFFULL;
    t.state = State::done;
  }
  trials[0].hurdles = {{.at = 0.25, .max_loss = {}, .loss = 1.0 / 3}};
  trials[0].loss = 1.0 / 7;
  trials[1].hurdles = {{.at = 0.25, .max_loss = 1.0 / 3, .loss = 2.0 / 3}};
  return trials;
}

}  // namespace

TEST_CASE("a study of format 3 is read as it is, and becomes one of this format when it is opened for writing") {
  const TemporaryFile file("genoform-format-3");
  write_format_3(file.path(), some_trials(),
                 R"({"options": {"hurdle": false, "seed": 7}, "evaluator": {"final_windows": 3072}})");
  const auto check = [&](const Store& store) {
    const std::vector<Trial> trials = store.trials();
    REQUIRE(trials.size() == 3);
    CHECK(trials[0].loss == 1.0 / 7);
    REQUIRE(trials[0].hurdles.size() == 1);
    CHECK(trials[0].hurdles[0].at == 0.25);
    CHECK_FALSE(trials[0].hurdles[0].max_loss.has_value());
    CHECK(trials[0].hurdles[0].loss == 1.0 / 3);
    CHECK(trials[1].hurdles.at(0).max_loss == 1.0 / 3);
    CHECK(trials[1].hurdles.at(0).loss == 2.0 / 3);
    CHECK(trials[1].seed == 0xFFFFFFFFFFFFFFFFULL);
    CHECK(trials[2].hurdles.empty());
    CHECK_FALSE(trials[1].let_through);
    REQUIRE(store.finals().size() == 1);
    CHECK(store.finals()[0].finalist.text == "text 1");
    CHECK(store.finals()[0].finalist.batch == 0);
    CHECK(trials[1].batch == 0);
    const nlohmann::json request = *store.setting("request", store::as_it_is);
    CHECK(request.at("study").at("hurdles").at("rule") == "brainformer");
    CHECK(request.at("training").at("second_half") == false);
    CHECK(request.at("widths") == nlohmann::json::array());
    const nlohmann::json hurdles{{"rule", "none"}, {"count", 4}, {"let_through", 0.0}};
    CHECK(store.setting("identity", store::as_it_is) ==
          nlohmann::json{{"options", {{"batch", 0}, {"batches", nlohmann::json::array()}, {"hurdles", hurdles}, {"seed", 7}}},
                         {"evaluator", {{"final_windows", 3072}, {"second_half", false}}}});
  };
  FinalRun run;
  run.finalist = Finalist::of(some_trials()[1]);
  nlohmann::json value = json_of(run);
  value["finalist"].erase("batch");
  Statement(Database(file.path(), Database::Open::existing), "INSERT INTO finals VALUES (1, ?)").bind(value.dump()).run();
  Statement(Database(file.path(), Database::Open::existing), "INSERT INTO study VALUES ('request', ?)")
      .bind(std::string(R"({"strategy": "random", "study": {"hurdle": true}, "training": {"final_windows": 5}})"))
      .run();
  std::string record;
  {
    const Store store(file.path(), Store::Open::read);
    check(store);
    record = store.record();
  }
  CHECK(format_of(file.path()) == 3);
  check(Store(file.path(), Store::Open::write));
  CHECK(format_of(file.path()) == Store::format);
  CHECK(record_of(file.path()) == record);
}

TEST_CASE("a study of format 3 goes on to the record that it would have had") {
  const TemporaryFile whole("genoform-format-whole"), old("genoform-format-old");
  DigitStudy study;
  study.options.hurdles.let_through = 0;
  study.genomes = 30;
  REQUIRE(study.run(whole.path()));
  Fake evaluator({});
  InProcessWorkers workers(evaluator);
  nlohmann::json identity = study.on(workers).identity();
  for (const char* option : {"hurdles", "batch", "batches"}) identity["options"].erase(option);
  identity["options"]["hurdle"] = true;
  write_format_3(old.path(), trials_of(whole.path()), identity.dump());
  study.genomes = 60;
  REQUIRE(study.run(whole.path()));
  REQUIRE(study.run(old.path()));
  CHECK(record_of(old.path()) == record_of(whole.path()));
}

TEST_CASE("a study that cannot be brought to this format stays as it was") {
  const TemporaryFile file("genoform-format-damaged");
  write_format_3(file.path(), some_trials(), "no JSON");
  Database(file.path(), Database::Open::existing)
      .run("PRAGMA ignore_check_constraints = ON; UPDATE trials SET state = 'dome' WHERE number = 3");
  for (const Store::Open how : {Store::Open::read, Store::Open::write}) {
    try {
      const Store store(file.path(), how);
      FAIL("opened");
    } catch (const Exception& error) { CHECK(std::string(error.what()).find(file.path() + ": ") == 0); }
  }
  CHECK(format_of(file.path()) == 3);
  const Database database(file.path(), Database::Open::read);
  Statement rows(database, "SELECT count(hurdle) FROM trials");
  rows.step();
  CHECK(rows.integer(0) == 1);
  Statement tables(database, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'trials%'");
  tables.step();
  CHECK(tables.integer(0) == 1);
}
