#pragma once
#include <nlohmann/json.hpp>

/// The JSON values of the search; genoform::compiled_search has them compiled.
#ifdef GENOFORM_COMPILED_SEARCH
extern template class nlohmann::basic_json<>;
#endif
