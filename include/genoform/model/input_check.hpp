#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <span>

#include "genoform/core/joined.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/pass.hpp"

#include "genoform/core/hide_macros.hpp"

/// Checks, in every build, of what a caller gives to a model: a wrong id or size would read or write memory of others. `where`
/// ends the name of a position, as in "token 7 of the step".
namespace genoform::inner::model::input_check {

/// The largest id of a vocabulary; every id is allowed where no vocabulary is known.
constexpr Token last_id(std::int64_t vocabulary) {
  return vocabulary > 0 ? static_cast<Token>(vocabulary - 1) : std::numeric_limits<Token>::max();
}

[[gnu::cold, gnu::noinline]] inline Error wrong_id(const char* what, std::size_t position, const char* where, Token found,
                                                   std::initializer_list<Piece> allowed) {
  return {ErrorKind::input, joined({what, position, where, " is ", found, "; ", joined(allowed)})};
}

/// Names the first token that is neither padding nor an id.
[[gnu::cold, gnu::noinline]] inline Error wrong_token(std::span<const Token> tokens, Token last, const char* where) {
  std::size_t n = 0;
  while (tokens[n] >= -1 && tokens[n] <= last) ++n;
  return wrong_id("token ", n, where, tokens[n], {"allowed are 0 to ", last, ", and -1 for padding"});
}
/// Names the first target that is no id, or that padding has.
[[gnu::cold, gnu::noinline]] inline Error wrong_target(std::span<const Token> tokens, std::span<const Token> targets, Token last,
                                                       const char* where) {
  std::size_t n = 0;
  while (targets[n] <= last && (tokens[n] >= 0 || targets[n] < 0)) ++n;
  if (targets[n] <= last) return wrong_id("target ", n, where, targets[n], {"that of padding must be below 0"});
  return wrong_id("target ", n, where, targets[n], {"allowed are 0 to ", last, ", and below 0 where nothing is to be learnt"});
}

/// Are the tokens ids of the vocabulary, or -1? The loop has no branch, so that compilers make vector code of it.
inline Result<void> tokens(std::span<const Token> tokens, std::int64_t vocabulary, const char* where) {
  const Token last = last_id(vocabulary);
  int wrong = 0;
  for (const Token token : tokens) wrong |= static_cast<int>(token < -1) | static_cast<int>(token > last);
  if (wrong != 0) return wrong_token(tokens, last, where);
  return {};
}
/// Are the targets, as many as there are tokens, ids of the vocabulary or below 0, and below 0 where the token is padding?
inline Result<void> targets(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t vocabulary,
                            const char* where) {
  const Token last = last_id(vocabulary);
  int wrong = 0;
  for (std::size_t n = 0; n < targets.size(); ++n)
    wrong |= static_cast<int>(targets[n] > last) | (static_cast<int>(tokens[n] < 0) & static_cast<int>(targets[n] >= 0));
  if (wrong != 0) return wrong_target(tokens, targets, last, where);
  return {};
}

/// Throws Exception (usage) where spans that belong together have unlike sizes.
inline void same_size(const char* what, std::size_t found, std::int64_t allowed) {
  if (static_cast<std::int64_t>(found) != allowed)
    fail(ErrorKind::usage, {"a span of ", found, " ", what, "; this call takes ", allowed});
}
/// The shape of `rows` tokens in `batch` sequences of equal length; throws Exception (usage) where they are not.
inline Shape shape_of(std::int64_t rows, std::int64_t batch) {
  if (batch < 1 || rows < batch || rows % batch != 0)
    fail(ErrorKind::usage, {"a batch of ", batch, " sequences with ", rows, " tokens; all need the same length of at least 1"});
  return {batch, rows / batch};
}

}  // namespace genoform::inner::model::input_check

#include "genoform/core/restore_macros.hpp"
