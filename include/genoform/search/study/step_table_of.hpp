#pragma once
#include <functional>
#include <optional>
#include <string>

#include "genoform/core/processor_name.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/clock/step_table.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/store/store.hpp"

namespace genoform::search {

/// The table of step times of a study: the one it has, or one that `calibrate` makes now and that is kept; none when that was
/// stopped. Another machine than the one that was calibrated on is an error unless `recalibrate`. `machine`: machine_identity()
/// of the workers that measure.
inline std::optional<StepTable> step_table_of(Store& store, const std::string& machine,
                                              const std::function<std::optional<StepTable>()>& calibrate, bool recalibrate) {
  const auto kept = recalibrate ? std::nullopt : store.setting("step table", StepTable::from_json);
  if (kept) {
    const std::string there = store.note("processor").value_or("");
    const bool is_by_name = there == processor_name();  // as studies of format 3 have it
    if (there != machine && !is_by_name)
      throw Exception({ErrorKind::input, "the step times of this study were calibrated on \"" + there + "\", this is \"" +
                                             machine + "\"; --recalibrate measures them anew for the trials to come"});
    return kept;
  }
  const std::optional<StepTable> table = calibrate();
  if (!table) return std::nullopt;
  store.set_note("processor", machine);
  store.set("step table", table->to_json().dump());
  return table;
}

}  // namespace genoform::search
