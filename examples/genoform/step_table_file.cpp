#include "step_table_file.hpp"

#include "genoform/search/store/store.hpp"
#include "search_request.hpp"

namespace command {

using namespace genoform;
using namespace genoform::search;

StepTable table_of_study(const std::string& file, bool bf16) {
  const Store other(file, Store::Open::read);
  const auto table = other.setting("step table", StepTable::from_json);
  const auto request = other.setting("request", SearchRequest::of);
  if (!table || !request) throw Exception({ErrorKind::input, file + ": has no table of step times"});
  if (const bool is_bf16 = request->training.bf16; is_bf16 != bf16)
    throw Exception({ErrorKind::input, file + ": a table of steps in " + (is_bf16 ? "bf16" : "f32") +
                                           ", and this study trains in " + (bf16 ? "bf16" : "f32") + "; leave out --table"});
  return *table;
}

}  // namespace command
