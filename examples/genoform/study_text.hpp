#pragma once
#include <string>

#include "genoform/data/corpus.hpp"
#include "genoform/search/store/store.hpp"
#include "search_request.hpp"

namespace command {

/// The text of the study in `file`, wherever it lies now: `moved_to`, or where the request says, which follows a text that was
/// moved. Throws Exception (input) where it is not there or is another one.
genoform::Corpus text_of_study(genoform::search::Store& store, const std::string& file, SearchRequest& request,
                               const std::string& moved_to);

}  // namespace command
