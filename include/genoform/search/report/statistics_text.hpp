#pragma once
#include <string>

#include "genoform/core/decimal.hpp"
#include "genoform/search/report/claim.hpp"

namespace genoform::search {

/// An interval of losses in bits per byte, as every table of a report has it: "0.119 to 0.183".
inline std::string interval_text(double low, double high) { return fixed_text(low, 3) + " to " + fixed_text(high, 3); }

/// A probability after Holm's correction, with a star where the difference is beyond the noise: "0.0132 *".
inline std::string p_text(double p_after_holm) { return fixed_text(p_after_holm, 4) + (p_after_holm < Claim::level ? " *" : ""); }

}  // namespace genoform::search
