#pragma once
#include <concepts>
#include <string>
#include <string_view>

#include "genoform/core/decimal.hpp"
#include "genoform/core/math.hpp"
#include "genoform/core/utf8.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report {

/// A string in JSON, with quotes. JSON is UTF-8: a byte that is none, as in a path, becomes the four characters \xNN.
inline std::string json_quoted(std::string_view text) {
  std::string out = "\"";
  const auto copy = [&](std::string_view whole) {
    for (const char c : whole) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20) {
        out += "\\u" + utf8::hexadecimal(byte, 4);
      } else {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
      }
    }
  };
  utf8::each_stretch(text, copy, [&](char c) { out += "\\\\x" + utf8::hexadecimal(static_cast<unsigned char>(c), 2); });
  return out + "\"";
}

/// Builds the text of one JSON object, keys in the order in which they are added. Numbers that are not finite become null.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value) { return add_raw(key, json_quoted(value)); }
  JsonObject& add(std::string_view key, const char* value) { return add(key, std::string_view(value)); }
  JsonObject& add(std::string_view key, bool value) { return add_raw(key, value ? "true" : "false"); }
  template <std::integral N>
  JsonObject& add(std::string_view key, N value) {
    return add_raw(key, std::to_string(value));
  }
  JsonObject& add(std::string_view key, double value) {
    return add_raw(key, math::is_finite(value) ? general_text(value, 10) : "null");
  }
  /// Adds a value that is already JSON: an object, a list.
  JsonObject& add_raw(std::string_view key, std::string_view json) {
    body_ += (body_.empty() ? "" : ", ") + json_quoted(key) + ": ";
    body_ += json;
    return *this;
  }
  std::string text() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

}  // namespace genoform::inner::report

#include "genoform/core/restore_macros.hpp"
