#include <cstdint>

#include "genoform/cost/cost.hpp"
#include "genoform/layers/attention.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/moe.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

constexpr std::int64_t rounded(std::int64_t n, std::int64_t unit) { return (n + unit / 2) / unit; }

// The baselines of Primer (So et al., 2021): the counts with a vocabulary of 32,128, tied, no biases, norms left out.
template <int D, int F, int L, int H, int K>
using PrimerBaseline =
    Decoder<Stack<Block<Attention<Heads<H>, HeadDim<K>>, Ffn<ReLU, Hidden<F>>>, L>, Vocab<32128>, Width<D>, Context<64>>;
template <int D, int F, int L, int H, int K>
constexpr std::int64_t matrices_of_baseline = parameters<PrimerBaseline<D, F, L, H, K>> - (2 * L + 1) * D;
static_assert(rounded(matrices_of_baseline<512, 2048, 6, 8, 64>, 100'000) == 353);
static_assert(rounded(matrices_of_baseline<768, 3072, 12, 12, 64>, 100'000) == 1096);
static_assert(rounded(matrices_of_baseline<1024, 8192, 24, 16, 64>, 100'000) == 5362);
// The ends of the scaling study: 22.95M and 385.2M.
static_assert(rounded(matrices_of_baseline<384, 4 * 384, 6, 6, 64>, 10'000) == 2295);
static_assert(rounded(matrices_of_baseline<1024, 12 * 1024, 12, 16, 64>, 100'000) == 3852);
// Multi-dconv-head attention adds 3 taps for each of 3 * 512 channels in each of 6 layers: 27.6K.
using Small = Decoder<Stack<Block<Attention<Heads<8>>, Ffn<SqReLU>>, 6>, Vocab<32128>, Width<512>, Context<64>>;
using SmallPrimer = Decoder<Stack<Block<Attention<Heads<8>, DConv<3>>, Ffn<SqReLU>>, 6>, Vocab<32128>, Width<512>, Context<64>>;
static_assert(parameters<SmallPrimer> - parameters<Small> == 6 * 4608);

// GLaM 1.7B/64E (Du et al., 2022): 26.8B in all and 1.879B activated, with a 32K embedding counted in the latter.
template <int V>
using Glam = Decoder<Stack<Block<Attention<Heads<16>, HeadDim<128>>, Moe<Top2, Experts<64>, Hidden<8192>>,
                                 Attention<Heads<16>, HeadDim<128>>, Ffn<GeGlu, Hidden<8192>>>,
                           12>,
                     Vocab<V>, Width<2048>, Context<1024>>;
constexpr std::int64_t glam_norms_and_routers = (48 + 1) * 2048 + 12 * 64 * 2048;
static_assert(rounded(activated_parameters<Glam<32768>> - glam_norms_and_routers, 1'000'000) == 1879);
static_assert(rounded(parameters<Glam<1>>, 100'000'000) == 268);

// Useful FLOPs of a forward step against formulas that were written for this test alone.
constexpr std::int64_t visible(std::int64_t t) { return t * (t + 1) / 2; }
using Dense = Decoder<Stack<Block<Attention<Heads<6>, HeadDim<10>, KvHeads<2>, DConv<3>>, Ffn<SwiGlu, Hidden<40>, Bias>>, 5>,
                      Vocab<256>, Width<48>, Context<20>>;
constexpr std::int64_t dense_flops(std::int64_t b, std::int64_t t) {
  const std::int64_t n = b * t, channels = (6 + 2 * 2) * 10;
  const std::int64_t attention = 2 * n * 48 * channels + 2 * 3 * n * channels + 2 * 2 * 60 * b * visible(t) + 2 * n * 60 * 48;
  return 5 * (attention + 2 * n * 3 * 48 * 40) + 2 * n * 48 * 256;
}
static_assert(cost_of<Dense>(3).forward_flops == dense_flops(3, 20));
static_assert(cost_of<Dense>(1, 7).forward_flops == dense_flops(1, 7));
static_assert(forward_flops<Dense> == dense_flops(1, 20));
static_assert(parameters<Dense> == 5 * (48 * 100 + 300 + 60 * 48 + 3 * 48 * 40 + 2 * 40 + 48 + 2 * 48) + 48 + 256 * 48);

using Sparse = Decoder<Body<Stack<Block<Moe<Top2, Experts<4>, Hidden<24>>>, 2>,
                            Stack<Block<Moe<ExpertChoice, Experts<4>, Hidden<24>, Capacity<150>>, Ffn<GeLU>>, 3>>,
                       Vocab<64>, Width<16>, Context<8>>;
constexpr std::int64_t sparse_flops(std::int64_t n) {
  const std::int64_t expert = 2 * 2 * 16 * 24, router = 2 * 16 * 4;
  const std::int64_t slots = 4 * ((n * 150 + 399) / 400);
  return 2 * (n * router + 2 * n * expert) + 3 * (n * router + slots * expert + 2 * n * 2 * 16 * 64) + 2 * n * 16 * 64;
}
static_assert(cost_of<Sparse>(5).forward_flops == sparse_flops(40));
constexpr std::int64_t expert_numbers = 2 * 16 * 24;
static_assert(parameters<Sparse> ==
              2 * (4 * expert_numbers + 64 + 16) + 3 * (4 * expert_numbers + 64 + 16 + 2 * 16 * 64 + 16) + 16 + 64 * 16);
static_assert(activated_parameters<Sparse> ==
              2 * (2 * expert_numbers + 64 + 16) + 3 * (expert_numbers * 3 / 2 + 64 + 16 + 2 * 16 * 64 + 16) + 16 + 64 * 16);
static_assert(cost_of<Sparse>().state_elements == 2 * 10 + 3 * (4 + 5 + 10));  // loads; thresholds, cuts and loads

}  // namespace

TEST_CASE("the cost of one block of each stack, repeated, is the cost of the whole model") {
  const auto whole = [](auto type, Shape shape) {
    using Net = typename decltype(type)::type;
    DecoderNetwork network(decoder_of<Net>, blocks_of<Reference>(stacks_of<Net>{}, decoder_of<Net>.model_context()));
    return cost_of_network<Recorder<Reference>>(network, shape);
  };
  CHECK(whole(Type<Dense>{}, {3, 20}) == cost_of<Dense>(3));
  CHECK(whole(Type<Sparse>{}, {5, 8}) == cost_of<Sparse>(5));
  CHECK(whole(Type<SmallPrimer>{}, {2, 64}) == cost_of<SmallPrimer>(2));
  using Mixed = Decoder<Body<Stack<Block<Attention<Heads<4>, DConv<3>>, Moe<Top2>, Moe<ExpertChoice>, Ffn<SqReLU>>, 3>,
                             Stack<Block<Ffn<GeLU>, Attention<>>, 2>>,
                        Vocab<256>, Width<32>, Context<16>>;
  CHECK(whole(Type<Mixed>{}, {2, 16}) == cost_of<Mixed>(2));
}

TEST_CASE("the cost of ninety-six layers of sixty-four experts is a constant expression") {
  using Deep = Decoder<Stack<Block<Attention<Heads<96>>, Moe<Top2, Experts<64>>, Ffn<GeLU>>, 96>, Vocab<50257>, Width<12288>,
                       Context<2048>>;
  static_assert(parameters<Deep> > 1'000'000'000'000);
  static_assert(cost_of<Deep>().training_flops() == 3 * forward_flops<Deep>);
  SUCCEED();
}

TEST_CASE("a part costs what its place in a model costs") {
  using Sub = Ffn<SqReLU, Hidden<24>>;
  constexpr Cost part = cost_of_part<Sub>(16, {2, 8});
  static_assert(part.parameters == 2 * 16 * 24 + 16);
  static_assert(part.forward_flops == 2 * 16 * 2 * 16 * 24);
  SUCCEED();
}
