#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"
#include "tests/layers/shift_layer.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::ShiftLayer;

namespace {

using Net = Decoder<
    Body<Stack<Block<Parallel<Pre<LayerNorm>, Attention<Heads<4>, HeadDim<10>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<24>>>>, 2>,
         Stack<Block<Ffn<SqReLU>,
                     Parallel<Moe<ExpertChoice, Experts<4>, Hidden<16>>, Ffn<SwiGlu, Bias>, Attention<Heads<2>>, Inner<RmsNorm>>>,
               2>,
         Stack<Block<Parallel<ShiftLayer, Ffn<GeLU>>>, 1>>,
    Vocab<64>, Width<32>, Context<12>>;

std::vector<Token> tokens(std::uint64_t seed) {
  std::vector<Token> all;
  const Random random(7, seed);
  for (std::uint64_t i = 0; i < 36; ++i) all.push_back(static_cast<Token>(random.below(i, 64)));
  return all;
}

/// The losses of ten steps; leaves the gradients of one more.
std::vector<double> train_model(BasicModel<Cpu>& model) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (std::uint64_t step = 0; step < 10; ++step) {
    model.zero_gradients();
    losses.push_back(model.loss_and_gradient(tokens(2 * step), tokens(2 * step + 1), 3).main);
    (void)optimizer->gradient_norm();
    optimizer->update(static_cast<std::int64_t>(step) + 1, 3e-3);
    model.after_step();
  }
  (void)model.loss_and_gradient(tokens(97), tokens(98), 3);
  return losses;
}

Kinds<Cpu> kinds() {
  auto all = builtin_kinds<Cpu>();
  all.add<ShiftLayer>();
  return all;
}

}  // namespace

TEST_CASE(
    "layers side by side in several stacks: a type and its text give the same bits after ten steps, on one thread and on two") {
  for (const int threads : {1, 2}) {
    Model<Net, Cpu> fixed({.seed = 5, .backend = Cpu({.threads = threads})});
    const auto known = kinds();
    BasicModel<Cpu> built = known.build(known.parse(text_of<Net>), {.seed = 5, .backend = Cpu({.threads = threads})});
    REQUIRE(fixed.text() == built.text());
    REQUIRE(train_model(fixed) == train_model(built));
    REQUIRE(std::ranges::equal(fixed.parameters(), built.parameters()));
    REQUIRE(std::ranges::equal(fixed.gradients(), built.gradients()));
    REQUIRE(std::ranges::equal(fixed.state(), built.state()));
    REQUIRE(std::ranges::equal(fixed.evaluate_logits(tokens(99), 3), built.evaluate_logits(tokens(99), 3)));
  }
}

TEST_CASE("the parts of a Parallel have its names with their number, and the norms stay with the sub-layer") {
  Model<Net, Cpu> model({.seed = 1});
  const auto size = [&](const char* name) { return model.parameter(name).size(); };
  REQUIRE(size("blocks.0.0.pre.bias") == 32);
  REQUIRE(size("blocks.1.0.0.attention.q.weight") == 40 * 32);
  REQUIRE(size("blocks.1.0.0.attention.k.dconv") == 40 * 3);
  REQUIRE(size("blocks.1.0.1.moe.router.weight") == 4 * 32);
  REQUIRE(size("blocks.2.1.inner.weight") == 32);
  REQUIRE_THROWS_AS(size("blocks.2.1.pre.weight"), Exception);
  REQUIRE(size("blocks.2.1.1.ffn.gate.bias") == 88);
  REQUIRE(size("blocks.4.0.0.shift.taps") == 3 * 32);
  for (const TensorInfo& info : model.tensors()) REQUIRE(info.name.find(".0.0.pre.0") == std::string::npos);
}

TEST_CASE("the dry run of a genome with layers side by side counts what that of its type counts") {
  const auto known = kinds();
  REQUIRE(known.cost_of(known.parse(text_of<Net>), 3).value() == cost_of<Net>(3));
}

TEST_CASE("a part of a kind that cannot be built is refused by name") {
  const Genome genome = kinds().parse("Decoder<Block<Parallel<Attn, Shift>>, Vocab<8>, Width<8>, Context<8>>");
  const auto built = builtin_kinds<Cpu>().build(genome);
  REQUIRE_FALSE(built);
  REQUIRE(built.error().message.find("\"Shift\"") != std::string::npos);
}
