#pragma once
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "genoform/core/result.hpp"

namespace genoform::inner::core {

/// A piece of a joined text: a text or an integer.
struct Piece {
  Piece(std::string_view piece) : text(piece) {}
  Piece(const char* piece) : text(piece) {}
  Piece(const std::string& piece) : text(piece) {}
  template <std::integral Integer>
  Piece(Integer piece) : number(static_cast<std::int64_t>(piece)), is_number(true) {}

  std::string_view text{};
  std::int64_t number = 0;
  bool is_number = false;
};

/// Joins pieces of text, as in joined({"blocks.", block, "."}). One function out of line, because sums of strings are among the
/// most expensive expressions to compile.
[[gnu::cold, gnu::noinline]] inline std::string joined(std::initializer_list<Piece> pieces) {
  std::string all;
  for (const Piece& piece : pieces) {
    if (piece.is_number)
      all += std::to_string(piece.number);
    else
      all += piece.text;
  }
  return all;
}

/// Throws Exception with the pieces as its message.
[[noreturn, gnu::cold, gnu::noinline]] inline void fail(ErrorKind error_kind, std::initializer_list<Piece> pieces) {
  throw Exception({error_kind, joined(pieces)});
}

}  // namespace genoform::inner::core
