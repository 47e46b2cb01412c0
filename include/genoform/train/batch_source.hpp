#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/model/input_check.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// Micro-batches of the caller's own for a Trainer, in place of a corpus:
/// `trainer.run({.fill = [&](std::int64_t index, auto tokens, auto targets) { ... }})`.
///
/// `fill` writes all of `tokens` and `targets`, each [batch, context], one sequence after the other. targets[n] is what the model
/// is to say at position n; the trainer shifts nothing. A target below 0 is masked: it counts neither in the loss nor in the
/// mean, as for the prompt of an instruction. A token of -1 is padding, and its target must be masked. `index` counts
/// micro-batches from 0 over the whole run: step s (from 0) asks for s * accumulate, ..., s * accumulate + accumulate - 1. Where
/// the batch depends on `index` alone, a resumed run goes on to the same bits. What `fill` throws passes through, and nothing has
/// changed.
struct BatchSource {
  std::function<void(std::int64_t index, std::span<Token> tokens, std::span<Token> targets)> fill;
  /// Stands in checkpoints: a run is resumed only with a source of the same name.
  std::string name = "own batches";
  /// Bytes of text that a target stands for, on average; with 1 Step::bits_per_byte are bits per target.
  double bytes_per_token = 1;
  /// Whose validation part is measured when TrainOptions::validate_every says; null: nothing is. It must outlive the run.
  const Corpus* validation = nullptr;
};

namespace batch_source {

inline std::int64_t unmasked(std::span<const Token> targets) {
  std::int64_t count = 0;
  for (const Token target : targets) count += target >= 0 ? 1 : 0;
  return count;
}

/// Says what is wrong with the tokens and targets of a step, if anything is.
inline Result<void> check(std::span<const Token> tokens, std::span<const Token> targets, std::int64_t vocabulary) {
  if (Result<void> fine = input_check::tokens(tokens, vocabulary, " of the step"); !fine) return fine;
  if (Result<void> fine = input_check::targets(tokens, targets, vocabulary, " of the step"); !fine) return fine;
  if (unmasked(targets) == 0) return Error{ErrorKind::input, "all targets of the step are masked"};
  return {};
}

}  // namespace batch_source

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::BatchSource;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
