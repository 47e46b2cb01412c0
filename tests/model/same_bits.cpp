#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "genoform/backend/cpu.hpp"
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

using Mixed = Decoder<Body<Stack<Block<Attention<Heads<4>, HeadDim<10>, KvHeads<2>, DConv<3>>, Moe<Top2, Experts<4>>>, 2>,
                           Stack<Block<Attention<Heads<2>, Post<LayerNorm>>, Moe<ExpertChoice, Experts<4>, Hidden<24>>,
                                       Ffn<SwiGlu, Bias, Inner<RmsNorm>>>,
                                 2>>,
                      Vocab<64>, Width<32>, Context<12>>;

/// The losses of 20 steps of AdamW; leaves the gradients of one more batch.
std::vector<double> train_model(BasicModel<Cpu>& model) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (std::uint64_t step = 0; step < 20; ++step) {
    const Batch batch = batch_of(step);
    model.zero_gradients();
    losses.push_back(model.loss_and_gradient(batch.inputs, batch.targets, 3).main);
    (void)optimizer->gradient_norm();
    optimizer->update(static_cast<std::int64_t>(step) + 1, 3e-3);
    model.after_step();
  }
  const Batch batch = batch_of(20);
  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3);
  return losses;
}

bool same(std::span<const float> a, std::span<const float> b) { return std::ranges::equal(a, b); }

}  // namespace

TEST_CASE("a type and its text give the same bits after twenty steps, on one thread and on two") {
  for (const int threads : {1, 2}) {
    Model<Mixed, Cpu> fixed({.seed = 5, .backend = Cpu({.threads = threads})});
    BasicModel<Cpu> built =
        builtin_kinds<Cpu>().build(Genome::parse(text_of<Mixed>), {.seed = 5, .backend = Cpu({.threads = threads})});
    CHECK(fixed.text() == built.text());
    CHECK(train_model(fixed) == train_model(built));
    CHECK(same(fixed.parameters(), built.parameters()));
    CHECK(same(fixed.gradients(), built.gradients()));
    CHECK(same(fixed.state(), built.state()));
    const Batch batch = batch_of(99);
    CHECK(same(fixed.logits(batch.inputs, 3), built.logits(batch.inputs, 3)));
    CHECK(same(fixed.evaluate_logits(batch.inputs, 3), built.evaluate_logits(batch.inputs, 3)));
  }
}

TEST_CASE("several models exist side by side and keep their bits when they are moved") {
  Model<Mixed, Cpu> alone({.seed = 5});
  const std::vector<double> expected = train_model(alone);
  Model<Mixed, Cpu> first({.seed = 5}), second({.seed = 6});
  const Batch batch = batch_of(0);
  first.zero_gradients();
  (void)first.loss_and_gradient(batch.inputs, batch.targets, 3);
  Model<Mixed, Cpu> moved(std::move(first));
  (void)train_model(second);
  CHECK(train_model(moved) == expected);
}

TEST_CASE("parameters and gradients may lie in memory of the caller's") {
  Model<Mixed, Cpu> own({.seed = 5});
  std::vector<float> parameters(own.parameters().size()), gradients(own.parameters().size());
  Model<Mixed, Cpu> lent({.seed = 5, .storage = {parameters, gradients}});
  const Batch batch = batch_of(0);
  own.zero_gradients();
  CHECK(own.loss_and_gradient(batch.inputs, batch.targets, 3).main ==
        lent.loss_and_gradient(batch.inputs, batch.targets, 3).main);
  CHECK(same(own.gradients(), gradients));
  CHECK(same(own.parameters(), parameters));
  std::vector<float> short_one(3);
  CHECK_THROWS_AS((Model<Mixed, Cpu>({.storage = {short_one, short_one}})), Exception);
}

TEST_CASE("a loss of the caller's own gives the gradients of the built-in one") {
  Model<Mixed, Cpu> model({.seed = 5});
  const Batch batch = batch_of(0);
  model.zero_gradients();
  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3);
  const std::vector<float> expected(model.gradients().begin(), model.gradients().end());
  model.zero_gradients();
  const auto logits = model.logits(batch.inputs, 3);
  std::vector<float> d(logits.size());
  for (std::size_t n = 0; n < 36; ++n) {  // softmax minus one-hot, over the number of rows
    const auto row = logits.subspan(n * 64, 64);
    const double most = *std::ranges::max_element(row);
    double sum = 0;
    for (const float l : row) sum += std::exp(l - most);
    for (std::size_t v = 0; v < 64; ++v)
      d[n * 64 + v] =
          static_cast<float>((std::exp(row[v] - most) / sum - (v == static_cast<std::size_t>(batch.targets[n]) ? 1 : 0)) / 36);
  }
  model.backward(d);
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, static_cast<double>(std::abs(expected[i] - model.gradients()[i])));
    largest = std::max(largest, static_cast<double>(std::abs(expected[i])));
  }
  CHECK(worst < 1e-5 * largest);
}

TEST_CASE("a target of -1 counts for nothing") {
  Model<Mixed, Cpu> model({.seed = 5});
  Batch batch = batch_of(0);
  double sum = 0;
  for (std::size_t keep = 0; keep < 36; ++keep) {
    Batch one = batch;
    for (std::size_t n = 0; n < 36; ++n)
      if (n != keep) one.targets[n] = -1;
    sum += model.evaluate(one.inputs, one.targets, 3).main;
  }
  CHECK(sum / 36 == Approx(model.evaluate(batch.inputs, batch.targets, 3).main).epsilon(1e-5));
}

TEST_CASE("sizes that an architecture leaves out are given at run time, and contradictions are refused") {
  using Open = Decoder<Block<Attention<Heads<2>>, Ffn<SqReLU>>>;
  Model<Open, Cpu> model({.vocab = 16, .width = 8, .context = 4});
  CHECK(model.sizes().width == 8);
  CHECK(model.parameters().size() == 16 * 8 + 4 * 64 + 8 * 64 + 3 * 8);
  CHECK_THROWS_WITH((Model<Open, Cpu>({.vocab = 16, .width = 8})), "the architecture has no Context; write it or give it");
  CHECK_THROWS_AS((Model<Mixed, Cpu>({.width = 48})), Exception);
}

TEST_CASE("computing a pool loss does not change the thresholds of an expert choice layer") {
  Model<Mixed, Cpu> model({.seed = 5});
  const Batch batch = batch_of(0);
  const std::vector<float> before(model.state().begin(), model.state().end());
  (void)model.pool_loss(batch.inputs, batch.targets, 3);
  (void)model.logits(batch.inputs, 3);
  model.after_step();
  CHECK(same(model.state(), before));
  (void)model.loss_and_gradient(batch.inputs, batch.targets, 3);
  model.after_step();
  CHECK_FALSE(same(model.state(), before));
}
