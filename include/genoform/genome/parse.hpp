#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "genoform/core/options.hpp"
#include "genoform/core/tree.hpp"
#include "genoform/core/words.hpp"

namespace genoform::inner::rules {

GENOFORM_RULE(EmptyText, "the text is empty; a model starts with Decoder<, a part with Block< or a sub-layer");
GENOFORM_RULE(BadCharacter, "this character has no meaning here; allowed are words, numbers, < > , and white space");
GENOFORM_RULE(ArgumentMissing, "an argument is missing; after < or , stands a word or a number");
GENOFORM_RULE(CloseMissing, "a > is missing; every < needs its >");
GENOFORM_RULE(SeparatorMissing, "a , or > is missing before this; arguments are separated by commas");
GENOFORM_RULE(TextGoesOn, "the text goes on after its end; one text is one model or one part");
GENOFORM_RULE(BadNumber, "a number starts with a zero; numbers are decimal digits without a leading zero");
GENOFORM_RULE(NumberTooLarge, "the number is too large; numbers are at most 2147483647");
GENOFORM_RULE(StringOpen, "the string does not end; a string stands between two \"");
GENOFORM_RULE(BadEscape, "this escape is not known; allowed in a string are \\\" and \\\\");
GENOFORM_RULE(TextTooLong, "the text is too long; allowed are 65536 characters");
GENOFORM_RULE(TooDeep, "the text is nested too deeply; allowed are 64 levels");
/// What the parser refuses.
using OfTexts = List<EmptyText, BadCharacter, ArgumentMissing, CloseMissing, SeparatorMissing, TextGoesOn, BadNumber,
                     NumberTooLarge, StringOpen, BadEscape, TextTooLong, TooDeep>;

}  // namespace genoform::inner::rules

namespace genoform::inner::genome::grammar {

inline constexpr std::size_t longest_text = 65536;
inline constexpr int deepest_nesting = 64;

/// A word that stands for a longer form; `inner` is empty for Attn = Attention<>.
struct Alias {
  std::string_view word, stands_for, inner;
};
inline constexpr Alias aliases[] = {
    {"Attn", "Attention", ""}, {"SwiGlu", "Glu", "Swish"}, {"GeGlu", "Glu", "GeLU"}, {"ReGlu", "Glu", "ReLU"}};

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// The nodes of a text of at most Size characters, for constant expressions; a vector of nodes serves at run time.
template <std::size_t Size>
class FixedNodes {
 public:
  constexpr void push_back(const Node& node) { nodes_.nodes[size()] = node, ++nodes_.count; }
  constexpr Node& operator[](std::size_t i) { return nodes_.nodes[i]; }
  constexpr std::size_t size() const { return static_cast<std::size_t>(nodes_.count); }
  constexpr Tree tree() const { return nodes_.tree(); }

 private:
  NodeArray<static_cast<int>(Size / 2 + 2)> nodes_;
};

/// What stopped the parser, and where (an offset in the text).
struct SyntaxError {
  Rule rule = Rule::none;
  std::size_t at = 0;
  constexpr bool none() const { return rule == Rule::none; }
};

/// Turns a text into nodes in preorder. Checks the form only: words may be unknown, sizes may be wrong.
template <class Nodes>
class Parser {
 public:
  constexpr Parser(std::string_view text, Nodes& nodes) : text_(text), nodes_(nodes) {}

  constexpr SyntaxError parse() {
    if (text_.size() > longest_text) return {rules::TextTooLong{}, longest_text};
    skip_space();
    if (done()) return {rules::EmptyText{}, 0};
    do {
      if (const SyntaxError error = argument(); !error.none()) return error;
      if (const SyntaxError error = close_and_separate(); !error.none()) return error;
    } while (depth_ > 0);
    return done() ? SyntaxError{} : unexpected(rules::TextGoesOn{});
  }

