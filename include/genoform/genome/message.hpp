#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/core/utf8.hpp"
#include "genoform/genome/allowed_words.hpp"
#include "genoform/genome/kind.hpp"
#include "genoform/genome/parse.hpp"
#include "genoform/genome/suggest.hpp"

namespace genoform::inner::genome::grammar {

/// The token at an offset as it is written, in quotes; empty where there is none. What cannot be seen is escaped.
inline std::string quoted_token(std::string_view text, std::size_t at) {
  if (at >= text.size() || is_space(text[at])) return {};
  const auto in_word = [](char c) { return is_letter(c) || is_digit(c); };
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  constexpr std::size_t longest_quote = 40;
  std::size_t end = at + 1;
  while (end < text.size() && end - at < longest_quote && (in_word(text[at]) ? in_word(text[end]) : continues(text[end]))) ++end;
  return "\"" + visible(text.substr(at, end - at)) + "\"";
}

/// The words that may stand where a wrong one was found, kept for a message.
class AllowedWords final : public WordList {
 public:
  AllowedWords(Tree tree, std::span<const Kind> kinds, const CheckResult& check_result) {
    each_allowed_word(tree, kinds, check_result, *this);
  }
  void add(std::string_view word) override {
    if (std::find(listed_.begin(), listed_.end(), word) != listed_.end()) return;  // of several kinds of one name
    listed_.push_back(word);
    candidates_.push_back(word);
  }
  void add_unlisted(std::string_view word) override { candidates_.push_back(word); }

  /// For "allowed: ...": empty where the rule's sentence says it all.
  const std::vector<std::string_view>& listed() const { return listed_; }
  /// For "did you mean": also aliases.
  const std::vector<std::string_view>& candidates() const { return candidates_; }

 private:
  std::vector<std::string_view> listed_, candidates_;
};

inline std::string position_and_token(std::string_view text, std::size_t at) {
  const SourcePosition place = index_of(text, at);
  std::string message = std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
  const std::string token = quoted_token(text, at);
  return token.empty() ? message : message + token + ": ";
}

/// `LINE:COLUMN: "found": sentence`, for a text whose form is wrong.
inline Error error_of(std::string_view text, const SyntaxError& syntax) {
  return {ErrorKind::input, position_and_token(text, syntax.at) + std::string(syntax.rule.sentence)};
}

/// `LINE:COLUMN: "found": sentence; allowed: ...; did you mean "..."?`, for a text whose meaning is wrong.
inline Error error_of(std::string_view text, Tree tree, std::span<const Kind> kinds, const CheckResult& check_result) {
  const auto at = static_cast<std::size_t>(node_at(tree, check_result.node).at);
  std::string message = position_and_token(text, at) + std::string(check_result.rule.sentence);
  if (check_result.rule == rules::OutOfRange{})
    message += "; allowed: " + std::to_string(check_result.low) + " to " + std::to_string(check_result.high);
  const AllowedWords words(tree, kinds, check_result);
  const char* separator = "; allowed: ";
  for (const std::string_view word : words.listed()) {
    message += separator + std::string(word);
    separator = ", ";
  }
  message += suggestion(node_at(tree, check_result.node).word, words.candidates());
  return {ErrorKind::input, std::move(message)};
}

}  // namespace genoform::inner::genome::grammar
