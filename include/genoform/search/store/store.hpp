#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/utf8.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/store/final_run.hpp"
#include "genoform/search/store/follow_up_run.hpp"
#include "genoform/search/store/migration.hpp"
#include "genoform/search/store/sqlite.hpp"
#include "genoform/search/store/trial.hpp"
#include "genoform/search/store/trial_rows.hpp"
#include "genoform/search/store/writer_lock.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

namespace store {

/// Refuses what SQLite takes for something else than a file of that name, so that nothing would be kept.
inline void check_path(const std::string& path) {
  if (path.empty() || path.front() == ':' || path.starts_with("file:"))
    throw Exception({ErrorKind::usage, "\"" + path +
                                           "\": a study is kept in a file, and this is a name that SQLite keeps for other "
                                           "things; put ./ before it for a file of that name"});
}

/// For a setting or note whose JSON is taken whole.
inline nlohmann::json as_it_is(const nlohmann::json& kept) { return kept; }

}  // namespace store

/// A study in one SQLite file. The record (`study`, `trials`) depends on the study's options alone; the journal (`attempts`,
/// `notes`, `finals`, `files`, and `follow_ups` once there are any) holds times, processes and what was measured. A change is on
/// the disk when the call returns, or when the batch() around it is committed.
class Store {
  // First: the compiler must have seen its result before it is used.
  template <class Decode>
  auto decoded(const std::string& what, const std::optional<std::string>& json, const Decode& decode) const {
    std::optional<decltype(decode(nlohmann::json()))> value;
    try {
      if (json) value = decode(nlohmann::json::parse(*json));
    } catch (const nlohmann::json::exception& error) { refuse_damaged(what, error.what()); } catch (const Exception& error) {
      refuse_damaged(what, error.what());
    }
    return value;
  }

 public:
  static constexpr std::int64_t format = store::format;
  static constexpr std::int64_t application_id = 0x67656E6F;  // "geno"
  enum class Open { write, read };

  /// Opens, or creates with Open::write. A study of an older format, from 3, becomes one of this format in the file when it is
  /// opened for writing, and in memory when it is read. Errors: no file name (usage); not a study, another format, another
  /// writer.
  Store(const std::string& path, Open how);
  /// A study that is gone with its store.
  static Store in_memory() { return Store(); }

  /// Changes that reach the disk together, at commit(), or not at all: waiting for the disk once for many is what makes a fast
  /// coordinator.
  std::unique_ptr<Transaction> batch() { return std::make_unique<Transaction>(*database_); }

  std::optional<std::string> setting(const std::string& key) const { return value_of("study", key); }
  /// decode(value) of a setting or note that is JSON, none where there is none. Throws Exception (input) with the file's name
  /// where it is not what decode() takes.
  template <class Decode>
  auto setting(const std::string& key, const Decode& decode) const {
    return decoded(key, setting(key), decode);
  }
  template <class Decode>
  auto note(const std::string& key, const Decode& decode) const {
    return decoded(key, note(key), decode);
  }
  void set(const std::string& key, const std::string& value) { set_value("study", key, value); }
  std::optional<std::string> note(const std::string& key) const { return value_of("notes", key); }
  void set_note(const std::string& key, const std::string& value) { set_value("notes", key, value); }

  /// What the proposals of the last run that found nothing were refused for.
  ReasonCounts refused_in_vain() const {
    return note("refused in vain", [](const nlohmann::json& counts) { return counts.get<ReasonCounts>(); })
        .value_or(ReasonCounts());
  }
  void set_refused_in_vain(const ReasonCounts& counts) { set_note("refused in vain", nlohmann::json(counts).dump()); }

  /// In the order of numbers and samples.
  std::vector<Trial> trials() const;
  void for_each_trial(const std::function<void(Trial)>& visit) const;
  bool has_trials() const { return Statement(*database_, "SELECT 1 FROM trials LIMIT 1").step(); }
  /// Is there a sample of this number with this text and learning rate, of a baseline or of this arm?
  bool is_trial_of(int number, const std::string& arm, const std::string& text, double learning_rate, int batch) const;
  /// Forgets a study that was begun and has no trial, so that a start that failed is in nobody's way.
  void begin_anew();
  /// Adds a proposal: its refused samples and the accepted one.
  void add(std::span<const Trial> samples);
  /// Trials that were being trained when a coordinator ended wait again; their attempts are lost.
  void release_leases();

