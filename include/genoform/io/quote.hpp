#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::io {

/// Place of the first byte that is not well-formed UTF-8 (RFC 3629: shortest forms only, no surrogates), if there is one.
constexpr std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || length > text.size() - i) return i;
    // The second byte alone rules out long forms, surrogates and what lies beyond U+10FFFF.
    const unsigned lowest = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned highest = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i + 1) < lowest || byte(i + 1) > highest) return i;
    for (std::size_t k = 2; k < length; ++k)
      if ((byte(i + k) & 0xC0U) != 0x80U) return i;
    i += length;
  }
  return std::nullopt;
}

/// Text of unknown origin in double quotes, fit for a message of one line (not "quoted": ADL would find that of std): control
/// characters and bytes that are not UTF-8 as \xNN, cut after 120 bytes.
inline std::string in_quotes(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t end = text.size();
  if (end > 120)
    for (end = 120; end > 116 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U;) --end;
  const bool cut = end < text.size();
  text = text.substr(0, end);
  const bool plain = !first_invalid_utf8(text);
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !plain)) {
      result += "\\x";
      result += digits[byte >> 4U];
      result += digits[byte & 15U];
    } else {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
  }
  return result + (cut ? "...\"" : "\"");
}

}  // namespace genoform::inner::io
