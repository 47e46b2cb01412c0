#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/token_view.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::data {

namespace batches {

/// A window needs its context and one token more, the last target.
inline Result<void> check(TokenView tokens, std::size_t context) {
  if (context == 0) return Error{ErrorKind::usage, "a context of 0 tokens; allowed is 1 on"};
  if (tokens.size() < context + 1)
    return Error{ErrorKind::input, "a text of " + std::to_string(tokens.size()) + " tokens; a context of " +
                                       std::to_string(context) + " needs " + std::to_string(context + 1)};
  return {};
}

}  // namespace batches

/// Copies windows: inputs, targets [starts.size(), context], targets one token later. Each start + context must be below
/// tokens.size().
inline void copy_windows(TokenView tokens, std::span<const std::size_t> starts, std::size_t context, std::span<Token> inputs,
                         std::span<Token> targets) {
  for (std::size_t row = 0; row < starts.size(); ++row) {
    tokens.copy(starts[row], inputs.subspan(row * context, context));
    tokens.copy(starts[row] + 1, targets.subspan(row * context, context));
  }
}

/// Random windows of a text, uniform over all positions. A batch depends on (seed, step) alone, so the position in the data is
/// one number and a resumed run sees the same batches at once. Does not own the tokens.
class Batches {
 public:
  /// Throws Exception when the text is too short for the context.
  Batches(TokenView tokens, std::size_t batch, std::size_t context, std::uint64_t seed)
      : tokens_(tokens), batch_(batch), context_(context), random_(seed, stream_of("batches")) {
    batches::check(tokens, context).value();
  }

  std::size_t batch() const { return batch_; }
  std::size_t context() const { return context_; }
  /// Position of the first input of a row.
  std::size_t start(std::uint64_t step, std::size_t row) const {
    return static_cast<std::size_t>(random_.below(step * batch_ + row, tokens_.size() - context_));
  }
  /// inputs, targets: [batch, context].
  void fill(std::uint64_t step, std::span<Token> inputs, std::span<Token> targets) const {
    for (std::size_t row = 0; row < batch_; ++row) {
      const std::size_t first = start(step, row);
      copy_windows(tokens_, {&first, 1}, context_, inputs.subspan(row * context_), targets.subspan(row * context_));
    }
  }

 private:
  TokenView tokens_;
  std::size_t batch_, context_;
  Random random_;
};

/// More windows than this take memory and time without a better mean.
inline constexpr int max_windows = 1 << 20;

/// Starts of `count` windows spread evenly over a text: numpy's linspace(0, size - context - 1, count), truncated. Errors: text
/// too short.
inline Result<std::vector<std::size_t>> evaluation_windows(TokenView tokens, std::size_t count, std::size_t context) {
  if (Result<void> checked = batches::check(tokens, context); !checked) return checked.error();
  const std::size_t last = tokens.size() - context - 1;
  std::vector<std::size_t> starts(count, 0);
  const double step = count > 1 ? static_cast<double>(last) / static_cast<double>(count - 1) : 0.0;
  for (std::size_t i = 1; i < count; ++i)
    starts[i] = i + 1 == count ? last : static_cast<std::size_t>(static_cast<double>(i) * step);
  return starts;
}

/// A window whose targets before `first_scored` belong to an earlier window as well.
struct ScoredWindow {
  std::size_t start = 0;
  std::size_t first_scored = 0;
};

/// Windows of full length in which every token but the first is a scored target exactly once; the last window reaches back
/// when the text does not divide. Errors: text too short.
inline Result<std::vector<ScoredWindow>> sequential_windows(TokenView tokens, std::size_t context) {
  if (Result<void> checked = batches::check(tokens, context); !checked) return checked.error();
  std::vector<ScoredWindow> windows;
  std::size_t scored = 0;
  for (; scored + context < tokens.size(); scored += context) windows.push_back({scored, 0});
  const std::size_t last = tokens.size() - context - 1;
  if (scored + 1 < tokens.size()) windows.push_back({last, scored - last});
  return windows;
}

}  // namespace genoform::inner::data

namespace genoform {
using inner::data::Batches;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
