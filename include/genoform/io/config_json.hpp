#pragma once
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/config.hpp"
#include "genoform/io/json_structure.hpp"
#include "genoform/io/quote.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::io {

namespace config {

inline constexpr std::size_t longest_file = std::size_t{1} << 20U;

/// A JSON object; keys in their order. Errors name the file and the key or byte.
inline Result<nlohmann::ordered_json> parse_object(std::string_view text, const std::string& file) {
  const auto error = [&](const std::string& what) { return Error{ErrorKind::input, file + ": " + what}; };
  if (text.size() > longest_file)
    return error(std::to_string(text.size()) + " bytes; allowed are " + std::to_string(longest_file));
  if (const auto offset = first_invalid_utf8(text)) return error("byte " + std::to_string(*offset) + ": not UTF-8");
  if (const auto offset = text.find('\0'); offset != text.npos) return error("byte " + std::to_string(offset) + ": a zero byte");
  JsonStructure events;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &events)) return error(events.message);
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(text.begin(), text.end());
  if (!json.is_object()) return error("must hold a JSON object");
  return json;
}

}  // namespace config

GENOFORM_INLINE Result<Config> parse_config(std::string_view text, const std::string& file) {
  Result<nlohmann::ordered_json> json = config::parse_object(text, file);
  if (!json) return json.error();
  const auto error = [&](std::string_view key, const std::string& what) {
    return Error{ErrorKind::input, file + ": key " + in_quotes(key) + ": " + what};
  };
  for (const char* const key : {"format", "model"}) {
    if (!json->contains(key)) return error(key, "missing");
    if (!(*json)[key].is_string()) return error(key, "must be a string");
  }
  const auto found = (*json)["format"].get<std::string>();
  if (found != config::format) return error("format", "found " + in_quotes(found) + "; allowed is " + in_quotes(config::format));
  Config result{.model = (*json)["model"].get<std::string>()};
  if (json->contains("tokenizer")) {
    if (!(*json)["tokenizer"].is_object()) return error("tokenizer", "must be an object");
    result.tokenizer = (*json)["tokenizer"].dump();
  }
  for (const char* const key : {"format", "model", "tokenizer"}) json->erase(key);
  result.further = json->dump();
  return result;
}

GENOFORM_INLINE Result<std::string> config_text(const Config& given) {
  const auto usage = [](Error error) { return Error{ErrorKind::usage, std::move(error.message)}; };
  const Result<nlohmann::ordered_json> tokenizer = config::parse_object(given.tokenizer, "tokenizer");
  if (!tokenizer) return usage(tokenizer.error());
  const Result<nlohmann::ordered_json> further = config::parse_object(given.further, "further keys");
  if (!further) return usage(further.error());
  if (first_invalid_utf8(given.model)) return Error{ErrorKind::usage, "the text of the model is not UTF-8"};
  nlohmann::ordered_json json;
  json["format"] = config::format;
  json["model"] = given.model;
  json["tokenizer"] = *tokenizer;
  for (const auto& [key, value] : further->items()) {
    if (json.contains(key)) return Error{ErrorKind::usage, "further keys: " + in_quotes(key) + " is one of the library's own"};
    json[key] = value;
  }
  return json.dump(2) + "\n";
}

}  // namespace genoform::inner::io

#include "genoform/core/restore_macros.hpp"
