#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "genoform/core/utf8.hpp"

namespace genoform::inner::io {

/// Text of unknown origin in double quotes, fit for a message of one line (not "quoted": ADL would find that of std): what cannot
/// be seen is escaped as by visible(), and the rest is cut after 120 bytes.
inline std::string in_quotes(std::string_view text) {
  std::size_t end = text.size();
  if (end > 120)
    for (end = 120; end > 116 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U;) --end;
  std::string escaped;
  for (const char c : text.substr(0, end)) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return "\"" + visible(escaped) + (end < text.size() ? "...\"" : "\"");
}

}  // namespace genoform::inner::io
