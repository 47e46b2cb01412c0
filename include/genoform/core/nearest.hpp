#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "genoform/core/bounds.hpp"

namespace genoform::inner::core {

/// Words longer than this are compared with none.
inline constexpr std::size_t longest_compared_word = 64;

/// Edits between two words, capitals ignored: insert, delete, replace a letter or swap two neighbours.
constexpr std::size_t edits_between(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto same = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
  using Row = std::array<std::size_t, longest_compared_word + 1>;
  Row before{}, last{}, row{};  // of the prefixes of a that are two letters shorter, one letter shorter, and this one
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        row[j] = i + j;
        continue;
      }
      row[j] = smaller_of(smaller_of(last[j], row[j - 1]) + 1, last[j - 1] + (same(i - 1, j - 1) ? 0 : 1));
      if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1)) row[j] = smaller_of(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.size()];
}

/// Finds the candidate that a writer of `word` most likely meant; empty when none is near. The first of equally near ones.
class Nearest {
 public:
  constexpr explicit Nearest(std::string_view word) : word_(word), limit_(larger_of<std::size_t>(1, word.size() / 3) + 1) {}

  constexpr void add(std::string_view candidate) {
    if (word_.size() > longest_compared_word || candidate.size() > longest_compared_word) return;
    const std::size_t edits = edits_between(word_, candidate);
    if (edits >= limit_ || edits >= candidate.size()) return;
    limit_ = edits;
    best_ = candidate;
  }
  constexpr std::string_view best() const { return best_; }

 private:
  std::string_view word_, best_;
  std::size_t limit_;
};

}  // namespace genoform::inner::core
