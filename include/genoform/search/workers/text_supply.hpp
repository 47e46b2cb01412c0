#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "genoform/data/corpus.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// A piece of the text of a study, its parts one after the other, from a byte on; empty behind the last byte. What a coordinator
/// answers its workers with, and what a worker asks with.
using TextPieces = std::function<std::string(std::uint64_t first)>;

/// At most so many bytes in a piece: in base64 well below Channel::max_line.
inline constexpr std::size_t max_piece = std::size_t{1} << 20;

/// The pieces of a text of bytes.
inline TextPieces pieces_of(Corpus corpus) {
  return [corpus = std::move(corpus)](std::uint64_t first) {
    std::string piece;
    std::uint64_t start = 0;
    for (const TokenView part : {corpus.train(), corpus.validation(), corpus.test()}) {
      const std::uint64_t from = first + piece.size();
      if (from >= start && from < start + part.size()) {
        const std::size_t index = from - start, count = std::min<std::size_t>(part.size() - index, max_piece - piece.size());
        for (std::size_t i = index; i < index + count; ++i) piece += static_cast<char>(part[i]);
      }
      start += part.size();
    }
    return piece;
  };
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
