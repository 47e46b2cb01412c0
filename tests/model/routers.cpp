#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/data/hash_table.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Routed = Decoder<Stack<Block<Attention<Heads<2>, HeadDim<6>>, Moe<Hash, Experts<4>, Hidden<9>>,
                                   Moe<LossFree<2>, Experts<4>, Hidden<9>, Capacity<80>, Shared<1>>,
                                   Moe<Base, Experts<3>, Hidden<9>>, Moe<ExpertThreshold, Experts<3>, Hidden<9>>,
                                   Moe<Top2, Experts<4>, Hidden<9>, Capacity<60>>, Moe<ExpertChoice, Experts<4>, Hidden<9>>>,
                             1>,
                       Vocab<32>, Width<12>, Context<9>>;
constexpr int routers_of_the_model = 6;
constexpr RouterTraining noisy{.z_loss = 1e-2, .jitter = 0.1, .seed = 3};

struct Batch {
  std::vector<Token> inputs, targets;
};
Batch batch_of(std::uint64_t step) {
  Batch batch;
  const Random random(7, step);
  for (std::uint64_t i = 0; i < 27; ++i) {
    batch.inputs.push_back(static_cast<Token>(random.below(2 * i, 32)));
    batch.targets.push_back(static_cast<Token>(random.below(2 * i + 1, 32)));
  }
  return batch;
}

std::vector<double> train_model(BasicModel<Cpu>& model, std::uint64_t steps = 12) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const Batch batch = batch_of(step);
    model.zero_gradients();
    const Losses l = model.loss_and_gradient(batch.inputs, batch.targets, 3);
    losses.push_back(l.main + l.aux);
    (void)optimizer->gradient_norm();
    optimizer->update(static_cast<std::int64_t>(step) + 1, 3e-3);
    model.after_step();
  }
  return losses;
}
template <class A, class B>
bool same(const A& a, const B& b) {
  return std::ranges::equal(a, b);
}

}  // namespace

TEST_CASE("a type and its text give the same bits with every router, noise and losses of routers included") {
  Model<Routed, Cpu> fixed({.seed = 5, .routers = noisy});
  BasicModel<Cpu> built = builtin_kinds<Cpu>().build(Genome::parse(text_of<Routed>), {.seed = 5, .routers = noisy});
  CHECK(train_model(fixed) == train_model(built));
  CHECK(same(fixed.parameters(), built.parameters()));
  CHECK(same(fixed.integers("blocks.0.1.moe.table"), built.integers("blocks.0.1.moe.table")));
  const Batch batch = batch_of(99);
  CHECK(same(fixed.evaluate_logits(batch.inputs, 3), built.evaluate_logits(batch.inputs, 3)));
  CHECK(same(fixed.logits(batch.inputs, 3, Pass::check), built.logits(batch.inputs, 3, Pass::check)));
}

TEST_CASE("the state of routers changes with steps of training, and with nothing else") {
  Model<Routed, Cpu> model({.seed = 5});
  const auto state = [&](const std::string& name) {
    for (const TensorInfo& info : model.tensors())
      if (info.name == name) return std::vector<float>(model.values(info).begin(), model.values(info).end());
    return std::vector<float>();
  };
  const Batch batch = batch_of(0);
  (void)model.pool_loss(batch.inputs, batch.targets, 3);
  (void)model.evaluate(batch.inputs, batch.targets, 3);
  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3, 1, Pass::check);
  model.after_step();
  CHECK(state("blocks.0.2.moe.bias") == std::vector<float>(4, 0));
  CHECK(state("blocks.0.4.moe.threshold") == std::vector<float>(3, 1.0F / 3));
  CHECK(!model.routing_summary().exists());

  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3);
  model.after_step();
  const auto layers = model.routing();
  REQUIRE(layers.size() == routers_of_the_model);
  CHECK(layers[1].layer == "blocks.0.2");
  const auto bias = state("blocks.0.2.moe.bias");
  for (std::size_t e = 0; e < 4; ++e)
    CHECK(bias[e] == Approx(layers[1].load[e] < 0.25 ? 0.001 : layers[1].load[e] > 0.25 ? -0.001 : 0));
  CHECK(state("blocks.0.4.moe.threshold") != std::vector<float>(3, 1.0F / 3));
}

