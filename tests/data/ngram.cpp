#include "genoform/data/ngram.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "genoform/data/corpus.hpp"
#include "genoform/data/synthetic.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

std::vector<Token> tokens_of(const std::string& text) { return {text.begin(), text.end()}; }
double probability(const Ngram& model, const std::string& history, char next) {
  return std::exp(-model.nats(tokens_of(history), next));
}

}  // namespace

TEST_CASE("an n-gram interpolates by the number of different tokens after a context") {
  Ngram model(2, 256);
  model.add(tokens_of("abracadabra"));
  // After "": 11 tokens, 5 different; "a" five times. After "b": "r" twice. After "ab": "r" twice.
  const double p0 = (2 + 5 * (1 / 256.0)) / (11 + 5);
  const double p1 = (2 + 1 * p0) / (2 + 1);
  const double p2 = (2 + 1 * p1) / (2 + 1);
  CHECK(probability(model, "", 'r') == Approx(p0));
  CHECK(probability(model, "b", 'r') == Approx(p1));
  CHECK(probability(model, "ab", 'r') == Approx(p2));
  CHECK(probability(model, "zzab", 'r') == Approx(p2));
  CHECK(probability(model, "zb", 'r') == Approx(p1));  // "zb" was never seen
  CHECK(probability(model, "z", 'z') == Approx(5 * (1 / 256.0) / 16));
}

TEST_CASE("the probabilities of all tokens after a context add up to 1") {
  for (const int order : {0, 1, 3, 5}) {
    Ngram model(order, 256);
    model.add(tokens_of(synthetic_text(5000, 1)));
    for (const std::string history : {"", "e", " th", "zzzzzz", "the w"}) {
      double sum = 0;
      for (int next = 0; next < 256; ++next) sum += std::exp(-model.nats(tokens_of(history), next));
      CHECK(sum == Approx(1));
    }
  }
}

TEST_CASE("an n-gram scores windows as a model does, and reads a text however it is stored") {
  const Corpus corpus = Corpus::from_text(synthetic_text(40000, 2));
  Ngram narrow(3, 256), wide(3, 256);
  narrow.add(corpus.train());
  wide.add(corpus.train().to_vector());
  const NgramLoss loss = loss_of(narrow, corpus.validation(), 8, 16);
  CHECK(loss.whole == loss_of(wide, corpus.validation(), 8, 16).value().whole);
  CHECK(loss.second_half < loss.whole);  // the first tokens of a window have no context
  Ngram shorter(1, 256);
  shorter.add(corpus.train());
  CHECK(loss.whole < loss_of(shorter, corpus.validation(), 8, 16).value().whole);
  CHECK(loss_of(narrow, corpus.validation(), 8, 16, 1).value().whole ==
        loss_of(shorter, corpus.validation(), 8, 16).value().whole);
  CHECK(!loss_of(narrow, corpus.validation().first(16), 8, 16));
  CHECK_THROWS_AS(Ngram(17, 256), Exception);
}
