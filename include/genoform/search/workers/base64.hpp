#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace genoform::search {

/// Bytes as letters, digits, + and /, padded with = to a multiple of four (RFC 4648, section 4): so they travel in JSON.
namespace base64 {

inline constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

inline std::string encode(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t k = i; k < i + 3; ++k) bits = bits << 8 | (k < bytes.size() ? static_cast<std::uint8_t>(bytes[k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) text += i + k <= bytes.size() ? alphabet[bits >> (18 - 6 * k) & 63U] : '=';
  }
  return text;
}

/// None for what encode() does not write.
inline std::optional<std::string> decode(std::string_view text) {
  static constexpr auto values = [] {
    std::array<std::uint8_t, 256> table{};
    for (std::uint8_t& value : table) value = 64;
    for (std::size_t i = 0; i < alphabet.size(); ++i)
      table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
    return table;
  }();
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t letters = text.size();
  while (letters > 0 && text.size() - letters < 2 && text[letters - 1] == '=') --letters;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < letters; ++i) {
    const std::uint8_t value = values[static_cast<std::uint8_t>(text[i])];
    if (value == 64) return std::nullopt;
    bits = bits << 6 | value;
    if (i % 4 == 3)
      for (const unsigned shift : {16U, 8U, 0U}) bytes += static_cast<char>(bits >> shift & 255U);
  }
  // What is left of the last four: two letters hold one byte and four bits that are zero, three hold two bytes and two bits.
  if (letters % 4 == 2) bytes += static_cast<char>(bits >> 4 & 255U);
  if (letters % 4 == 3) {
    bytes += static_cast<char>(bits >> 10 & 255U);
    bytes += static_cast<char>(bits >> 2 & 255U);
  }
  const bool has_spare_bits = (letters % 4 == 2 && (bits & 15U) != 0) || (letters % 4 == 3 && (bits & 3U) != 0);
  return has_spare_bits ? std::nullopt : std::optional(std::move(bytes));
}

}  // namespace base64

}  // namespace genoform::search
