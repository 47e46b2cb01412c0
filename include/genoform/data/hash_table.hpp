#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "genoform/core/joined.hpp"
#include "genoform/core/random.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/token_view.hpp"

/// Tables for the Hash router: the expert of each token id, to be copied into `model.integers("blocks.0.1.moe.table")`.
/// No ids or no experts are an Exception (usage). Roller et al., 2021.
namespace genoform::hash_table {

inline void check_sizes(std::int64_t vocab, std::int64_t experts) {
  if (vocab < 1 || experts < 1)
    fail(ErrorKind::usage, {"a table of ", vocab, " ids for ", experts, " experts; allowed is at least 1 of each"});
}

/// id mod E, which is also the initial table.
inline std::vector<std::int32_t> modulo(int vocab, int experts) {
  check_sizes(vocab, experts);
  std::vector<std::int32_t> table(static_cast<std::size_t>(vocab));
  for (std::size_t id = 0; id < table.size(); ++id) table[id] = static_cast<std::int32_t>(id % static_cast<std::size_t>(experts));
  return table;
}

/// Uniform; the same for the same seed.
inline std::vector<std::int32_t> random(int vocab, int experts, std::uint64_t seed) {
  check_sizes(vocab, experts);
  const Random numbers(seed, stream_of("hash table"));
  std::vector<std::int32_t> table(static_cast<std::size_t>(vocab));
  for (std::size_t id = 0; id < table.size(); ++id)
    table[id] = static_cast<std::int32_t>(numbers.below(id, static_cast<std::uint64_t>(experts)));
  return table;
}

/// How often each id of [0, vocab) occurs in a text; padding (-1) counts nowhere.
inline std::vector<std::int64_t> counts_of(TokenView text, int vocab) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(vocab), 0);
  for (const Token token : text)
    if (token >= 0 && token < vocab) ++counts[static_cast<std::size_t>(token)];
  return counts;
}

/// Balanced by frequency: the most frequent id first (ties: lower id), each to the expert with the smallest load so far (ties:
/// fewer ids, then the lower expert).
inline std::vector<std::int32_t> balanced(std::span<const std::int64_t> counts, int experts) {
  check_sizes(static_cast<std::int64_t>(counts.size()), experts);
  std::vector<std::size_t> ids(counts.size());
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  std::stable_sort(ids.begin(), ids.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
  struct Load {
    std::int64_t tokens = 0, ids = 0;
    auto operator<=>(const Load&) const = default;
  };
  std::vector<Load> loads(static_cast<std::size_t>(experts));
  std::vector<std::int32_t> table(counts.size());
  for (const std::size_t id : ids) {
    const auto smallest = std::min_element(loads.begin(), loads.end());
    table[id] = static_cast<std::int32_t>(smallest - loads.begin());
    smallest->tokens += counts[id];
    ++smallest->ids;
  }
  return table;
}

}  // namespace genoform::hash_table