TEST_CASE("the loads of every router are measured: shares, drops and entropy") {
  Model<Routed, Cpu> model({.seed = 5});
  train_model(model, 1);
  const auto layers = model.routing();
  REQUIRE(layers.size() == routers_of_the_model);
  for (const LayerRouting& layer : layers) {
    double sum = 0, entropy = 0;
    for (const double share : layer.load) {
      sum += share;
      if (share > 0) entropy -= share * std::log(share);
    }
    CHECK(sum == Approx(1));
    CHECK(layer.entropy == Approx(entropy));
    CHECK(layer.worst_load() >= 1 - 1e-12);
  }
  std::vector<double> hashed(4, 0);
  for (const Token token : batch_of(0).inputs) hashed[static_cast<std::size_t>(token % 4)] += 1.0 / 27;
  for (std::size_t e = 0; e < 4; ++e) CHECK(layers[0].load[e] == Approx(hashed[e]));
  CHECK(layers[2].worst_load() == Approx(1));  // base: 27 tokens, 9 each
  CHECK(layers[4].dropped >= 1 - 4 * std::ceil(2 * 27 * 0.6 / 4) / 54 - 1e-12);
  CHECK(layers[0].dropped == 0);
  CHECK(layers[5].dropped == 0);
  CHECK(layers[5].entropy == Approx(std::log(4)));  // experts choose, so all are full
  CHECK(model.routing_summary().worst_load >= layers[0].worst_load() - 1e-12);
}

TEST_CASE("the check pass takes the argmax in a base layer, and adds neither noise nor losses of routers") {
  using Net = Decoder<Stack<Block<Moe<Base, Experts<3>, Hidden<9>>>, 1>, Vocab<32>, Width<12>, Context<9>>;
  Model<Net, Cpu> model({.seed = 5, .routers = noisy});
  const Batch batch = batch_of(1);
  CHECK(same(model.logits(batch.inputs, 3, Pass::check), model.evaluate_logits(batch.inputs, 3)));
  CHECK(!same(model.logits(batch.inputs, 3), model.evaluate_logits(batch.inputs, 3)));
  CHECK(model.loss_and_gradient(batch.inputs, batch.targets, 3, 1, Pass::check).aux == 0);
  CHECK(model.loss_and_gradient(batch.inputs, batch.targets, 3).aux > 0);
}

TEST_CASE("the z-loss is the mean of the squared log-sum-exp, and its gradients are right with jitter beside it") {
  using Net = Decoder<Stack<Block<Moe<LossFree<2>, Experts<3>, Hidden<5>>, Moe<Top2, Experts<3>, Hidden<5>>>, 1>, Vocab<32>,
                      Width<8>, Context<9>>;
  Model<Net, Reference> model({.seed = 5, .routers = {.z_loss = 0.3, .jitter = 0.2, .seed = 3}});
  Model<Net, Reference> plain({.seed = 5}), less({.seed = 5, .routers = {.z_loss = 0.1, .jitter = 0.2, .seed = 3}}),
      jittered({.seed = 5, .routers = {.z_loss = 0, .jitter = 0.2, .seed = 3}});
  const Batch batch = batch_of(1);
  const auto loss = [&](auto& m) { return m.pool_loss(batch.inputs, batch.targets, 3); };
  CHECK(loss(jittered).main != loss(plain).main);
  CHECK(loss(model).main == loss(jittered).main);
  CHECK(loss(model).aux - loss(jittered).aux == Approx(3 * (loss(less).aux - loss(jittered).aux)));
  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3);
  const std::vector<double> gradients(model.gradients().begin(), model.gradients().end());
  for (std::size_t i = 0; i < gradients.size(); i += 7) {
    double& element = model.parameters()[i];
    const double before = element, h = 1e-6;
    element = before + h;
    const Losses above = loss(model);
    element = before - h;
    const Losses below = loss(model);
    element = before;
    CHECK(gradients[i] == Approx((above.main + above.aux - below.main - below.aux) / (2 * h)).margin(2e-7));
  }
}

TEST_CASE("jitter differs in every round, the same for the same round, and not in evaluation") {
  using Net = Decoder<Stack<Block<Moe<Top1, Experts<3>, Hidden<9>>>, 1>, Vocab<32>, Width<12>, Context<9>>;
  Model<Net, Cpu> model({.seed = 5, .routers = {.z_loss = 0, .jitter = 0.3, .seed = 3}}), plain({.seed = 5});
  const Batch batch = batch_of(1);
  const auto loss = [&] { return model.pool_loss(batch.inputs, batch.targets, 3).main; };
  const double first = loss();
  CHECK(loss() == first);
  model.set_round(1);
  CHECK(loss() != first);
  model.set_round(0);
  CHECK(loss() == first);
  CHECK(model.evaluate(batch.inputs, batch.targets, 3).main == plain.evaluate(batch.inputs, batch.targets, 3).main);
  model.set_router_training({});
  CHECK(loss() == plain.pool_loss(batch.inputs, batch.targets, 3).main);
}

