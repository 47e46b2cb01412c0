#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/batches.hpp"
#include "genoform/data/token_view.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::data {

namespace ngram {

/// Counts by a hash of 64 bits. Two keys of one hash would be counted together; among 10^8 keys one such pair has a chance of 1
/// in 3,700.
class CountTable {
 public:
  /// The count of a key, 0 where there is none.
  std::uint32_t operator[](std::uint64_t key) const {
    if (entries_.empty()) return 0;
    return entries_[slot_of(key)].count;
  }
  /// Counts a key once more; returns the count before.
  std::uint32_t add(std::uint64_t key) {
    if (10 * (used_ + 1) > 7 * entries_.size()) grow();
    Entry& entry = entries_[slot_of(key)];
    if (entry.count == 0) {
      entry.key = key;
      ++used_;
    }
    return entry.count++;
  }

 private:
  struct Entry {
    std::uint64_t key = 0;
    std::uint32_t count = 0;  ///< 0: free
  };
  std::size_t slot_of(std::uint64_t key) const {
    const std::size_t mask = entries_.size() - 1;
    std::size_t slot = static_cast<std::size_t>(key) & mask;
    while (entries_[slot].count != 0 && entries_[slot].key != key) slot = (slot + 1) & mask;
    return slot;
  }
  void grow() {
    std::vector<Entry> before(std::max<std::size_t>(1024, 2 * entries_.size()));
    before.swap(entries_);
    for (const Entry& entry : before)
      if (entry.count != 0) entries_[slot_of(entry.key)] = entry;
  }

  std::vector<Entry> entries_;  ///< a power of two
  std::size_t used_ = 0;
};

}  // namespace ngram

/// A model that counts which tokens came after the last `order` ones, interpolated with all shorter contexts (Witten and Bell
/// 1991, method C): what a network must beat to have learned more than the spelling of words.
///
///   p(x | context) = (count(context, x) + distinct(context) p(x | context without its first)) / (count(context) +
///   distinct(context))
///
/// where distinct() is the number of different tokens seen after a context; below the empty context all tokens are equally
/// likely.
class Ngram {
 public:
  static constexpr int longest = 16;

  /// Orders 0 to 16; a vocabulary of 1 on. Throws Exception (usage).
  Ngram(int order, std::int64_t vocabulary) : order_(order), vocabulary_(vocabulary) {
    if (order < 0 || order > longest || vocabulary < 1)
      throw Exception({ErrorKind::usage, "an n-gram of order " + std::to_string(order) + " and " + std::to_string(vocabulary) +
                                             " tokens; allowed are orders 0 to " + std::to_string(longest) +
                                             " and 1 token or more"});
  }

  /// Counts the tokens of a text; the first ones have shorter contexts.
  void add(TokenView text) {
    text.visit([this](const auto tokens) {
      for (std::size_t n = 0; n < tokens.size(); ++n) count(tokens.first(n), static_cast<Token>(tokens[n]));
    });
  }

  /// -ln p(next | history), of whose tokens the last ones count, as many as the order: a shorter history is the model of a lower
  /// order.
  double nats(std::span<const Token> history, Token next) const {
    double p = 1 / static_cast<double>(vocabulary_);
    each_context(history, [&](std::uint64_t context) {
      const double seen = contexts_[context], different = distinct_[context];
      if (seen == 0) return false;
      p = (pairs_[with(context, next)] + different * p) / (seen + different);
      return true;
    });
    return -std::log(p);
  }

 private:
  static std::uint64_t with(std::uint64_t hash, Token token) {
    // The finalizer of splitmix64 (Steele, Lea and Flood 2014): every bit of the key reaches every bit of the hash.
    std::uint64_t x = hash + 0x9E3779B97F4A7C15U * (static_cast<std::uint64_t>(token) + 1);
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
  }
  /// visit(hash) for the contexts of 0, 1, ..., order() tokens at the end of a history, until it returns false.
  template <class Stored, class Visit>
  void each_context(std::span<const Stored> history, const Visit& visit) const {
    std::uint64_t hash = 0;
    const std::size_t tokens = std::min(history.size(), static_cast<std::size_t>(order_));
    if (!visit(hash)) return;
    for (std::size_t k = 1; k <= tokens; ++k) {
      hash = with(hash + k, static_cast<Token>(history[history.size() - k]));
      if (!visit(hash)) return;
    }
  }
  template <class Stored>
  void count(std::span<const Stored> history, Token next) {
    each_context(history, [&](std::uint64_t context) {
      contexts_.add(context);
      if (pairs_.add(with(context, next)) == 0) distinct_.add(context);
      return true;
    });
  }

  int order_;
  std::int64_t vocabulary_;
  ngram::CountTable contexts_, distinct_, pairs_;
};

/// Mean loss of an n-gram in nats per token, over windows of a text like those of Evaluation: at each position it sees what a
/// model sees, the tokens of the window up to there. `second_half`: of the positions in the second half of the windows alone.
struct NgramLoss {
  double whole = 0, second_half = 0;
};
/// `order`: as a model of that order that has counted the same, if it is below the model's. Errors: as those of
/// evaluation_windows().
inline Result<NgramLoss> loss_of(const Ngram& model, TokenView text, std::size_t windows, std::size_t context,
                                 int order = Ngram::longest) {
  const Result<std::vector<std::size_t>> starts = evaluation_windows(text, windows, context);
  if (!starts) return starts.error();
  std::vector<Token> tokens(context + 1);
  NgramLoss sum;
  for (const std::size_t start : *starts) {
    text.copy(start, tokens);
    for (std::size_t n = 0; n < context; ++n) {
      const std::size_t seen = std::min(n + 1, static_cast<std::size_t>(order));
      const double nats = model.nats(std::span(tokens).subspan(n + 1 - seen, seen), tokens[n + 1]);
      sum.whole += nats;
      if (n >= context / 2) sum.second_half += nats;
    }
  }
  const auto count = static_cast<double>(starts->size());
  return NgramLoss{sum.whole / (count * static_cast<double>(context)),
                   sum.second_half / (count * static_cast<double>(context - context / 2))};
}

}  // namespace genoform::inner::data

#include "genoform/core/restore_macros.hpp"
