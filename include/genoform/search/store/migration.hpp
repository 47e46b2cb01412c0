#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/store/sqlite.hpp"

/// The tables of a study whose form changed from one format to the next, and what makes studies of older formats ones of the
/// current format.
namespace genoform::search::store {

inline constexpr std::int64_t format = 4, oldest_format = 3;

inline constexpr std::string_view create_trials = R"(
    CREATE TABLE trials (number INTEGER NOT NULL, sample INTEGER NOT NULL, phase TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
      parent INTEGER NOT NULL, learning_rate REAL NOT NULL, batch INTEGER NOT NULL, seed INTEGER NOT NULL, steps INTEGER NOT NULL, step_seconds REAL NOT NULL,
      hurdles TEXT NOT NULL, let_through INTEGER NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'failed', 'refused')), reason TEXT NOT NULL,
      loss REAL, PRIMARY KEY (number, sample)) WITHOUT ROWID;)";

/// Brings a study of format 3 to the current one, in one transaction. What it was asked for keeps its meaning: one hurdle after a
/// quarter of the steps, or none, no genome is let through, and scores count whole windows. Throws Exception where the file is
/// damaged.
GENOFORM_SEARCH_INLINE void migrate(Database& database);

#if GENOFORM_SEARCH_BODIES

namespace migration {

/// The JSON of the hurdles of a trial of format 3.
inline std::string hurdles_of(std::optional<double> max_loss, std::optional<double> loss) {
  nlohmann::json hurdle{{"at", 0.25}};
  if (max_loss) hurdle["max_loss"] = *max_loss;
  if (loss) hurdle["loss"] = *loss;
  return nlohmann::json::array({std::move(hurdle)}).dump();
}

inline void trials_from_3(Database& database) {
  database.run("ALTER TABLE trials RENAME TO trials_of_format_3");
  database.run(std::string(create_trials));
  database.run(
      "INSERT INTO trials SELECT number, sample, phase, name, text, parent, learning_rate, 0, seed, steps, step_seconds, "
      "'[]', 0, state, reason, loss FROM trials_of_format_3");
  {
    Statement rows(database,
                   "SELECT hurdle, at_hurdle, number, sample FROM trials_of_format_3 "
                   "WHERE hurdle IS NOT NULL OR at_hurdle IS NOT NULL");
    while (rows.step())
      Statement(database, "UPDATE trials SET hurdles = ? WHERE number = ? AND sample = ?")
          .bind(hurdles_of(rows.real_or_null(0), rows.real_or_null(1)), rows.integer(2), rows.integer(3))
          .run();
  }
  database.run("DROP TABLE trials_of_format_3");
}

/// The options of the study and the setup of its trainings are a part of its identity and of what a program was asked for.
inline void options_from_3(Database& database, const std::string& key, const std::string& options_path,
                           const std::string& training_path) {
  const nlohmann::json::json_pointer options(options_path), training(training_path);
  Statement kept(database, "SELECT value FROM study WHERE key = ?");
  if (!kept.bind(key).step()) return;
  nlohmann::json value = nlohmann::json::parse(kept.text(0), nullptr, false);
  if (!value.is_object()) return;
  const auto has = [&](const nlohmann::json::json_pointer& path, const char* member) {
    return value.contains(path) && value[path].is_object() && value[path].contains(member);
  };
  if (has(options, "hurdle")) {
    const bool has_hurdle = value[options]["hurdle"] == true;
    value[options].erase("hurdle");
    value[options]["batch"] = 0;
    value[options]["batches"] = nlohmann::json::array();
    value[options]["hurdles"] = {{"rule", has_hurdle ? "brainformer" : "none"}, {"count", 4}, {"let_through", 0.0}};
  }
  if (value.contains("strategy") && value["strategy"].is_string()) {  // what a program was asked for
    value["objectives"] = "loss,step-time,parameters";
    value["widths"] = nlohmann::json::array();
  }
  if (has(training, "final_windows")) value[training]["second_half"] = false;
  Statement(database, "UPDATE study SET value = ? WHERE key = ?").bind(value.dump(), key).run();
}

inline void finals_from_3(Database& database) {
  Statement rows(database, "SELECT run, value FROM finals");
  while (rows.step()) {
    nlohmann::json run = nlohmann::json::parse(rows.text(1), nullptr, false);
    if (!run.is_object() || !run.contains("finalist") || !run["finalist"].is_object()) continue;
    run["finalist"]["batch"] = 0;
    Statement(database, "UPDATE finals SET value = ? WHERE run = ?").bind(run.dump(), rows.integer(0)).run();
  }
}

}  // namespace migration

GENOFORM_SEARCH_INLINE void migrate(Database& database) {
  Transaction transaction(database);
  migration::trials_from_3(database);
  migration::finals_from_3(database);
  migration::options_from_3(database, "identity", "/options", "/evaluator");
  migration::options_from_3(database, "request", "/study", "/training");
  database.run("PRAGMA user_version = " + std::to_string(format));
  transaction.commit();
}

#endif

}  // namespace genoform::search::store
