#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/core/random.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

constexpr int batch = 3, context = 40;

CpuOptions short_on(int threads) { return {.threads = threads, .precision = cpu::Precision::bf16, .thread_invariant = true}; }

std::vector<Token> tokens_of(std::uint64_t step) {
  std::vector<Token> tokens;
  for (std::uint64_t i = 0; i <= batch * context; ++i) tokens.push_back(static_cast<Token>(Random(7, step).below(i, 64)));
  return tokens;
}
double loss_and_gradient(BasicModel<Cpu>& model, std::uint64_t step) {
  const std::vector<Token> tokens = tokens_of(step);
  const std::span<const Token> all(tokens);
  model.zero_gradients();
  return model.loss_and_gradient(all.first(batch * context), all.last(batch * context), batch).main;
}
std::vector<double> train_model(BasicModel<Cpu>& model, int steps) {
  const auto optimizer = AdamW{}.bind(model);
  std::vector<double> losses;
  for (int step = 1; step <= steps; ++step) {
    losses.push_back(loss_and_gradient(model, static_cast<std::uint64_t>(step % 4)));
    (void)optimizer->gradient_norm();
    optimizer->update(step, 3e-3);
    model.after_step();
  }
  return losses;
}

/// |a - b| / |b|.
double distance(std::span<const float> a, std::span<const float> b) {
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    apart += (x - y) * (x - y);
    size += y * y;
  }
  return std::sqrt(apart / size);
}
bool same(std::span<const float> a, std::span<const float> b) { return std::ranges::equal(a, b); }

/// Models of every kind, in sizes that are no multiples of a tile. Routers that read their input may choose differently for an
/// input that is rounded, so they are tested separately (routers_bf16.cpp).
const char* const texts[] = {
    "Decoder<Stack<Block<Attention<Heads<4>, HeadDim<12>, KvHeads<2>, DConv<3>>, Ffn<SqReLU>>, 2>, Vocab<64>, Width<44>, "
    "Context<40>>",
    "Decoder<Stack<Block<Attention<Heads<2>, QkNorm>, Ffn<SwiGlu, Bias, Inner<RmsNorm>>, Attention<Heads<2>, Window<9>>, "
    "Ffn<GeLU, Post<LayerNorm>>>, 1>, Vocab<64>, Width<64>, Context<40>, Untied>",
    "Decoder<Stack<Block<Attention<Heads<4>, SharedQk, RelBias<8, 16>>, Moe<Hash, Experts<4>, Hidden<40>>, "
    "Ffn<ReLU, Bias>, Moe<Hash, Experts<4>, Shared<1>>>, 1>, Vocab<64>, Width<32>, Context<40>, FinalNorm<LayerNorm>>",
    "Decoder<Stack<Block<LinearAttention<Heads<2>>, Gau<>, Synthesizer<Heads<2>, DensePlus>, Conv<>>, 1>, Vocab<64>, Width<48>, "
    "Context<40>>",
    "Decoder<Stack<Block<Parallel<Attention<Heads<3>>, Ffn<SqReLU>>, SpatialGate<>, TokenMix<>>, 1>, Vocab<64>, Width<48>, "
    "Context<40>>"};

}  // namespace

TEST_CASE("in bf16 the first loss and gradient of a model are nearly those in f32") {
  const auto kinds = builtin_kinds<Cpu>();
  for (const char* text : texts) {
    INFO(text);
    BasicModel<Cpu> full = kinds.build(Genome::parse(text), {.seed = 3});
    BasicModel<Cpu> halved = kinds.build(Genome::parse(text), {.seed = 3, .backend = Cpu(short_on(1))});
    CHECK(same(full.parameters(), halved.parameters()));
    CHECK(loss_and_gradient(halved, 0) == Approx(loss_and_gradient(full, 0)).epsilon(2e-3));
    CHECK(distance(halved.gradients(), full.gradients()) < 4e-2);
    CHECK_FALSE(same(full.gradients(), halved.gradients()));
  }
}

TEST_CASE("in bf16 a model learns as in f32") {
  const auto kinds = builtin_kinds<Cpu>();
  for (const char* text : texts) {
    INFO(text);
    BasicModel<Cpu> full = kinds.build(Genome::parse(text), {.seed = 3});
    BasicModel<Cpu> halved = kinds.build(Genome::parse(text), {.seed = 3, .backend = Cpu(short_on(1))});
    const std::vector<double> expected = train_model(full, 40), found = train_model(halved, 40);
    CHECK(expected.back() < 0.8 * expected.front());
    CHECK(std::abs(found.back() - expected.back()) < 0.02 * expected.front());
  }
}

TEST_CASE("in bf16 a type and its text give the same bits, and so do one thread and two in a thread-invariant model") {
  using Net = Decoder<Body<Stack<Block<Attention<Heads<4>, HeadDim<10>, KvHeads<2>, DConv<3>>, Ffn<SqReLU>>, 2>,
                           Stack<Block<Attention<Heads<2>, Post<LayerNorm>>, Moe<ExpertChoice, Experts<4>, Hidden<24>>,
                                       Ffn<SwiGlu, Bias, Inner<RmsNorm>>>,
                                 1>>,
                      Vocab<64>, Width<64>, Context<40>>;
  Model<Net, Cpu> fixed({.seed = 5, .backend = Cpu(short_on(1))});
  const std::vector<double> losses = train_model(fixed, 8);
  for (const int threads : {1, 2}) {
    BasicModel<Cpu> built =
        builtin_kinds<Cpu>().build(Genome::parse(text_of<Net>), {.seed = 5, .backend = Cpu(short_on(threads))});
    CHECK(train_model(built, 8) == losses);
    CHECK(same(fixed.parameters(), built.parameters()));
  }
}

TEST_CASE("activations in bf16 need less memory") {
  using Net = Decoder<Stack<Block<Attention<Heads<4>>, Ffn<SqReLU>>, 4>, Vocab<64>, Width<64>, Context<40>>;
  Model<Net, Cpu> full({.seed = 1}), halved({.seed = 1, .backend = Cpu(short_on(1))});
  const Shape shape{batch, context};
  CHECK(static_cast<double>(halved.plan(shape, Pass::train).workspace_elements) <
        0.7 * static_cast<double>(full.plan(shape, Pass::train).workspace_elements));
}
