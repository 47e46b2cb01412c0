#pragma once
#include <string>
#include <string_view>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/atomic_file.hpp"
#include "genoform/io/mapped_file.hpp"

namespace genoform::inner::io {

/// What config.json of a model folder says (docs/formats/model.md section 3).
struct Config {
  std::string model;             ///< canonical text of the model
  std::string tokenizer = "{}";  ///< a JSON object; the empty one means bytes or unknown
  std::string further = "{}";    ///< a JSON object of the keys that are not ours, kept when the file is written again
};

namespace config {

inline constexpr std::string_view format = "genoform-1";

}  // namespace config

/// Reads the text of a config.json; `file` is for messages. Errors: not JSON, a doubled key, another format, a missing or
/// mistyped key.
GENOFORM_INLINE Result<Config> parse_config(std::string_view text, const std::string& file);
inline Result<Config> read_config(const std::string& path) {
  const Result<MappedFile> file = MappedFile::open(path);
  if (!file) return file.error();
  return parse_config(file->text(), path);
}

/// The text of a config.json. Errors (ErrorKind::usage): `tokenizer` or `further` is no JSON object, or `further` has a key of
/// ours.
GENOFORM_INLINE Result<std::string> config_text(const Config& given);

/// Writes a config.json, whole or not at all.
inline Result<void> write_config(const std::string& path, const Config& given) {
  const Result<std::string> text = config_text(given);
  if (!text) return Error{text.error().error_kind, path + ": " + text.error().message};
  return write_file_atomically(path, *text);
}

}  // namespace genoform::inner::io

#ifndef GENOFORM_COMPILED
#include "genoform/io/config_json.hpp"
#endif
