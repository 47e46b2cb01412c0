#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"
#include "genoform/registry/kinds.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using First = Block<Attention<Heads<2>, DConv<3>>, Parallel<Ffn<SqReLU>, Moe<Top2, Experts<4>, Hidden<16>>, Inner<RmsNorm>>>;
using Second = Block<Ffn<GeLU, Hidden<200>, Post<LayerNorm>>>;
using Net = Decoder<Body<Stack<First, 2>, Stack<Second, 1>>, Vocab<32>, Width<16>, Context<8>, FinalNorm<NoNorm>>;

std::vector<Token> tokens(std::uint64_t seed) {
  std::vector<Token> all;
  const Random random(3, seed);
  for (std::uint64_t i = 0; i < 24; ++i) all.push_back(static_cast<Token>(random.below(i, 32)));
  return all;
}
std::vector<float> copied(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("the outputs of all sub-layers can be read after logits and after the backward pass, and are the same") {
  Model<Net, Cpu> model({.seed = 2});
  model.keep_outputs();
  const auto logits = copied(model.logits(tokens(1), 3));
  std::vector<std::vector<float>> after_logits;
  for (const auto& output : model.outputs()) after_logits.push_back(copied(output.values));
  REQUIRE(after_logits.size() == 5);

  (void)model.loss_and_gradient(tokens(2), tokens(3), 3);
  REQUIRE(copied(model.layer_output(0, 0)) != after_logits[0]);
  (void)model.loss_and_gradient(tokens(1), tokens(3), 3);
  const auto outputs = model.outputs();
  const std::int64_t places[][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {2, 0}};
  for (std::size_t i = 0; i < 5; ++i) {
    REQUIRE(outputs[i].block == places[i][0]);
    REQUIRE(outputs[i].place == places[i][1]);
    REQUIRE(outputs[i].values.size() == 24 * 16);
    REQUIRE(copied(outputs[i].values) == after_logits[i]);
    REQUIRE(copied(model.layer_output(places[i][0], places[i][1])) == after_logits[i]);
  }
  // Without a final norm the last output times the embedding is the logits.
  const auto embedding = model.parameter("embedding.weight");
  const auto last = model.layer_output(2, 0);
  for (std::size_t n = 0; n < 24; ++n)
    for (std::size_t v = 0; v < 32; ++v) {
      double sum = 0;
      for (std::size_t d = 0; d < 16; ++d) sum += double{last[n * 16 + d]} * double{embedding[v * 16 + d]};
      REQUIRE(static_cast<double>(logits[n * 32 + v]) == Approx(sum).margin(1e-4));
    }
  REQUIRE(model.layer_output(3, 0).empty());
  REQUIRE(model.layer_output(0, 2).empty());
}

TEST_CASE("unless outputs are kept there are none, they take no memory, and the results are the same") {
  Model<Net, Cpu> plain({.seed = 2}), keeping({.seed = 2});
  keeping.keep_outputs();
  const double loss = plain.loss_and_gradient(tokens(1), tokens(2), 3).main;
  REQUIRE(keeping.loss_and_gradient(tokens(1), tokens(2), 3).main == loss);
  REQUIRE(copied(plain.gradients()) == copied(keeping.gradients()));
  REQUIRE(plain.outputs().empty());
  REQUIRE(plain.layer_output(0, 0).empty());
  const Shape shape{3, 8};
  REQUIRE(plain.plan(shape, Pass::train).workspace_elements == cost_of<Net>(3).workspace_elements);
  REQUIRE(keeping.plan(shape, Pass::train).workspace_elements >= plain.plan(shape, Pass::train).workspace_elements);
  REQUIRE(keeping.plan(shape, Pass::train).operations == plain.plan(shape, Pass::train).operations);
  REQUIRE(keeping.plan(shape, Pass::evaluate).workspace_elements == plain.plan(shape, Pass::evaluate).workspace_elements);
}

TEST_CASE("outputs that the backward pass would overwrite are kept, in additional memory") {
  // Few tensors are live when the backward pass starts, and the first layer needs much scratch.
  using Wide =
      Decoder<Block<Ffn<GeLU, Hidden<400>>, Ffn<GeLU, Hidden<4>>, Ffn<GeLU, Hidden<4>>>, Vocab<32>, Width<16>, Context<8>>;
  Model<Wide, Cpu> plain({.seed = 2}), keeping({.seed = 2});
  keeping.keep_outputs();
  REQUIRE(keeping.plan({3, 8}, Pass::train).workspace_elements > plain.plan({3, 8}, Pass::train).workspace_elements);
  (void)keeping.logits(tokens(1), 3);
  const auto before = copied(keeping.layer_output(0, 2));
  (void)keeping.loss_and_gradient(tokens(1), tokens(2), 3);
  REQUIRE(copied(keeping.layer_output(0, 2)) == before);
}

TEST_CASE("the outputs of a block alone and of a genome's model are read the same way") {
  Module<First, Cpu> block({.width = 16, .context = 8});
  block.keep_outputs();
  std::vector<float> x(24 * 16);
  const Random random(1, 1);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  const auto y = copied(block.forward(x, 3));
  REQUIRE(block.outputs().size() == 2);
  REQUIRE(copied(block.layer_output(0, 1)) == y);

  Model<Net, Cpu> fixed({.seed = 2});
  BasicModel<Cpu> built = builtin_kinds<Cpu>().build(Genome::parse(text_of<Net>), {.seed = 2});
  fixed.keep_outputs();
  built.keep_outputs();
  (void)fixed.pool_loss(tokens(1), tokens(2), 3);
  (void)built.logits(tokens(1), 3);
  REQUIRE(fixed.outputs().size() == built.outputs().size());
  for (std::size_t i = 0; i < fixed.outputs().size(); ++i)
    REQUIRE(copied(fixed.outputs()[i].values) == copied(built.outputs()[i].values));
}
