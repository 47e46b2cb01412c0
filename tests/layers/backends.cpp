#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/planted_error.hpp"
#include "tests/catch.hpp"
#include "tests/layers/shift_layer.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Odd sizes, and sizes that exceed vectors and tiles a little.
template <class... Ts>
void require_agreement() {
  const auto compare = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const testing::Sizes& sizes : {testing::random_sizes(1), testing::random_sizes(2),
                                        testing::Sizes{.width = 40, .batch = 3, .context = 19, .vocab = 37}}) {
      const auto worst = testing::compare_backends<T, Cpu>(sizes, 5);
      INFO(worst);
      REQUIRE(worst.error < 2e-5);
    }
  };
  (compare(Type<Ts>{}), ...);
}

}  // namespace

TEST_CASE("the CPU back end agrees with the reference on attention") {
  require_agreement<Attention<Heads<3>, HeadDim<6>>, Attention<Heads<4>, KvHeads<2>, HeadDim<8>, DConv<3>>,
                    Attention<Heads<2>, HeadDim<5>, NoPos, Post<LayerNorm>>,
                    Attention<Heads<2>, HeadDim<20>, DConv<5>, Inner<RmsNorm>>>();
}

TEST_CASE("the CPU back end agrees with the reference on feed-forward layers") {
  require_agreement<Ffn<SqReLU, Hidden<17>>, Ffn<ReLU, Hidden<33>, Bias>, Ffn<GeLU, Hidden<9>, Pre<LayerNorm>>,
                    Ffn<Swish, Hidden<16>>, Ffn<Glu<Swish>, Hidden<21>, Bias>, Ffn<Glu<GeLU>, Hidden<8>>,
                    Ffn<Identity, Hidden<7>, Pre<NoNorm>>>();
}

TEST_CASE("the CPU back end agrees with the reference on mixtures of experts") {
  require_agreement<Moe<Top1, Experts<3>, Hidden<7>>, Moe<Top2, Experts<8>, Hidden<17>>,
                    Moe<TopK<3>, Experts<4>, Hidden<9>, Glu<GeLU>, Capacity<80>>, Moe<Top2, Experts<5>, Hidden<6>, Capacity<50>>,
                    Moe<ExpertChoice, Experts<4>, Hidden<12>>,
                    Moe<ExpertChoice, Experts<3>, Hidden<5>, Glu<Swish>, Capacity<150>>>();
}

TEST_CASE("the CPU back end agrees with the reference on whole models") {
  using Mixed = Block<Attention<Heads<2>, HeadDim<8>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<18>>, Ffn<SqReLU, Hidden<20>>>;
  require_agreement<Decoder<Stack<Mixed, 2>>,
                    Decoder<Stack<Block<tests::ShiftLayer, Ffn<SwiGlu, Hidden<12>>>, 2>, FinalNorm<LayerNorm>>>();
}

TEST_CASE("the CPU back end agrees with the reference on several threads") {
  using Mixed = Block<Attention<Heads<2>, HeadDim<8>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<18>>, Ffn<SqReLU, Hidden<20>>>;
  const auto worst = testing::compare_backends<Mixed, Cpu>({.width = 24, .batch = 3, .context = 21}, 2, Cpu({.threads = 2}));
  INFO(worst);
  REQUIRE(worst.error < 2e-5);
}

TEST_CASE(
    "an error of one part in a thousand in the backward pass is found between back ends, and none is found where there is none") {
  using Planted = testing::PlantedError<Reference>;
  REQUIRE(testing::compare_backends<Ffn<GeGlu, Hidden<9>>, Planted>({}, 1, Planted()).error == 0);
  const auto seen = testing::compare_backends<Ffn<GeGlu, Hidden<9>>, Planted>({}, 1, Planted("activate_gradient"));
  REQUIRE(seen.error > 2e-4);
  REQUIRE(seen.where != "output");
}
