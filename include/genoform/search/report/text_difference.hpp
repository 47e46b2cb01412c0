#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The words and marks of a text: "Heads<4>, NoPos" is "Heads", "<", "4", ">", ",", "NoPos".
inline std::vector<std::string> words_of_text(std::string_view text) {
  std::vector<std::string> words;
  bool is_open = false;  // may the next character belong to the last word?
  for (const char c : text) {
    const bool is_mark = c == '<' || c == '>' || c == ',';
    if (is_mark || (c != ' ' && !is_open)) words.emplace_back();
    if (c != ' ') words.back() += c;
    is_open = c != ' ' && !is_mark;
  }
  return words;
}

/// A run of words of two texts: in both, only in the first, or only in the second.
struct TextChange {
  enum class Where : std::uint8_t { both, first, second };
  Where where = Where::both;
  std::vector<std::string> words;
};

namespace text_changes {

/// What both texts have between two changes and is marks only, as "<" and ",", joins them: one larger change is easier to read.
inline std::vector<TextChange> joined(const std::vector<TextChange>& changes) {
  using Where = TextChange::Where;
  const auto is_mark = [](const std::string& w) { return w == "<" || w == ">" || w == ","; };
  std::vector<TextChange> result;
  for (std::size_t i = 0; i < changes.size();) {
    if (changes[i].where == Where::both) {
      result.push_back(changes[i++]);
      continue;
    }
    TextChange removed{Where::first, {}}, added{Where::second, {}};
    for (; i < changes.size(); ++i) {
      const std::vector<std::string>& words = changes[i].words;
      const bool is_between = i + 1 < changes.size() && std::all_of(words.begin(), words.end(), is_mark);
      if (changes[i].where == Where::both && !is_between) break;
      if (changes[i].where != Where::second) removed.words.insert(removed.words.end(), words.begin(), words.end());
      if (changes[i].where != Where::first) added.words.insert(added.words.end(), words.begin(), words.end());
    }
    for (const TextChange& c : {removed, added})
      if (!c.words.empty()) result.push_back(c);
  }
  return result;
}

}  // namespace text_changes

/// What makes the second of two texts of the first (longest common subsequence of their words).
inline std::vector<TextChange> text_difference(std::string_view first, std::string_view second) {
  const std::vector<std::string> a = words_of_text(first), b = words_of_text(second);
  std::vector<std::vector<std::size_t>> common(a.size() + 1, std::vector<std::size_t>(b.size() + 1));  // of the ends from i, j on
  for (std::size_t i = a.size(); i-- > 0;)
    for (std::size_t j = b.size(); j-- > 0;)
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<TextChange> changes;
  const auto add = [&](TextChange::Where where, const std::string& word) {
    if (changes.empty() || changes.back().where != where) changes.push_back({where, {}});
    changes.back().words.push_back(word);
  };
  std::size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      add(TextChange::Where::both, a[i]);
      ++i, ++j;
    } else if (i < a.size() && (j == b.size() || common[i + 1][j] >= common[i][j + 1])) {
      add(TextChange::Where::first, a[i++]);
    } else {
      add(TextChange::Where::second, b[j++]);
    }
  }
  return text_changes::joined(changes);
}

/// Words as the text writes them: a space after each comma.
inline std::string text_of_words(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += w == "," ? ", " : w;
  return text;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
