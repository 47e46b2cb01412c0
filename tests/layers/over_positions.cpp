#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/laws.hpp"
#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_gradients_of;
using genoform::tests::check_kinds;
using genoform::tests::find_planted_errors_in;

// The kinds whose weights are tables over positions: Synthesizer, SpatialGate, TokenMix.
namespace {

using Random2 = Synthesizer<RandomLogits, Heads<2>, HeadDim<5>>;
using RandomFactors = Synthesizer<RandomLogits, Heads<3>, HeadDim<4>, Rank<2>>;
using Plus = Synthesizer<RandomPlus, Heads<3>, HeadDim<5>>;
using PlusFactors = Synthesizer<RandomPlus, Heads<2>, HeadDim<4>, Rank<3>, Post<LayerNorm>>;
using Dense2 = Synthesizer<DenseLogits, Heads<2>, HeadDim<5>>;
using DensePlus3 = Synthesizer<DensePlus, Heads<3>, HeadDim<3>, Inner<RmsNorm>>;

/// A model with room for more positions than the tests' sequences have, and one of as many.
template <class... Layers>
using Roomy = Decoder<Stack<Block<Layers...>, 2>, Width<12>, Context<16>>;
template <class... Layers>
using Tight = Decoder<Block<Layers...>, Width<12>>;

/// Odd sizes, and sizes that exceed vectors and tiles a little.
template <class... Ts>
void require_agreement(int threads = 1) {
  const auto compare = [&](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const testing::Sizes& sizes :
         {testing::random_sizes(1), testing::Sizes{.width = 40, .batch = 3, .context = 19, .vocab = 37}}) {
      const auto worst = testing::compare_backends<T, Cpu>(sizes, 5, Cpu({.threads = threads}));
      INFO(worst);
      REQUIRE(worst.error < 2e-5);
    }
  };
  (compare(Type<Ts>{}), ...);
}

template <class... Ts>
void require_all_laws() {
  const auto measure = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const std::uint64_t seed : {1U, 2U})
      for (const Pass pass : {Pass::train, Pass::evaluate})
        REQUIRE(testing::laws_of<T, Cpu>(pass, testing::random_sizes(seed), seed) == testing::Laws{});
  };
  (measure(Type<Ts>{}), ...);
}

struct Bytes {
  std::vector<Token> inputs, targets;
};
Bytes bytes_of(std::size_t count) {
  Bytes bytes;
  const Random random(3, 1);
  for (std::size_t i = 0; i < count; ++i) {
    bytes.inputs.push_back(static_cast<Token>(random.below(2 * i, 11)));
    bytes.targets.push_back(static_cast<Token>(random.below(2 * i + 1, 11)));
  }
  return bytes;
}

/// Every sum with the same terms has the same bits: outputs before position t keep every bit when later tokens change.
template <class Net>
void require_causality_to_the_bit() {
  INFO(text_of<Net>);
  constexpr std::int64_t batch = 2, context = 13;
  Model<Net, Cpu> model({.seed = 4, .vocab = 11, .context = 16});
  const Random noise(5, 5);
  for (std::size_t i = 0; i < model.parameters().size(); ++i) model.parameters()[i] += static_cast<float>(0.2 * noise.normal(i));
  const std::vector<Token> tokens = bytes_of(batch * context).inputs;
  const auto first = model.evaluate_logits(tokens, batch);
  const std::vector<float> before(first.begin(), first.end());
  for (std::int64_t t = 1; t < context; ++t) {
    std::vector<Token> changed = tokens;
    for (std::int64_t n = t; n < context; ++n)
      changed[static_cast<std::size_t>(n)] = (tokens[static_cast<std::size_t>(n)] + 1) % 11;
    const auto after = model.evaluate_logits(changed, batch);
    REQUIRE(std::memcmp(before.data(), after.data(), static_cast<std::size_t>(t * 11) * sizeof(float)) == 0);
    REQUIRE(std::memcmp(before.data() + context * 11, after.data() + context * 11, context * 11 * sizeof(float)) == 0);
    REQUIRE(std::memcmp(before.data(), after.data(), static_cast<std::size_t>((t + 1) * 11) * sizeof(float)) != 0);
  }
}

}  // namespace

TEST_CASE("the gradients of synthesizers with random logits are right, and so is every operation of their backward pass") {
  check_kinds<Random2, RandomFactors>();
}

