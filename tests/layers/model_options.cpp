#include "genoform/backend/cpu.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/laws.hpp"
#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_kinds;

namespace {

using Plain = Attention<Heads<3>, HeadDim<6>>;
using Learning = Decoder<Stack<Block<Plain, Ffn<SqReLU, Hidden<7>>>, 2>, Positions<Learned>, FinalNorm<PrimerNorm>>;
using Waving = Decoder<Block<Plain>, Width<10>, Positions<Sinusoid>, LogitScale<WidthRsqrt>>;
using Sharing = Decoder<Stack<Block<Plain, Ffn<SqReLU, Hidden<7>>, Attention<Heads<3>, HeadDim<4>, RelBias<4, 6>, Window<4>>>, 2>,
                        Positions<SharedRelBias<6, 9>>, Untied>;
using Bare = Decoder<Block<Plain>, FinalNorm<NoNorm>, Untied, LogitScale<WidthRsqrt>>;

/// Odd sizes, several vectors and tiles, and more positions than a block of queries has.
template <class... Ts>
void require_agreement() {
  const auto compare = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const testing::Sizes& sizes :
         {testing::random_sizes(1), testing::random_sizes(2), testing::Sizes{.width = 40, .batch = 3, .context = 19, .vocab = 37},
          testing::Sizes{.width = 24, .batch = 2, .context = 101, .vocab = 37}}) {
      const auto worst = testing::compare_backends<T, Cpu>(sizes, 5, Cpu({.threads = 2}));
      INFO(worst);
      REQUIRE(worst.error < 3e-5);
    }
  };
  (compare(Type<Ts>{}), ...);
}

template <class... Ts>
void require_all_laws() {
  const auto require = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    const testing::Sizes sizes = testing::random_sizes(1);
    for (const Pass pass : {Pass::train, Pass::evaluate}) {
      REQUIRE(testing::laws_of<T, Reference>(pass, sizes, 1) == testing::Laws{});
      REQUIRE(testing::laws_of<T, Cpu>(pass, sizes, 1) == testing::Laws{});
    }
  };
  (require(Type<Ts>{}), ...);
}

}  // namespace

TEST_CASE("the gradients of models with positions of their own are right, that of a shared table being the sum over its layers") {
  check_kinds<Learning, Waving, Sharing>();
}

TEST_CASE("the gradients of models with an output matrix of their own and scaled logits are right") { check_kinds<Bare>(); }

TEST_CASE("the CPU back end agrees with the reference on the options of attention") {
  require_agreement<Attention<Heads<3>, HeadDim<6>, RelBias<7, 9>>,
                    Attention<Heads<4>, KvHeads<2>, HeadDim<8>, RelBias<32, 64>, Window<40>>,
                    Attention<Heads<3>, HeadDim<6>, Window<5>, QkNorm>, Attention<Heads<2>, HeadDim<20>, SharedQk, DConv<3>>,
                    Attention<Heads<2>, HeadDim<5>, SharedQk, NoPos, QkNorm, Inner<PrimerNorm>>>();
}

TEST_CASE("the CPU back end agrees with the reference on the options of a model") {
  require_agreement<Learning, Waving, Sharing, Bare>();
}

TEST_CASE("the options of attention and of a model keep all laws, causality bit for bit") {
  require_all_laws<Attention<Heads<3>, HeadDim<4>, SharedQk, DConv<3>, RelBias<4, 5>, Window<3>, QkNorm>,
                   Attention<Heads<3>, HeadDim<4>, SharedQk, QkNorm>, Learning, Waving, Sharing, Bare>();
}
