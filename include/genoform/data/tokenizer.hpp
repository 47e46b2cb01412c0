#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/token_view.hpp"

namespace genoform::inner::data {

/// One token per byte, ids 0 to 255: every text has exactly one reading, and losses compare in bits per byte.
struct ByteTokenizer {
  static constexpr std::int64_t vocabulary = 256;
  /// What config.json says of it: nothing (docs/formats/model.md section 3).
  static constexpr std::string_view config = "{}";

  static std::vector<Token> encode(std::string_view text) {
    std::vector<Token> tokens(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) tokens[i] = static_cast<unsigned char>(text[i]);
    return tokens;
  }
  /// Errors: an id that is no byte.
  static Result<std::string> decode(TokenView tokens) {
    std::string text(tokens.size(), '\0');
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (tokens[i] < 0 || tokens[i] >= vocabulary)
        return Error{ErrorKind::input,
                     "token " + std::to_string(i) + " is " + std::to_string(tokens[i]) + "; bytes are 0 to 255"};
      text[i] = static_cast<char>(tokens[i]);
    }
    return text;
  }
};

}  // namespace genoform::inner::data
