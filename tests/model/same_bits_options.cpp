#include <algorithm>
#include <cstdint>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Primer = Decoder<
    Body<Stack<Block<Attention<Heads<4>, DConv<3>, SharedQk, Pre<PrimerNorm>>, Ffn<SqReLU, Bias, Inner<PrimerNorm>>>, 2>,
         Stack<Block<Attention<Heads<4>, RelBias<6, 9>, Window<5>, QkNorm>, Parallel<Ffn<SwiGlu>, Attention<Heads<4>, DConv<2>>>>,
               1>>,
    Vocab<64>, Width<32>, Context<12>, Positions<SharedRelBias<8, 10>>, FinalNorm<PrimerNorm>, Untied>;
using Scaled = Decoder<Stack<Block<Attention<Heads<2>, QkNorm>, Ffn<GeLU>>, 2>, Vocab<64>, Width<32>, Context<16>,
                       Positions<Learned>, LogitScale<WidthRsqrt>>;

std::vector<Token> tokens_of(std::uint64_t step) {
  std::vector<Token> tokens;
  const Random random(7, step);
  for (std::uint64_t i = 0; i < 37; ++i) tokens.push_back(static_cast<Token>(random.below(i, 64)));
  return tokens;
}

/// The losses of 10 steps of AdamW; leaves the gradients of one more.
std::vector<double> train(BasicModel<Cpu>& model) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < 10; ++step) {
    const std::vector<Token> tokens = tokens_of(0);
    model.zero_gradients();
    losses.push_back(model.loss_and_gradient(std::span(tokens).first(36), std::span(tokens).last(36), 3).main);
    (void)optimizer->gradient_norm();
    optimizer->update(step + 1, 3e-3);
    model.after_step();
  }
  const std::vector<Token> tokens = tokens_of(1);
  (void)model.loss_and_gradient(std::span(tokens).first(36), std::span(tokens).last(36), 3);
  return losses;
}

template <class Net>
void require_same_bits() {
  std::vector<double> losses;
  for (const int threads : {1, 2}) {
    Model<Net, Cpu> fixed({.seed = 5, .backend = Cpu({.threads = threads})});
    BasicModel<Cpu> built =
        builtin_kinds<Cpu>().build(Genome::parse(text_of<Net>), {.seed = 5, .backend = Cpu({.threads = threads})});
    CHECK(fixed.text() == built.text());
    losses = train(fixed);
    CHECK(losses == train(built));
    CHECK(std::ranges::equal(fixed.parameters(), built.parameters()));
    CHECK(std::ranges::equal(fixed.gradients(), built.gradients()));
    const std::vector<Token> tokens = tokens_of(9);
    CHECK(std::ranges::equal(fixed.evaluate_logits(std::span(tokens).first(36), 3),
                             built.evaluate_logits(std::span(tokens).first(36), 3)));
    CHECK(std::ranges::equal(fixed.evaluate_logits(std::span(tokens).first(10), 2),
                             built.evaluate_logits(std::span(tokens).first(10), 2)));
  }
  CHECK(losses.back() < losses.front());
}

}  // namespace

TEST_CASE("a type and its text give the same bits with all options of attention and of a model, and learn") {
  require_same_bits<Primer>();
  require_same_bits<Scaled>();
}