  /// Notes that a worker has the trial; returns the attempt.
  std::int64_t lease(const Trial& trial, int worker, std::int64_t process);
  /// Notes how an attempt ended (done, failed, died) and what became of its trial, both or neither.
  void settle(const Trial& trial, std::int64_t attempt, const std::string& outcome, const std::string& what);
  /// How many attempts of a trial ended with the death of a worker, for the trials that wait.
  std::map<int, int> deaths() const;

  /// When the first attempt began and the last one that ended did, UTC, as "2026-01-31 12:00:00"; `last` may be empty.
  struct Times {
    std::string first, last;
  };
  /// None before the first attempt.
  std::optional<Times> times() const;

  std::vector<FinalRun> finals() const;
  void put(const FinalRun& run) { put_final(run); }
  /// Forgets the final runs and weights that there are, and plans these.
  void replace_finals(const std::vector<FinalRun>& runs);
  std::optional<std::string> file(const std::string& name) const;
  void put_file(const std::string& name, const std::string& bytes);

  /// The runs of a follow-up, "ablation" or "confirmation", in order: trainings after the final that question its result.
  std::vector<FollowUpRun> follow_ups(const std::string& part) const;
  /// Keeps what became of a run of replace_follow_ups().
  void put(const std::string& part, const FollowUpRun& run);
  /// Forgets the runs of the follow-up that there are, and plans these.
  void replace_follow_ups(const std::string& part, const std::vector<FollowUpRun>& runs);

  /// The whole record as text, one line a row: what is compared between runs.
  std::string record() const;

 private:
  Store();
  void create();
  bool has_tables() const { return Statement(*database_, "SELECT 1 FROM sqlite_master LIMIT 1").step(); }
  /// The format; throws Exception for a file of none that is known.
  std::int64_t verified_format() const;
  std::optional<std::string> value_of(const std::string& table, const std::string& key) const {
    Statement s(*database_, "SELECT value FROM " + table + " WHERE key = ?");
    return s.bind(key).step() ? std::optional(s.text(0)) : std::nullopt;
  }
  void set_value(const std::string& table, const std::string& key, const std::string& value) {
    Statement(*database_, "INSERT OR REPLACE INTO " + table + " VALUES (?, ?)").bind(key, value).run();
  }
  void put_final(const FinalRun& run) {
    Statement(*database_, "INSERT OR REPLACE INTO finals VALUES (?, ?)").bind(run.number, json_of(run).dump()).run();
  }
  void write_result(const Trial& trial) {
    Statement(*database_,
              "UPDATE trials SET steps = ?, step_seconds = ?, hurdles = ?, state = ?, reason = ?, loss = ? WHERE number = ? "
              "AND sample = ?")
        .bind(trial.steps, trial.step_seconds, json_of(trial.hurdles).dump(), name_of(trial.state), trial.reason, trial.loss,
              trial.number, trial.sample)
        .run();
  }

  [[noreturn]] void refuse_damaged(const std::string& what, const std::string& why) const;

