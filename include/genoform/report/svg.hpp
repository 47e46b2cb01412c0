#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/namespaces.hpp"
#include "genoform/core/utf8.hpp"

namespace genoform::inner::report::svg {

/// Escapes text for XML, between tags and in attributes. Control characters, which XML 1.0 cannot represent, become spaces, bytes
/// that are no UTF-8 the four characters \xNN.
inline std::string escaped(std::string_view text) {
  std::string out;
  const auto escape = [&](std::string_view whole) {
    for (const char c : whole) {
      if (c == '&')
        out += "&amp;";
      else if (c == '<')
        out += "&lt;";
      else if (c == '>')
        out += "&gt;";
      else if (c == '"')
        out += "&quot;";
      else
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  };
  utf8::each_stretch(text, escape, [&](char c) { out += "\\x" + utf8::hexadecimal(static_cast<unsigned char>(c), 2); });
  return out;
}

/// Breaks a list into lines of at most `width` bytes: at spaces, else between two characters.
inline std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (text.size() > width) {
    std::size_t cut = text.rfind(' ', width);
    const bool at_space = cut != std::string_view::npos && cut > 0;
    if (!at_space) {
      cut = width;
      while (cut > 1 && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) --cut;  // not inside a UTF-8 character
    }
    lines.emplace_back(text.substr(0, cut));
    text.remove_prefix(cut + (at_space ? 1 : 0));
  }
  lines.emplace_back(text);
  return lines;
}

/// A length or a coordinate in pixels, to a tenth.
inline std::string number_text(double pixels) {
  const double tenths = std::round(10 * pixels);
  return general_text(tenths == 0 ? 0 : tenths / 10, 12);
}

/// A whole image, in a file of its own or inside a page. `look`: its class; `title`: what readers who do not see it hear.
inline std::string image(std::string_view look, double width, double height, std::string_view title, std::string_view description,
                         const std::string& body) {
  const std::string w = number_text(width), h = number_text(height), name = escaped(title);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"" + std::string(look) + "\" width=\"" + w + "\" height=\"" + h +
         "\" viewBox=\"0 0 " + w + " " + h + "\" role=\"img\" aria-label=\"" + name + "\">\n<title>" + name + "</title>\n<desc>" +
         escaped(description) + "</desc>\n" + body + "</svg>\n";
}

/// The elements of an SVG image, in drawing order. Lengths are pixels; styles come from classes.
class Canvas {
 public:
  void rectangle(const char* look, double x, double y, double width, double height, double corner = 0) {
    body_ += "<rect class=\"" + std::string(look) + "\"" + number("x", x) + number("y", y) + number("width", width) +
             number("height", height) + number("rx", corner) + "/>\n";
  }
  void text(const char* look, double x, double y, std::string_view content) {
    body_ += "<text class=\"" + std::string(look) + "\"" + number("x", x) + number("y", y) + ">" + escaped(content) + "</text>\n";
  }
  void circle(const char* look, double x, double y, double radius) {
    body_ += "<circle class=\"" + std::string(look) + "\"" + number("cx", x) + number("cy", y) + number("r", radius) + "/>\n";
  }
  /// `path`: SVG path data, "M0 0 H10 V20".
  void line(const char* look, const std::string& path) {
    body_ += "<path class=\"" + std::string(look) + "\" d=\"" + path + "\"/>\n";
  }
  /// Everything up to end_group() shows `tip` under the pointer.
  void group(std::string_view tip) { body_ += "<g><title>" + escaped(tip) + "</title>\n"; }
  void end_group() { body_ += "</g>\n"; }
  const std::string& body() const { return body_; }

 private:
  static std::string number(const char* name, double value) {
    return " " + std::string(name) + "=\"" + number_text(value) + "\"";
  }

  std::string body_;
};

}  // namespace genoform::inner::report::svg
