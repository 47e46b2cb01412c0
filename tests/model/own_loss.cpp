#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Net = Decoder<Stack<Block<Parallel<Attention<Heads<2>, DConv<3>>, Moe<Top2, Experts<3>, Hidden<8>>>, Ffn<SqReLU>>, 2>,
                    Vocab<16>, Width<12>, Context<7>>;
constexpr std::size_t vocab = 16, tokens_of_batch = 21;

std::vector<Token> tokens(std::uint64_t seed) {
  std::vector<Token> all;
  const Random random(5, seed);
  for (std::uint64_t i = 0; i < tokens_of_batch; ++i) all.push_back(static_cast<Token>(random.below(i, vocab)));
  return all;
}
/// Sequences of different lengths: the ends are padding.
bool counts(std::size_t n) { return n % 7 < 4 + n / 7; }

}  // namespace

TEST_CASE("a masked loss of the caller's own is the built-in one with targets of -1") {
  Model<Net, Reference> model({.seed = 5});
  const std::vector<Token> inputs = tokens(1), targets = tokens(2);
  std::vector<Token> masked = targets;
  double counted = 0;
  for (std::size_t n = 0; n < tokens_of_batch; ++n) counts(n) ? counted += 1 : masked[n] = -1;
  REQUIRE(counted == 4 + 5 + 6);
  const double expected_loss = model.loss_and_gradient(inputs, masked, 3).main;
  const std::vector<double> expected(model.gradients().begin(), model.gradients().end());

  model.zero_gradients();
  const auto logits = model.logits(inputs, 3);
  std::vector<double> d(logits.size(), 0.0);
  double loss = 0;
  for (std::size_t n = 0; n < tokens_of_batch; ++n) {
    if (!counts(n)) continue;
    const auto row = logits.subspan(n * vocab, vocab);
    const auto target = static_cast<std::size_t>(targets[n]);
    double sum = 0;
    for (const double l : row) sum += std::exp(l);
    loss += (std::log(sum) - row[target]) / counted;
    for (std::size_t v = 0; v < vocab; ++v) d[n * vocab + v] = (std::exp(row[v]) / sum - (v == target ? 1 : 0)) / counted;
  }
  model.backward(d);
  REQUIRE(loss == Approx(expected_loss).epsilon(1e-12));
  double largest = 0;
  for (const double g : expected) largest = std::max(largest, std::abs(g));
  for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(model.gradients()[i] == Approx(expected[i]).margin(1e-12 * largest));
}

TEST_CASE("padding at the end of a sequence changes neither the loss nor any gradient of a dense model") {
  using Dense = Decoder<Block<Attention<Heads<2>, DConv<3>>, Ffn<SqReLU>>, Vocab<16>, Width<12>, Context<7>>;
  Model<Dense, Reference> model({.seed = 5});
  std::vector<Token> inputs = tokens(1), targets = tokens(2);
  for (std::size_t n = 0; n < tokens_of_batch; ++n)
    if (!counts(n)) targets[n] = -1;
  const double loss = model.loss_and_gradient(inputs, targets, 3).main;
  const std::vector<double> expected(model.gradients().begin(), model.gradients().end());
  for (std::size_t n = 0; n < tokens_of_batch; ++n)
    if (!counts(n)) inputs[n] = (inputs[n] + 1) % static_cast<Token>(vocab);
  model.zero_gradients();
  REQUIRE(model.loss_and_gradient(inputs, targets, 3).main == loss);
  for (std::size_t i = 0; i < expected.size(); ++i) REQUIRE(model.gradients()[i] == Approx(expected[i]).margin(1e-14));
}
