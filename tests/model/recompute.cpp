#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/cost/cost.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"
#include "tests/model/batch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

// Every router, and every kind whose backward pass reads tensors that the forward pass keeps.
using Routed = Decoder<Stack<Block<Attention<Heads<2>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<24>, Capacity<80>>,
                                   Moe<ExpertChoice, Experts<4>, Hidden<16>, Post<LayerNorm>>, Moe<Hash, Experts<4>, Hidden<16>>,
                                   Moe<LossFree<2>, Experts<4>, Hidden<16>, Shared<1>>, Moe<Base, Experts<4>, Hidden<16>>,
                                   Moe<ExpertThreshold, Experts<4>, Hidden<16>>>,
                             2>,
                       Vocab<64>, Width<16>, Context<12>>;
using Beside =
    Block<Attention<Heads<4>, SharedQk>, Parallel<Ffn<SwiGlu, Bias>, Moe<Top2, Experts<4>, Hidden<16>>, Inner<RmsNorm>>>;
using Wide = Decoder<Body<Stack<Beside, 3>, Stack<Block<Ffn<GeLU, Hidden<200>, Post<LayerNorm>>>, 1>>, Vocab<64>, Width<32>,
                     Context<12>, Positions<SharedRelBias<8, 16>>, FinalNorm<NoNorm>>;
using Mixers =
    Decoder<Stack<Block<Synthesizer<Heads<2>>, LinearAttention<Heads<2>>, SpatialGate<>, Gau<>, Conv<>, TokenMix<>>, 2>,
            Vocab<64>, Width<32>, Context<12>>;

/// Main and auxiliary losses of five steps of two micro-batches; then the gradients of one more.
std::vector<double> train_model(BasicModel<Cpu>& model) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (std::int64_t step = 0; step < 5; ++step) {
    model.zero_gradients();
    for (std::int64_t part = 0; part < 2; ++part) {
      const Batch batch = batch_of(static_cast<std::uint64_t>(2 * step + part));
      const Losses found = model.loss_and_gradient(batch.inputs, batch.targets, 3, 0.5);
      losses.insert(losses.end(), {found.main, found.aux});
    }
    (void)optimizer->gradient_norm();
    optimizer->update(step + 1, 3e-3);
    model.after_step();
  }
  const Batch batch = batch_of(10);
  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3);
  return losses;
}

bool same(std::span<const float> a, std::span<const float> b) { return std::ranges::equal(a, b); }

template <class Net>
void check_same_bits() {
  INFO(text_of<Net>);
  const RouterTraining noisy{.z_loss = 1e-3, .jitter = 0.1, .seed = 4};
  Model<Net, Cpu> plain({.seed = 5, .routers = noisy}), fixed({.seed = 5, .routers = noisy});
  BasicModel<Cpu> built = builtin_kinds<Cpu>().build(Genome::parse(text_of<Net>), {.seed = 5, .routers = noisy});
  fixed.set_recompute();
  built.set_recompute();
  const std::vector<double> expected = train_model(plain);
  for (BasicModel<Cpu>* model : {static_cast<BasicModel<Cpu>*>(&fixed), &built}) {
    CHECK(train_model(*model) == expected);
    CHECK(same(model->parameters(), plain.parameters()));
    CHECK(same(model->gradients(), plain.gradients()));
    CHECK(same(model->state(), plain.state()));
  }
  const Shape shape{3, 12};
  const Plan small = fixed.plan(shape, Pass::train), large = plain.plan(shape, Pass::train);
  CHECK(small.workspace_elements == built.plan(shape, Pass::train).workspace_elements);
  CHECK(small.workspace_elements < large.workspace_elements);
  CHECK(small.forward_flops == large.forward_flops);
  CHECK(small.operations > large.operations);
}

}  // namespace

TEST_CASE("recomputing gives the same bits as keeping, in less memory: routers") { check_same_bits<Routed>(); }
TEST_CASE("recomputing gives the same bits as keeping, in less memory: parallel layers and shared biases") {
  check_same_bits<Wide>();
}
TEST_CASE("recomputing gives the same bits as keeping, in less memory: other mixers") { check_same_bits<Mixers>(); }

TEST_CASE("the cost of a type that recomputes is a constant, and its plan") {
  constexpr Cost keeps = cost_of<Wide>(3), recomputes = cost_of<Wide>(3, 0, {.hold = false, .recompute = true});
  static_assert(recomputes.workspace_elements < keeps.workspace_elements && recomputes.kept_elements < keeps.kept_elements);
  static_assert(recomputes.forward_flops == keeps.forward_flops);
  Model<Wide, Cpu> model;
  CHECK(model.plan({3, 12}, Pass::train).workspace_elements == keeps.workspace_elements);
  model.set_recompute();
  CHECK(model.plan({3, 12}, Pass::train).workspace_elements == recomputes.workspace_elements);
  CHECK(model.plan({3, 12}, Pass::train).kept_elements == recomputes.kept_elements);
  CHECK(builtin_kinds<Cpu>().cost_of(Genome::parse(text_of<Wide>), 3, 0, {.recompute = true}).value() == recomputes);
  CHECK(model.plan({3, 12}, Pass::evaluate).workspace_elements ==
        Model<Wide, Cpu>().plan({3, 12}, Pass::evaluate).workspace_elements);
}

TEST_CASE("a deeper model that recomputes needs one more residual stream for each block") {
  using Part = Block<Attention<Heads<4>>, Ffn<SqReLU>>;
  const auto elements = [](auto net) {
    return cost_of<typename decltype(net)::type>(4, 0, {.hold = false, .recompute = true}).workspace_elements;
  };
  const std::int64_t four = elements(Type<Decoder<Stack<Part, 4>, Vocab<64>, Width<32>, Context<16>>>{});
  const std::int64_t nine = elements(Type<Decoder<Stack<Part, 9>, Vocab<64>, Width<32>, Context<16>>>{});
  REQUIRE(nine - four == 5 * 4 * 16 * 32);
}

TEST_CASE("outputs, losses of the caller's and parts alone stay the same when blocks are recomputed") {
  Model<Wide, Cpu> plain({.seed = 2}), other({.seed = 2});
  plain.keep_outputs();
  other.keep_outputs();
  other.set_recompute();
  const Batch batch = batch_of(1);
  for (Model<Wide, Cpu>* model : {&plain, &other}) {
    const auto logits = model->logits(batch.inputs, 3);
    std::vector<float> d(logits.begin(), logits.end());
    model->backward(d);
  }
  CHECK(same(plain.gradients(), other.gradients()));
  const auto expected = plain.outputs(), found = other.outputs();
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(same(found[i].values, expected[i].values));

  Module<Beside, Cpu> part({.width = 16, .seed = 3}), again({.width = 16, .seed = 3});
  again.set_recompute();
  std::vector<float> x(12 * 16);
  const Random random(3, 3);
  for (std::uint64_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  for (Module<Beside, Cpu>* module : {&part, &again}) (void)module->forward(x, 2);
  CHECK(same(part.backward(x), again.backward(x)));
  CHECK(same(part.gradients(), again.gradients()));
  CHECK(part.aux_loss({2, 6}) == again.aux_loss({2, 6}));
}

TEST_CASE("recomputing can be switched on and off between steps") {
  Model<Wide, Cpu> plain({.seed = 5}), model({.seed = 5});
  const std::vector<double> first = train_model(plain), second = train_model(plain);
  model.set_recompute();
  REQUIRE(train_model(model) == first);
  model.set_recompute(false);
  REQUIRE(train_model(model) == second);
}