 private:
  constexpr bool done() const { return at_ == text_.size(); }
  constexpr bool sees(char c) const { return !done() && text_[at_] == c; }
  static constexpr bool is_token(char c) { return is_letter(c) || is_digit(c) || c == '<' || c == '>' || c == ',' || c == '"'; }
  /// The rule that the character at hand breaks: `rule` where it belongs to the language.
  constexpr SyntaxError unexpected(Rule rule) const { return {is_token(text_[at_]) ? rule : Rule(rules::BadCharacter{}), at_}; }
  constexpr void skip_space() {
    while (!done() && is_space(text_[at_])) ++at_;
  }
  /// Just after the last character that is not white space.
  constexpr std::size_t end_of_text() const {
    std::size_t end = text_.size();
    while (end > 0 && is_space(text_[end - 1])) --end;
    return end;
  }
  constexpr void push(Node node, std::size_t at) {
    node.at = static_cast<int>(at);
    nodes_.push_back(node);
  }

  /// One word, number or string; a word with < goes one level deeper.
  constexpr SyntaxError argument() {
    if (done()) return {rules::CloseMissing{}, end_of_text()};
    const char c = text_[at_];
    if (is_letter(c)) return word();
    if (is_digit(c)) return number();
    if (c == '"') return string();
    return unexpected(rules::ArgumentMissing{});
  }

  /// After an argument: closes what ends here, then steps over the comma before the next argument.
  constexpr SyntaxError close_and_separate() {
    while (true) {
      skip_space();
      if (depth_ == 0) return {};
      if (done()) return {rules::CloseMissing{}, end_of_text()};
      if (sees('>')) {
        ++at_;
        close();
      } else if (sees(',') && !opened_) {
        ++at_;
        skip_space();
        return {};
      } else if (opened_) {
        opened_ = false;
        return {};
      } else {
        return unexpected(rules::SeparatorMissing{});
      }
    }
  }
  constexpr void close() {
    const int node = open_[--depth_];
    nodes_[static_cast<std::size_t>(node)].size = static_cast<int>(nodes_.size()) - node;
    opened_ = false;
  }

  constexpr SyntaxError word() {
    const std::size_t begin = at_;
    while (!done() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    skip_space();
    for (const Alias& alias : aliases)
      if (alias.word == word) return expand(alias, begin);
    push({.word = word, .brackets = sees('<')}, begin);
    if (!sees('<')) return {};
    if (depth_ == deepest_nesting) return {rules::TooDeep{}, at_};
    ++at_;
    open_[depth_++] = static_cast<int>(nodes_.size()) - 1;
    opened_ = true;
    return {};
  }
  constexpr SyntaxError expand(const Alias& alias, std::size_t begin) {
    if (sees('<')) return {rules::NoArguments{}, begin};
    const bool has_inner = !alias.inner.empty();
    push({.word = alias.stands_for, .size = has_inner ? 2 : 1, .brackets = true}, begin);
    if (has_inner) push({.word = alias.inner}, begin);
    return {};
  }

  constexpr SyntaxError number() {
    const std::size_t begin = at_;
    std::int64_t value = 0;
    for (; !done() && is_digit(text_[at_]); ++at_) {
      value = value * 10 + (text_[at_] - '0');
      if (value > 2147483647) return {rules::NumberTooLarge{}, begin};
    }
    if (text_[begin] == '0' && at_ - begin > 1) return {rules::BadNumber{}, begin};
    push({.word = text_.substr(begin, at_ - begin), .number = value, .shape = Node::Shape::number}, begin);
    return {};
  }

  constexpr SyntaxError string() {
    const std::size_t begin = at_++;
    for (; !sees('"'); ++at_) {
      if (done()) return {rules::StringOpen{}, begin};
      if (!sees('\\')) continue;
      ++at_;
      if (!sees('"') && !sees('\\')) return {rules::BadEscape{}, at_ - 1};
    }
    ++at_;
    push({.word = text_.substr(begin, at_ - begin), .shape = Node::Shape::string}, begin);
    return {};
  }

  std::string_view text_;
  Nodes& nodes_;
  std::size_t at_ = 0;
  int open_[deepest_nesting]{};
  int depth_ = 0;
  bool opened_ = false;  ///< the last token was <
};

/// A place in a text as people count: lines and characters from 1.
struct SourcePosition {
  int line = 1, column = 1;
};
constexpr SourcePosition index_of(std::string_view text, std::size_t at) {
  SourcePosition place;
  for (std::size_t i = 0; i < at && i < text.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;  // inside a UTF-8 character
    if (text[i] == '\n')
      ++place.line, place.column = 1;
    else if (!continues)
      ++place.column;
  }
  return place;
}

}  // namespace genoform::inner::genome::grammar
