#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::core {

/// Index of the first byte that is not well-formed UTF-8 (RFC 3629: shortest forms only, no surrogates), if there is one.
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

namespace utf8 {

inline std::string hexadecimal(std::uint32_t number, int digits) {
  std::string text;
  while (digits-- > 0) text += "0123456789abcdef"[(number >> (4U * static_cast<unsigned>(digits))) & 15U];
  return text;
}

/// well_formed(stretch) of what is UTF-8 in a text, which may be empty, and other(byte) of each byte between that is not; in
/// order.
template <class WellFormed, class Other>
void each_stretch(std::string_view text, WellFormed well_formed, Other other) {
  while (!text.empty()) {
    const std::size_t end = first_invalid_utf8(text).value_or(text.size());
    well_formed(text.substr(0, end));
    text.remove_prefix(end);
    if (text.empty()) return;
    other(text.front());
    text.remove_prefix(1);
  }
}
/// Takes the first character off a well-formed text that is not empty.
inline std::uint32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3FU);
  text.remove_prefix(length);
  return code;
}

/// Characters beyond ASCII that show nothing, or only space, or turn the direction of what follows.
constexpr bool is_invisible(std::uint32_t code) {
  struct Range {
    std::uint32_t first, last;
  };
  constexpr Range ranges[] = {{0x80, 0xA0},     {0xAD, 0xAD},     {0x34F, 0x34F},    {0x61C, 0x61C},   {0x115F, 0x1160},
                              {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F},  {0x2000, 0x200F}, {0x2028, 0x202F},
                              {0x205F, 0x206F}, {0x3000, 0x3000}, {0x3164, 0x3164},  {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF},
                              {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0xE0000, 0xE0FFF}};
  for (const Range& range : ranges)
    if (code >= range.first && code <= range.last) return true;
  return false;
}

}  // namespace utf8

/// Text of unknown origin as it can be shown in a line: control characters and bytes that are no UTF-8 as \xNN, other invisible
/// characters as \u{NNNN}.
inline std::string visible(std::string_view text) {
  std::string shown;
  const auto escape_byte = [&](char c) { shown += "\\x" + utf8::hexadecimal(static_cast<unsigned char>(c), 2); };
  const auto show = [&](std::string_view whole) {
    while (!whole.empty()) {
      const std::string_view before = whole;
      const std::uint32_t code = utf8::take_character(whole);
      if (code < 0x20 || code == 0x7F)
        escape_byte(before.front());
      else if (utf8::is_invisible(code))
        shown += "\\u{" + utf8::hexadecimal(code, code > 0xFFFF ? 5 : 4) + "}";
      else
        shown += before.substr(0, before.size() - whole.size());
    }
  };
  utf8::each_stretch(text, show, escape_byte);
  return shown;
}

}  // namespace genoform::inner::core
