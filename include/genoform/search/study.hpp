#pragma once
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

#include "genoform/search/clock/calibration.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/finals.hpp"
#include "genoform/search/study/trial_runner.hpp"

namespace genoform::search {

/// Everything that the record of a study depends on. `text`: what tells one corpus from another.
inline nlohmann::json identity_of(const Space& space, const Proposer& proposer, const std::string& oracle,
                                  const std::vector<Baseline>& baselines, const StudyOptions& options, nlohmann::json evaluator) {
  nlohmann::json names = nlohmann::json::object();
  for (const Baseline& baseline : baselines) names[baseline.name] = {{"text", baseline.text}, {"is_plain", baseline.is_plain}};
  return {{"space", {{"kind", space.kind()}, {"genes", space.describe()}}},
          {"proposer", {{"name", proposer.name()}, {"options", proposer.describe()}}},
          {"oracle", oracle},
          {"baselines", std::move(names)},
          {"options", options.to_json()},
          {"evaluator", std::move(evaluator)}};
}

/// Makes the store this study's, or makes sure that it is; throws Exception that says what differs.
inline void claim(Store& store, const nlohmann::json& identity) {
  const auto kept = store.setting("identity");
  if (!kept) return store.set("identity", identity.dump());
  const nlohmann::json there = nlohmann::json::parse(*kept);
  const nlohmann::json differences = nlohmann::json::diff(there, identity);
  if (differences.empty()) return;
  const nlohmann::json::json_pointer path(differences.front().at("path").get<std::string>());
  const auto value = [&](const nlohmann::json& j) { return j.contains(path) ? j.at(path).dump() : std::string("nothing"); };
  throw Exception({ErrorKind::input, "the study was made with another " + path.to_string().substr(1) + ": " + value(there) +
                                         ", now " + value(identity) + "; take the same options and data, or another --study"});
}

/// The table of step times of a study: the one it has, or one that is calibrated now and kept.
/// Another processor than the one that was calibrated on is an error unless `recalibrate`.
inline StepTable step_table_of(Store& store, const std::function<StepTable()>& calibrate, bool recalibrate) {
  const auto kept = store.setting("step table");
  if (kept && !recalibrate) {
    const std::string there = store.note("processor").value_or("unknown");
    if (there != processor_name())
      throw Exception({ErrorKind::input, "the step times of this study were calibrated on \"" + there + "\", this is \"" +
                                             processor_name() + "\"; --recalibrate measures them anew for the trials to come"});
    return StepTable::from_json(nlohmann::json::parse(*kept));
  }
  const StepTable table = calibrate();
  store.set_note("processor", processor_name());
  store.set("step table", table.to_json().dump());
  return table;
}

}  // namespace genoform::search
