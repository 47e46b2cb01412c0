#include "ngrams.hpp"

#include <numbers>

using namespace genoform;
using namespace genoform::inner;

std::vector<double> command::ngram_bits(const Corpus& corpus, TokenView text, std::size_t windows, std::size_t context,
                                        const std::function<void(Ngram&)>& count) {
  constexpr int longest = 5;
  Ngram ngram(longest, corpus.vocabulary());
  count(ngram);
  std::vector<double> bits;
  for (int order = 1; order <= longest; ++order)
    bits.push_back(loss_of(ngram, text, windows, context, order).value().whole / std::numbers::ln2 / corpus.bytes_per_token());
  return bits;
}