TEST_CASE("the gradients of synthesizers whose random logits are added to those of attention are right") {
  check_kinds<Plus, PlusFactors>();
}

TEST_CASE("the gradients of synthesizers with dense logits are right") { check_kinds<Dense2, DensePlus3>(); }

TEST_CASE("the gradients of spatial gates are right, with every form of activation, heads and biases") {
  check_kinds<SpatialGate<GeLU, Hidden<10>>, SpatialGate<SqReLU, Hidden<12>, Heads<3>, Bias>,
              SpatialGate<SwiGlu, Hidden<8>, Heads<2>, Bias>>();
  check_gradients_of<SpatialGate<>, SpatialGate<Identity, Hidden<6>, Pre<NoNorm>>>();
}

TEST_CASE("the gradients of token mixing are right, with every form of activation and biases") {
  check_kinds<TokenMix<GeLU>, TokenMix<ReLU, Bias>, TokenMix<SwiGlu, Bias>, TokenMix<Glu<Identity>, Post<LayerNorm>>>();
  check_gradients_of<Decoder<Block<TokenMix<SqReLU, Heads<3>, Bias>>, Width<9>>,
                     Decoder<Block<TokenMix<GeGlu, Heads<2>>>, Width<8>>>();
}

TEST_CASE("the gradients are right where a sequence is shorter than the tables") {
  check_gradients_of<Roomy<Random2, SpatialGate<GeLU, Hidden<10>>>, Roomy<PlusFactors, TokenMix<Swish, Heads<3>, Bias>>,
                     Roomy<Dense2, RandomFactors>>();
  find_planted_errors_in<Roomy<Plus, SpatialGate<GeLU, Hidden<10>>>>();
}

TEST_CASE("the CPU back end agrees with the reference on synthesizers") {
  require_agreement<Random2, RandomFactors, Plus, PlusFactors, Dense2, DensePlus3,
                    Synthesizer<RandomPlus, Heads<2>, HeadDim<20>>>();
}

TEST_CASE("the CPU back end agrees with the reference on spatial gates and token mixing") {
  require_agreement<SpatialGate<GeLU, Hidden<10>>, SpatialGate<SqReLU, Hidden<66>, Heads<3>, Bias>,
                    SpatialGate<SwiGlu, Hidden<34>, Bias>, TokenMix<GeLU>, TokenMix<SqReLU, Bias>, TokenMix<SwiGlu>>();
}

TEST_CASE("the CPU back end agrees with the reference on models with shorter sequences, and on two threads") {
  using Net = Decoder<Stack<Block<Plus, Random2, SpatialGate<GeLU, Hidden<26>>, Dense2, TokenMix<GeGlu, Heads<2>, Bias>>, 2>,
                      Width<24>, Context<31>>;
  require_agreement<Net>();
  require_agreement<Net>(2);
}

TEST_CASE("the mixers over positions are causal, independent of the batch and deterministic") {
  require_all_laws<Random2, RandomFactors, Plus, Dense2, DensePlus3, SpatialGate<GeLU, Hidden<10>, Bias>, TokenMix<GeLU, Bias>>();
}

TEST_CASE("a later token changes no bit of an earlier logit") {
  require_causality_to_the_bit<Tight<Random2, PlusFactors, Dense2>>();
  require_causality_to_the_bit<Tight<SpatialGate<GeLU>, TokenMix<SwiGlu, Heads<3>, Bias>>>();
}

