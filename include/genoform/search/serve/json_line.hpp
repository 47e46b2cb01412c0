#pragma once
#include <optional>
#include <string>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/utf8.hpp"
#include "genoform/io/json_structure.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// The JSON object that another program wrote in one line. The error says at which byte it is none, counted from 0.
GENOFORM_SEARCH_INLINE Result<nlohmann::json> parse_json_line(const std::string& line);

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE Result<nlohmann::json> parse_json_line(const std::string& line) {
  const auto error = [](const std::string& what) { return Error{ErrorKind::input, what}; };
  if (const auto offset = first_invalid_utf8(line)) return error("byte " + std::to_string(*offset) + ": not UTF-8");
  io::JsonStructure structure;
  if (!nlohmann::json::sax_parse(line, &structure)) return error(structure.message);
  nlohmann::json object = nlohmann::json::parse(line);
  if (!object.is_object()) return error("byte 0: not a JSON object");
  return object;
}

#endif

}  // namespace genoform::search
