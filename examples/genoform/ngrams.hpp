#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "genoform/data/corpus.hpp"
#include "genoform/data/ngram.hpp"
#include "genoform/search/evaluator/training_setup.hpp"

namespace command {

/// Bits per byte of interpolated n-grams of orders 1 to 5, at all positions of windows and at those of their second halves.
struct NgramBits {
  std::vector<double> whole, second_half;
};
/// What counting reaches on windows of a text. `count` adds what they count.
NgramBits ngram_bits(const genoform::Corpus& corpus, genoform::TokenView text, std::size_t windows, std::size_t context,
                     const std::function<void(genoform::inner::Ngram&)>& count);

/// Counts the first `steps` batches of a training of that seed.
void count_batches(genoform::inner::Ngram& ngram, const genoform::Corpus& corpus, const genoform::search::TrainingSetup& training,
                   std::uint64_t seed, std::int64_t steps);

}  // namespace command
