#include <algorithm>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/laws.hpp"
#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_gradients_of;
using genoform::tests::check_kinds;

namespace {

using Plus = Synthesizer<RandomPlus, Heads<2>, HeadDim<3>, RelBias<5, 4>>;
using TableOnly = Synthesizer<RandomLogits, Heads<2>, HeadDim<3>, RelBias<3, 5>>;
using Factors = Synthesizer<RandomLogits, Heads<2>, HeadDim<3>, Rank<2>, RelBias<4, 3>>;
using WithModelBias =
    Decoder<Block<Plus, Synthesizer<RandomLogits, Heads<2>>, Attention<Heads<2>>, Synthesizer<DensePlus, Heads<2>>>, Width<12>,
            Positions<SharedRelBias<4, 6>>>;

template <class T>
void require_agreement() {
  INFO(text_of<T>);
  for (const testing::Sizes& sizes : {testing::Sizes{}, testing::Sizes{.width = 12, .batch = 3, .context = 19, .vocab = 37}}) {
    const auto worst = testing::compare_backends<T, Cpu>(sizes, 5);
    INFO(worst);
    REQUIRE(worst.error < 2e-5);
  }
}

}  // namespace

static_assert(text_of<Synthesizer<RelBias<6, 9>, Heads<2>, HeadDim<3>>> ==
              "Synthesizer<RandomPlus, Heads<2>, HeadDim<3>, RelBias<6, 9>>");

TEST_CASE("the gradients of synthesizers with a bias by distance are right, their own and the model's") {
  check_kinds<Plus, TableOnly, Factors>();
  check_gradients_of<Decoder<Block<Plus, Synthesizer<RandomLogits, Heads<2>, HeadDim<4>>, Attention<Heads<2>, HeadDim<4>>>,
                             Positions<SharedRelBias<4, 6>>>>();
}

TEST_CASE("the CPU back end agrees with the reference on synthesizers with a bias by distance") {
  require_agreement<Plus>();
  require_agreement<TableOnly>();
  require_agreement<WithModelBias>();
}

TEST_CASE("a synthesizer with a bias by distance is causal") {
  for (const Pass pass : {Pass::train, Pass::evaluate}) REQUIRE(testing::laws_of<WithModelBias, Cpu>(pass) == testing::Laws{});
}

TEST_CASE("random logits of 0 added to attention leave attention with its relative bias") {
  Module<Plus, Reference> synthesizer({.width = 12, .context = 9, .seed = 3});
  Module<Attention<Heads<2>, HeadDim<3>, RelBias<5, 4>>, Reference> attention({.width = 12, .context = 9, .seed = 3});
  std::ranges::fill(synthesizer.parameter("blocks.0.0.synthesizer.table"), 0.0);
  for (const char* name : {"q.weight", "k.weight", "v.weight", "o.weight", "bias"}) {
    const auto from = attention.parameter("blocks.0.0.attention." + std::string(name)),
               to = synthesizer.parameter("blocks.0.0.synthesizer." + std::string(name));
    REQUIRE((from.size() == to.size() && !from.empty()));
    std::ranges::copy(from, to.begin());
  }
  std::vector<double> x(2 * 7 * 12);
  const Random random(1, 2);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = random.normal(i);
  const auto y = synthesizer.forward(x, 2), expected = attention.forward(x, 2);
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == Approx(expected[i]).margin(1e-12));
}
