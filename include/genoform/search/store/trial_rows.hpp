#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/store/sqlite.hpp"
#include "genoform/search/store/trial.hpp"

#include "genoform/core/hide_macros.hpp"

/// Trials as rows of the table `trials`.
namespace genoform::search::store {

/// The columns of a trial, in the order of trial_of().
inline constexpr std::string_view trial_columns =
    "number, sample, phase, name, text, parent, learning_rate, batch, seed, steps, step_seconds, hurdles, let_through, state, "
    "reason, loss";

/// The trial of a row; none where the row is not what Store::add() writes.
GENOFORM_SEARCH_INLINE std::optional<Trial> trial_of(const Statement& row);

#if GENOFORM_SEARCH_BODIES

/// The hurdles of a row; none where they are not what Store::add() writes.
inline std::optional<std::vector<Hurdle>> hurdles_of(const std::string& text) {
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, false);
  if (list.is_discarded()) return std::nullopt;
  try {
    std::vector<Hurdle> hurdles = from_json<std::vector<Hurdle>>(list, "hurdles");
    for (const Hurdle& hurdle : hurdles)
      if (!(hurdle.at > 0 && hurdle.at <= 1)) return std::nullopt;
    return hurdles;
  } catch (const Exception&) { return std::nullopt; }
}

GENOFORM_SEARCH_INLINE std::optional<Trial> trial_of(const Statement& row) {
  const std::optional<State> state = state_of(row.text(13));
  std::optional<std::vector<Hurdle>> hurdles = hurdles_of(row.text(11));
  const bool are_integers = std::in_range<int>(row.integer(0)) && std::in_range<int>(row.integer(1)) && row.integer(1) >= 0 &&
                            row.integer(5) >= 0 && row.integer(5) < std::max<std::int64_t>(row.integer(0), 1) &&
                            std::in_range<int>(row.integer(7)) && row.integer(7) >= 0 && row.integer(9) >= 0;
  if (!state || !hurdles || !are_integers) return std::nullopt;
  return Trial{.number = static_cast<int>(row.integer(0)),
               .sample = static_cast<int>(row.integer(1)),
               .phase = row.text(2),
               .name = row.text(3),
               .text = row.text(4),
               .parent = static_cast<int>(row.integer(5)),
               .learning_rate = row.real(6),
               .batch = static_cast<int>(row.integer(7)),
               .seed = static_cast<std::uint64_t>(row.integer(8)),
               .steps = row.integer(9),
               .step_seconds = row.real(10),
               .hurdles = *std::move(hurdles),
               .let_through = row.integer(12) != 0,
               .state = *state,
               .reason = row.text(14),
               .loss = row.real_or_null(15)};
}

#endif

}  // namespace genoform::search::store

#include "genoform/core/restore_macros.hpp"
