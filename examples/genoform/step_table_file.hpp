#pragma once
#include <string>

#include "genoform/search/clock/step_table.hpp"

namespace command {

/// The table of step times in the file of another study, which must train in the same type.
genoform::search::StepTable table_of_study(const std::string& file, bool bf16);

}  // namespace command