TEST_CASE("elements that no position sees have a gradient of exactly 0 and are not trained") {
  using Net = Roomy<Random2, Plus, Dense2, RandomFactors, SpatialGate<GeLU>, TokenMix<SwiGlu, Heads<3>, Bias>>;
  constexpr std::int64_t P = 16, T = 13;
  Model<Net, Cpu> model({.seed = 4, .vocab = 11});
  const Bytes bytes = bytes_of(2 * T);
  model.zero_gradients();
  (void)model.loss_and_gradient(bytes.inputs, bytes.targets, 2);
  std::size_t tables = 0, trained = 0, unseen = 0;
  for (const TensorInfo& info : model.tensors()) {
    if (info.shape.size() != 3 && info.name.find(".positions.bias") == std::string::npos &&
        !(info.name.find("token_mix") != std::string::npos && info.name.find(".bias") != std::string::npos))
      continue;
    ++tables;
    INFO(info.name);
    CHECK_FALSE(info.decays);
    const bool square = info.shape.size() == 3 && info.shape[2] == P, vector = info.shape.size() == 2;
    const auto gradient = model.gradient(info.name);
    const std::int64_t columns = info.shape.back();
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(gradient.size()); ++i) {
      const std::int64_t t = vector ? i % columns : i / columns % P, s = square ? i % columns : 0;
      const bool seen = t < T && s <= t;
      trained += seen && gradient[static_cast<std::size_t>(i)] != 0 ? 1 : 0;
      unseen += seen ? 0 : 1;
      if (!seen) REQUIRE(gradient[static_cast<std::size_t>(i)] == 0);
    }
  }
  CHECK(tables == 2 * (1 + 1 + 1 + 2 + 2 + 6));
  CHECK(trained > 1000);
  CHECK(unseen > 1000);
}

TEST_CASE("a part with tables over positions needs a context, and a model refuses longer sequences, in a sentence") {
  const std::string needs =
      " has weights for each position, so it needs the longest sequence; give the model a Context, or the part {.context = ...}";
  CHECK_THROWS_WITH((Module<Random2, Cpu>({.width = 12})), "Synthesizer" + needs);
  CHECK_THROWS_WITH((Module<SpatialGate<>, Cpu>({.width = 12})), "SpatialGate" + needs);
  CHECK_THROWS_WITH((Module<TokenMix<>, Cpu>({.width = 12})), "TokenMix" + needs);
  Module<TokenMix<>, Cpu> part({.width = 12, .context = 5});
  const std::vector<float> x(6 * 12);
  CHECK_THROWS_WITH(part.forward(x, 1), "TokenMix has weights for 5 positions; the sequences have 6");
  CHECK(part.forward(x, 2).size() == 6 * 12);
}

TEST_CASE("a spatial gate starts as a feed-forward layer of its first half") {
  Module<SpatialGate<ReLU, Hidden<10>, Pre<NoNorm>>, Cpu> gate({.width = 6, .context = 9, .seed = 3});
  const auto up = gate.parameter("blocks.0.0.spatial_gate.up.weight"),
             down = gate.parameter("blocks.0.0.spatial_gate.down.weight");
  std::vector<float> x(9 * 6);
  const Random random(1, 2);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
  const auto y = gate.forward(x, 1);
  for (std::size_t t = 0; t < 9; ++t)
    for (std::size_t c = 0; c < 6; ++c) {
      double sum = static_cast<double>(x[6 * t + c]);
      for (std::size_t f = 0; f < 5; ++f) {
        double u = 0;
        for (std::size_t i = 0; i < 6; ++i) u += static_cast<double>(up[6 * f + i]) * static_cast<double>(x[6 * t + i]);
        sum += static_cast<double>(down[5 * c + f]) * (u > 0 ? u : 0);
      }
      CHECK(static_cast<double>(y[6 * t + c]) == Approx(sum).margin(5e-3));
    }
}

TEST_CASE("a type with tables over positions and its text give the same bits") {
  using Net =
      Decoder<Stack<Block<PlusFactors, Dense2, SpatialGate<SwiGlu, Hidden<8>, Heads<2>, Bias>, TokenMix<GeLU, Heads<2>>>, 2>,
              Vocab<11>, Width<12>, Context<16>>;
  Model<Net, Cpu> fixed({.seed = 5});
  BasicModel<Cpu> built = builtin_kinds<Cpu>().build(Genome::parse(text_of<Net>), {.seed = 5});
  const Bytes bytes = bytes_of(2 * 13);
  for (BasicModel<Cpu>* model : {static_cast<BasicModel<Cpu>*>(&fixed), &built}) {
    model->zero_gradients();
    (void)model->loss_and_gradient(bytes.inputs, bytes.targets, 2);
  }
  CHECK(fixed.text() == built.text());
  CHECK(std::ranges::equal(fixed.parameters(), built.parameters()));
  CHECK(std::ranges::equal(fixed.gradients(), built.gradients()));
  CHECK(std::ranges::equal(fixed.evaluate_logits(bytes.inputs, 2), built.evaluate_logits(bytes.inputs, 2)));
}
