#pragma once
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "genoform/core/namespaces.hpp"

/// Numbers of files and messages as decimal text. printf and strtod follow the locale of the program that uses the library, and a
/// file with decimal commas cannot be read again.
namespace genoform::inner::core {

namespace decimal {

inline std::string text_of(double number, std::chars_format format, int digits) {
  char text[400];  // the largest double has 309 digits before the point
  const std::to_chars_result end = std::to_chars(text, text + sizeof text, number, format, digits);
  return {text, end.ptr};
}

}  // namespace decimal

/// As printf writes it with %.<digits>g in the locale "C"; digits at most 40, as below.
inline std::string general_text(double number, int digits = 6) {
  return decimal::text_of(number, std::chars_format::general, digits);
}
/// With so many digits after the point: %.<digits>f.
inline std::string fixed_text(double number, int digits) { return decimal::text_of(number, std::chars_format::fixed, digits); }

/// The number that a whole text is; none where it is not one, or out of the range of Number.
template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace genoform::inner::core
