#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"
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

namespace {

/// What the exception of a call says.
std::string refusal(auto call) {
  try {
    call();
  } catch (const Exception& e) { return e.what(); }
  return "no exception";
}

}  // namespace

TEST_CASE("tokens and targets outside the vocabulary are refused by position and value before anything is run") {
  Model<Net, Reference> model({.seed = 5});
  const std::vector<Token> good = tokens(1);
  const auto with = [&](std::size_t n, Token wrong) {
    std::vector<Token> changed = good;
    changed[n] = wrong;
    return changed;
  };
  const Losses before = model.evaluate(good, good, 3);
  for (const Token target : {16, 100000}) {
    const std::string sentence = "target 20 of the batch is " + std::to_string(target) +
                                 "; allowed are 0 to 15, and below 0 where nothing is to be learnt";
    std::vector<double> losses(2);
    CHECK(refusal([&] { model.loss_and_gradient(good, with(20, target), 3); }) == sentence);
    CHECK(refusal([&] { model.add_gradient(good, with(20, target), 3, 1, std::span<double, 2>(losses)); }) == sentence);
    CHECK(refusal([&] { model.pool_loss(good, with(20, target), 3); }) == sentence);
    CHECK(refusal([&] { model.evaluate(good, with(20, target), 3); }) == sentence);
  }
  const std::string token = "token 0 of the batch is -2; allowed are 0 to 15, and -1 for padding";
  CHECK(refusal([&] { model.logits(with(0, -2), 3); }) == token);
  CHECK(refusal([&] { model.evaluate_logits(with(0, -2), 3); }) == token);
  CHECK(refusal([&] { model.evaluate(with(0, -2), good, 3); }) ==
        "target 0 of the batch is " + std::to_string(good[0]) + "; that of padding must be below 0");
  CHECK(refusal([&] { model.evaluate(with(5, 16), good, 3); }) ==
        "token 5 of the batch is 16; allowed are 0 to 15, and -1 for padding");
  CHECK(model.evaluate(good, good, 3).main == before.main);
}

TEST_CASE("spans of a wrong size and calls in a wrong order are refused in every build") {
  Model<Net, Reference> model({.seed = 5});
  const std::vector<Token> good = tokens(1);
  const auto shorter = std::span(good).first(20);
  CHECK(refusal([&] { model.logits(shorter, 3); }) ==
        "a batch of 3 sequences with 20 tokens; all need the same length of at least 1");
  CHECK(refusal([&] { model.evaluate(good, shorter, 3); }) == "a span of 20 targets; this call takes 21");
  CHECK(refusal([&] { model.backward({}); }) == "backward() without logits() before it");
  model.logits(good, 3);
  CHECK(refusal([&] { model.backward({}); }) == "a span of 0 gradients of logits; this call takes 336");

  Module<Moe<Hash, Experts<2>, Hidden<8>>, Reference> part({.width = 4, .vocab = 16});
  CHECK(refusal([&] { part.set_tokens(std::vector<Token>{3, 16}); }) == "token 1 is 16; allowed are 0 to 15, and -1 for padding");
  CHECK(refusal([&] { part.forward(std::vector<double>(7), 1); }) == "a span of 7 inputs; this call takes 4");
  CHECK(refusal([&] { part.backward(std::vector<double>(4)); }) == "backward() without forward() before it");
}
