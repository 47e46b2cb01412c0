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

using Mixed = Decoder<Stack<Block<LinearAttention<Heads<4>, HeadDim<6>, KvHeads<2>, Features<13>>, Gau<Hidden<24>, HeadDim<8>>,
                                  Conv<Bias, Taps<5>>>,
                            2>,
                      Vocab<17>, Width<20>, Context<70>>;

std::vector<Token> tokens_of(std::uint64_t step, std::uint64_t first) {
  std::vector<Token> tokens;
  const Random random(7, step);
  for (std::uint64_t i = 0; i < 140; ++i) tokens.push_back(static_cast<Token>(random.below(2 * i + first, 17)));
  return tokens;
}

/// The losses of ten steps of AdamW on the same batch.
std::vector<double> train_model(BasicModel<Cpu>& model) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (std::int64_t step = 1; step <= 10; ++step) {
    model.zero_gradients();
    losses.push_back(model.loss_and_gradient(tokens_of(0, 0), tokens_of(0, 1), 2).main);
    (void)optimizer->gradient_norm();
    optimizer->update(step, 3e-3);
    model.after_step();
  }
  return losses;
}

}  // namespace

TEST_CASE("a type and its text give the same bits with linear attention, gated attention and convolution blocks") {
  for (const int threads : {1, 2}) {
    Model<Mixed, Cpu> fixed({.seed = 5, .backend = Cpu({.threads = threads})});
    BasicModel<Cpu> built =
        builtin_kinds<Cpu>().build(Genome::parse(text_of<Mixed>), {.seed = 5, .backend = Cpu({.threads = threads})});
    CHECK(fixed.text() == built.text());
    const std::vector<double> losses = train_model(fixed);
    CHECK(losses == train_model(built));
    CHECK(losses.back() < losses.front());
    CHECK(std::ranges::equal(fixed.parameters(), built.parameters()));
    CHECK(std::ranges::equal(fixed.state(), built.state()));
    CHECK(std::ranges::equal(fixed.evaluate_logits(tokens_of(1, 0), 2), built.evaluate_logits(tokens_of(1, 0), 2)));
  }
}

TEST_CASE("the features of linear attention are state in the files of a model: named, shaped, untouched by training") {
  Model<Mixed, Cpu> model({.seed = 5});
  const auto info = std::ranges::find(model.tensors(), "blocks.1.0.linear_attention.features", &TensorInfo::name);
  REQUIRE(info != model.tensors().end());
  CHECK(info->shape == std::vector<std::int64_t>{13, 6});
  CHECK((info->is_f32 && !info->optional && !info->transient && info->tensor.memory == Memory::state));
  const std::vector<float> before(model.state().begin(), model.state().end());
  (void)train_model(model);
  CHECK(std::ranges::equal(before, model.state()));
}
