#include "ngrams.hpp"

#include <numbers>

#include "genoform/data/batches.hpp"

using namespace genoform;
using namespace genoform::inner;

command::NgramBits command::ngram_bits(const Corpus& corpus, TokenView text, std::size_t windows, std::size_t context,
                                       const std::function<void(Ngram&)>& count) {
  constexpr int longest = 5;
  Ngram ngram(longest, corpus.vocabulary());
  count(ngram);
  NgramBits bits;
  const double per_nat = 1 / std::numbers::ln2 / corpus.bytes_per_token();
  for (int order = 1; order <= longest; ++order) {
    const NgramLoss loss = loss_of(ngram, text, windows, context, order).value();
    bits.whole.push_back(loss.whole * per_nat);
    bits.second_half.push_back(loss.second_half * per_nat);
  }
  return bits;
}

void command::count_batches(Ngram& ngram, const Corpus& corpus, const search::TrainingSetup& training, std::uint64_t seed,
                            std::int64_t steps) {
  const auto rows = static_cast<std::size_t>(training.batch), context = static_cast<std::size_t>(training.context);
  const Batches batches(corpus.train(), rows, context, seed);
  for (std::uint64_t step = 0; step < static_cast<std::uint64_t>(steps); ++step)
    for (std::size_t row = 0; row < rows; ++row) ngram.add(corpus.train().subspan(batches.start(step, row), context + 1));
}
