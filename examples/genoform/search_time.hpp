#pragma once
#include <optional>
#include <string>

#include "genoform/data/corpus.hpp"
#include "search_options.hpp"

namespace command {

/// The seconds of "90s", "15m", "8h" or "2d"; none where the text is no such time, or 0.
std::optional<double> seconds_of(const std::string& text);

/// Sizes a new study for --time by the speed of a training step on this machine, and says on stderr what was chosen and what a
/// pilot, a small Primer-EZ trained as long as a trial, reaches beside n-grams that count the same data.
void size_for_time(SearchOptions& options, const genoform::Corpus& corpus);

}  // namespace command