  std::unique_ptr<WriterLock> lock_;
  std::unique_ptr<Database> database_;
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE Store::Store(const std::string& path, Open how) {
  store::check_path(path);
  if (how == Open::read) {
    database_ = std::make_unique<Database>(path, Database::Open::read);
    if (verified_format() == format) return;
    database_ = database_->copy_in_memory();
    store::migrate(*database_);
    return;
  }
  lock_ = std::make_unique<WriterLock>(path);
  database_ = std::make_unique<Database>(path, Database::Open::create);
  database_->run("PRAGMA synchronous = FULL");
  if (!has_tables()) create();
  if (verified_format() != format) store::migrate(*database_);
}

GENOFORM_SEARCH_INLINE Store::Store() : database_(std::make_unique<Database>(":memory:", Database::Open::create)) { create(); }

GENOFORM_SEARCH_INLINE void Store::create() {
  Transaction transaction(*database_);
  database_->run("PRAGMA application_id = " + std::to_string(application_id));
  database_->run("PRAGMA user_version = " + std::to_string(format));
  database_->run(std::string(store::create_trials));
  database_->run(R"(
    CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE attempts (attempt INTEGER PRIMARY KEY, trial INTEGER NOT NULL, worker INTEGER NOT NULL, process INTEGER NOT NULL,
      started TEXT NOT NULL, ended TEXT, outcome TEXT CHECK (outcome IN ('done', 'failed', 'died', 'lost')), what TEXT);
    CREATE TABLE notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE finals (run INTEGER PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE files (name TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;)");
  transaction.commit();
}

GENOFORM_SEARCH_INLINE void Store::refuse_damaged(const std::string& what, const std::string& why) const {
  throw Exception({ErrorKind::input, database_->path() + ": the study is damaged: " + what + ": " + visible(why)});
}

GENOFORM_SEARCH_INLINE std::int64_t Store::verified_format() const {
  const std::string& path = database_->path();
  Statement id(*database_, "PRAGMA application_id");
  if (!id.step() || id.integer(0) != application_id) throw Exception({ErrorKind::input, path + ": not a study of genoform"});
  Statement version(*database_, "PRAGMA user_version");
  version.step();
  const std::int64_t found = version.integer(0);
  if (found < store::oldest_format || found > format)
    throw Exception({ErrorKind::input, path + ": a study of format " + std::to_string(found) + "; this program reads formats " +
                                           std::to_string(store::oldest_format) + " to " + std::to_string(format)});
  return found;
}

GENOFORM_SEARCH_INLINE std::vector<Trial> Store::trials() const {
  std::vector<Trial> all;
  for_each_trial([&](Trial trial) { all.push_back(std::move(trial)); });
  return all;
}

GENOFORM_SEARCH_INLINE void Store::for_each_trial(const std::function<void(Trial)>& visit) const {
  Statement rows(*database_, "SELECT " + std::string(store::trial_columns) + " FROM trials ORDER BY number, sample");
  for (int last = 0; rows.step();) {
    std::optional<Trial> trial = store::trial_of(rows);
    const bool follows = trial && (trial->number == last + 1 || (trial->number == last && last > 0));
    if (!follows) refuse_damaged("the row after trial " + std::to_string(last), "it is none of the next trial");
    last = trial->number;
    visit(*std::move(trial));
  }
}

GENOFORM_SEARCH_INLINE bool Store::is_trial_of(int number, const std::string& arm, const std::string& text, double learning_rate,
                                               int batch) const {
  Statement s(*database_,
              "SELECT 1 FROM trials WHERE number = ? AND text = ? AND learning_rate = ? AND batch = ? AND "
              "(phase = 'baseline' OR name = ?)");
  return s.bind(number, text, learning_rate, batch, arm).step();
}

GENOFORM_SEARCH_INLINE void Store::begin_anew() {
  Transaction transaction(*database_);
  database_->run("DELETE FROM study; DELETE FROM notes");
  transaction.commit();
}

GENOFORM_SEARCH_INLINE void Store::add(std::span<const Trial> samples) {
  Transaction transaction(*database_);
  for (const Trial& t : samples) {
    Statement(*database_,
              "INSERT INTO trials (" + std::string(store::trial_columns) + ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
        .bind(t.number, t.sample, t.phase, t.name, t.text, t.parent, t.learning_rate, t.batch, t.seed, t.steps, t.step_seconds,
              json_of(t.hurdles).dump(), t.let_through ? 1 : 0, name_of(t.state), t.reason, t.loss)
        .run();
  }
  transaction.commit();
}

GENOFORM_SEARCH_INLINE void Store::release_leases() {
  Transaction transaction(*database_);
  database_->run("UPDATE trials SET state = 'queued' WHERE state = 'leased'");
  database_->run("UPDATE attempts SET outcome = 'lost', ended = datetime('now') WHERE outcome IS NULL");
  transaction.commit();
}

GENOFORM_SEARCH_INLINE std::int64_t Store::lease(const Trial& trial, int worker, std::int64_t process) {
  Transaction transaction(*database_);
  write_result(trial);
  Statement(*database_, "INSERT INTO attempts (trial, worker, process, started) VALUES (?, ?, ?, datetime('now'))")
      .bind(trial.number, worker, process)
      .run();
  const std::int64_t attempt = sqlite3_last_insert_rowid(database_->handle());
  transaction.commit();
  return attempt;
}

GENOFORM_SEARCH_INLINE void Store::settle(const Trial& trial, std::int64_t attempt, const std::string& outcome,
                                          const std::string& what) {
  Transaction transaction(*database_);
  write_result(trial);
  Statement(*database_, "UPDATE attempts SET ended = datetime('now'), outcome = ?, what = ? WHERE attempt = ?")
      .bind(outcome, what, attempt)
      .run();
  transaction.commit();
}

GENOFORM_SEARCH_INLINE std::map<int, int> Store::deaths() const {
  std::map<int, int> deaths;
  Statement rows(*database_,
                 "SELECT trial, count(*) FROM attempts WHERE outcome = 'died' AND trial IN "
                 "(SELECT number FROM trials WHERE state = 'queued') GROUP BY trial");
  while (rows.step()) deaths[static_cast<int>(rows.integer(0))] = static_cast<int>(rows.integer(1));
  return deaths;
}

GENOFORM_SEARCH_INLINE std::optional<Store::Times> Store::times() const {
  Statement s(*database_, "SELECT min(started), max(ended) FROM attempts");
  if (!s.step() || s.is_null(0)) return std::nullopt;
  return Times{s.text(0), s.text(1)};
}

GENOFORM_SEARCH_INLINE std::vector<FinalRun> Store::finals() const {
  std::vector<FinalRun> runs;
  Statement rows(*database_, "SELECT value FROM finals ORDER BY run");
  while (rows.step())
    runs.push_back(*decoded("a final run", rows.text(0), [](const nlohmann::json& j) { return from_json<FinalRun>(j, "run"); }));
  return runs;
}

GENOFORM_SEARCH_INLINE void Store::replace_finals(const std::vector<FinalRun>& runs) {
  Transaction transaction(*database_);
  database_->run("DELETE FROM finals; DELETE FROM files");
  for (const FinalRun& run : runs) put_final(run);
  transaction.commit();
}

GENOFORM_SEARCH_INLINE std::optional<std::string> Store::file(const std::string& name) const {
  Statement s(*database_, "SELECT content FROM files WHERE name = ?");
  return s.bind(name).step() ? std::optional(s.text(0)) : std::nullopt;
}

GENOFORM_SEARCH_INLINE void Store::put_file(const std::string& name, const std::string& bytes) {
  Statement(*database_, "INSERT OR REPLACE INTO files VALUES (?, ?)").bind(name, Blob{bytes}).run();
}

GENOFORM_SEARCH_INLINE std::vector<FollowUpRun> Store::follow_ups(const std::string& part) const {
  std::vector<FollowUpRun> runs;
  if (!Statement(*database_, "SELECT 1 FROM sqlite_master WHERE name = 'follow_ups'").step()) return runs;
  Statement rows(*database_, "SELECT value FROM follow_ups WHERE part = ? ORDER BY run");
  rows.bind(part);
  while (rows.step())
    runs.push_back(
        *decoded("a run of the " + part, rows.text(0), [](const nlohmann::json& j) { return from_json<FollowUpRun>(j, "run"); }));
  return runs;
}

GENOFORM_SEARCH_INLINE void Store::put(const std::string& part, const FollowUpRun& run) {
  Statement(*database_, "INSERT OR REPLACE INTO follow_ups VALUES (?, ?, ?)").bind(part, run.number, json_of(run).dump()).run();
}

GENOFORM_SEARCH_INLINE void Store::replace_follow_ups(const std::string& part, const std::vector<FollowUpRun>& runs) {
  Transaction transaction(*database_);
  database_->run(
      "CREATE TABLE IF NOT EXISTS follow_ups (part TEXT NOT NULL, run INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (part, "
      "run)) WITHOUT ROWID");
  Statement(*database_, "DELETE FROM follow_ups WHERE part = ?").bind(part).run();
  for (const FollowUpRun& run : runs) put(part, run);
  transaction.commit();
}

GENOFORM_SEARCH_INLINE std::string Store::record() const {
  std::string text;
  for (const char* query : {"SELECT * FROM study ORDER BY key", "SELECT * FROM trials ORDER BY number, sample"}) {
    Statement rows(*database_, query);
    while (rows.step()) {
      for (int c = 0; c < rows.columns(); ++c) text += (c == 0 ? "" : "|") + rows.text(c);
      text += '\n';
    }
  }
  return text;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
