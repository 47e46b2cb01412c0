#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/tensor.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::data {

namespace token_view {

/// A token of tokens of `width` bytes each.
inline Token read(const void* tokens, std::size_t width, std::size_t index) {
  switch (width) {
    case 1: return static_cast<const std::uint8_t*>(tokens)[index];
    case 2: return static_cast<const std::uint16_t*>(tokens)[index];
    default: return static_cast<const Token*>(tokens)[index];
  }
}

class Iterator {
 public:
  using value_type = Token;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::forward_iterator_tag;

  Iterator() = default;
  Iterator(const void* tokens, std::size_t width, std::size_t index) : tokens_(tokens), width_(width), index_(index) {}
  Token operator*() const { return read(tokens_, width_, index_); }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    const Iterator before = *this;
    ++index_;
    return before;
  }
  bool operator==(const Iterator& other) const { return index_ == other.index_; }

 private:
  const void* tokens_ = nullptr;
  std::size_t width_ = sizeof(Token), index_ = 0;
};

}  // namespace token_view

/// A sequence of tokens in memory of 1, 2 or 4 bytes a token, read as Token. It does not own the memory. A vector or a span of
/// Token converts to it. A byte text takes 1 byte a token this way.
class TokenView {
 public:
  TokenView() = default;
  template <class Tokens>
  requires(!std::same_as<Tokens, TokenView>) && std::convertible_to<const Tokens&, std::span<const Token>> TokenView(
                                                    const Tokens& tokens)
      : TokenView(std::span<const Token>(tokens).data(), std::span<const Token>(tokens).size()) {}
  TokenView(std::span<const std::uint8_t> tokens) : TokenView(tokens.data(), tokens.size()) {}
  TokenView(std::span<const std::uint16_t> tokens) : TokenView(tokens.data(), tokens.size()) {}

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t bytes_per_token() const { return width_; }
  /// index < size().
  Token operator[](std::size_t index) const { return token_view::read(data_, width_, index); }
  /// The `count` tokens from `first` on; first + count <= size().
  TokenView subspan(std::size_t first, std::size_t count) const {
    TokenView part = *this;
    part.data_ = static_cast<const std::byte*>(data_) + first * width_;
    part.size_ = count;
    return part;
  }
  TokenView subspan(std::size_t first) const { return subspan(first, size_ - first); }
  TokenView first(std::size_t count) const { return subspan(0, count); }

  /// Returns function(span) of the tokens as they are stored, a span of std::uint8_t, std::uint16_t or Token: for loops over
  /// whole texts, which then do not ask at each token how it is stored.
  template <class Function>
  decltype(auto) visit(Function&& function) const {
    switch (width_) {
      case 1: return function(std::span(static_cast<const std::uint8_t*>(data_), size_));
      case 2: return function(std::span(static_cast<const std::uint16_t*>(data_), size_));
      default: return function(std::span(static_cast<const Token*>(data_), size_));
    }
  }

  /// Copies the tokens from `first` on, as many as `to` holds; first + to.size() <= size().
  void copy(std::size_t first, std::span<Token> to) const {
    subspan(first, to.size()).visit([&](const auto tokens) { std::copy(tokens.begin(), tokens.end(), to.begin()); });
  }
  std::vector<Token> to_vector() const {
    std::vector<Token> tokens(size_);
    copy(0, tokens);
    return tokens;
  }

  token_view::Iterator begin() const { return {data_, width_, 0}; }
  token_view::Iterator end() const { return {data_, width_, size_}; }

 private:
  template <class Stored>
  TokenView(const Stored* data, std::size_t size) : data_(data), size_(size), width_(sizeof(Stored)) {}

  const void* data_ = nullptr;
  std::size_t size_ = 0, width_ = sizeof(Token);
};

/// The index of the first token that is no id of a vocabulary; their number where all are.
GENOFORM_INLINE std::size_t first_outside(TokenView text, std::int64_t vocabulary);

#if GENOFORM_FILE_BODIES

GENOFORM_INLINE std::size_t first_outside(TokenView text, std::int64_t vocabulary) {
  return text.visit([&](const auto tokens) {
    const auto is_outside = [&](std::int64_t token) { return token < 0 || token >= vocabulary; };
    return static_cast<std::size_t>(std::ranges::find_if(tokens, is_outside) - tokens.begin());
  });
}

#endif

}  // namespace genoform::inner::data

namespace genoform {
using inner::data::TokenView;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
