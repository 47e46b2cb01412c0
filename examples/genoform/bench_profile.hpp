#pragma once
#include <string>

#include "genoform/report/profile.hpp"

/// What `genoform bench --profile` prints. `peak` in GFLOP/s.
namespace command {

/// A line for each phase and for each row of it, in columns.
std::string profile_table(const genoform::Profile::Step& step, double peak);
/// The same rows as a JSON list of objects.
std::string profile_json(const genoform::Profile::Step& step, double peak);

}  // namespace command