TEST_CASE("z-loss and jitter agree between the back ends") {
  using Net = Decoder<Stack<Block<Moe<LossFree<2>, Experts<5>, Hidden<9>>, Moe<Base, Experts<3>, Hidden<5>>>, 1>, Vocab<32>,
                      Width<12>, Context<9>>;
  Model<Net, Cpu> cpu({.seed = 5, .routers = noisy});
  Model<Net, Reference> reference({.seed = 5, .routers = noisy});
  const Batch batch = batch_of(2);
  const Losses a = cpu.loss_and_gradient(batch.inputs, batch.targets, 3),
               b = reference.loss_and_gradient(batch.inputs, batch.targets, 3);
  CHECK(a.main == Approx(b.main).epsilon(1e-5));
  CHECK(a.aux == Approx(b.aux).epsilon(1e-5));
  double largest = 0, worst = 0;
  for (std::size_t i = 0; i < cpu.gradients().size(); ++i) {
    largest = std::max(largest, std::abs(reference.gradients()[i]));
    worst = std::max(worst, std::abs(reference.gradients()[i] - static_cast<double>(cpu.gradients()[i])));
  }
  CHECK(worst < 2e-5 * largest);
}

TEST_CASE("padding behind the sequences changes nothing else where no capacity is shared") {
  using Net = Decoder<Stack<Block<Attention<Heads<2>, HeadDim<6>>, Moe<Hash, Experts<4>, Hidden<9>>,
                                  Moe<LossFree<2>, Experts<4>, Hidden<9>, Shared<1>>, Moe<Base, Experts<3>, Hidden<9>>,
                                  Moe<ExpertThreshold, Experts<3>, Hidden<9>>, Moe<Top2, Experts<4>, Hidden<9>>>,
                            1>,
                      Vocab<32>, Width<12>, Context<14>>;
  const RouterTraining z_loss{.z_loss = 1e-2, .jitter = 0, .seed = 1};
  Model<Net, Reference> plain({.seed = 5, .routers = z_loss}), padded({.seed = 5, .routers = z_loss});
  const Batch batch = batch_of(3);
  Batch longer;
  for (std::size_t b = 0; b < 4; ++b)  // five more positions, and a sequence of nothing but padding
    for (std::size_t t = 0; t < 14; ++t) {
      longer.inputs.push_back(b < 3 && t < 9 ? batch.inputs[b * 9 + t] : -1);
      longer.targets.push_back(b < 3 && t < 9 ? batch.targets[b * 9 + t] : -1);
    }
  const Losses a = plain.loss_and_gradient(batch.inputs, batch.targets, 3),
               b = padded.loss_and_gradient(longer.inputs, longer.targets, 4);
  CHECK(a.main == Approx(b.main).epsilon(1e-12));
  CHECK(a.aux == Approx(b.aux).epsilon(1e-12));
  for (std::size_t i = 0; i < plain.gradients().size(); ++i)
    REQUIRE(plain.gradients()[i] == Approx(padded.gradients()[i]).margin(1e-12));
  CHECK(plain.evaluate(batch.inputs, batch.targets, 3).main ==
        Approx(padded.evaluate(longer.inputs, longer.targets, 4).main).epsilon(1e-12));
  plain.after_step();  // thresholds differ from here on: the cut is the C-th largest, and C counts padding
  padded.after_step();
  for (std::size_t l = 0; l < plain.routing().size(); ++l) CHECK(same(plain.routing()[l].load, padded.routing()[l].load));
}

TEST_CASE("experts that choose skip padding on both back ends") {
  using Net = Decoder<Stack<Block<Moe<ExpertChoice, Experts<3>, Hidden<9>, Capacity<150>>>, 1>, Vocab<32>, Width<12>, Context<9>>;
  Model<Net, Cpu> cpu({.seed = 5});
  Model<Net, Reference> reference({.seed = 5});
  Batch batch = batch_of(4);
  for (std::size_t n = 8; n < 27; ++n) batch.inputs[n] = batch.targets[n] = -1;  // 8 tokens for a capacity of 14
  CHECK(cpu.loss_and_gradient(batch.inputs, batch.targets, 3).main ==
        Approx(reference.loss_and_gradient(batch.inputs, batch.targets, 3).main).epsilon(1e-5));
  cpu.after_step();
  CHECK(cpu.routing()[0].load == std::vector<double>(3, 8.0 / 24));
}

TEST_CASE("a table of one's own assigns each id to its expert") {
  using Net = Decoder<Stack<Block<Moe<Hash, Experts<4>, Hidden<9>>>, 1>, Vocab<32>, Width<12>, Context<9>>;
  Model<Net, Cpu> model({.seed = 5});
  const auto table = model.integers("blocks.0.0.moe.table");
  CHECK(same(table, hash_table::modulo(32, 4)));
  std::ranges::fill(table, 2);
  train_model(model, 1);
  CHECK(model.routing()[0].load == std::vector<double>{0, 0, 1, 0});
}
