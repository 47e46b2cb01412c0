#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/namespaces.hpp"

namespace genoform::inner::report::svg {

/// Escapes text for XML, between tags and in attributes. Control characters, which XML 1.0 cannot represent, become spaces.
inline std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
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

/// The elements of an SVG image, in drawing order. Lengths are pixels; styles come from classes.
class Canvas {
 public:
  void rectangle(const char* look, int x, int y, int width, int height, int corner = 0) {
    body_ += "<rect class=\"" + std::string(look) + "\"" + number("x", x) + number("y", y) + number("width", width) +
             number("height", height) + number("rx", corner) + "/>\n";
  }
  void text(const char* look, int x, int y, std::string_view content) {
    body_ += "<text class=\"" + std::string(look) + "\"" + number("x", x) + number("y", y) + ">" + escaped(content) + "</text>\n";
  }
  void circle(const char* look, int x, int y, int radius) {
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
  static std::string number(const char* name, int value) {
    return " " + std::string(name) + "=\"" + std::to_string(value) + "\"";
  }

  std::string body_;
};

}  // namespace genoform::inner::report::svg
