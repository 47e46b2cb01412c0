#include <algorithm>
#include <cstdint>

#include "genoform/cost/cost.hpp"
#include "genoform/layers/attention.hpp"
#include "genoform/layers/ffn.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

constexpr std::int64_t rounded(std::int64_t n, std::int64_t unit) { return (n + unit / 2) / unit; }

// Primer's models (So et al., 2021): T5's vocabulary, one relative bias of 32 buckets for all layers, tied. The
// counts that it gives are those of the matrices; everything else is written out here.
template <int D, int F, int L, int H, class... Blocks>
using T5 = Decoder<Stack<Block<Blocks...>, L>, Vocab<32128>, Width<D>, Context<512>, Positions<SharedRelBias<32, 128>>,
                   FinalNorm<LayerNorm>>;
template <int D, int F, int L, int H>
using Vanilla = T5<D, F, L, H, Attention<Heads<H>, HeadDim<64>, Pre<LayerNorm>>, Ffn<ReLU, Hidden<F>, Pre<LayerNorm>>>;
template <int D, int F, int L, int H>
using PrimerEz =
    T5<D, F, L, H, Attention<Heads<H>, HeadDim<64>, DConv<3>, Pre<LayerNorm>>, Ffn<SqReLU, Hidden<F>, Pre<LayerNorm>>>;
template <int D, int F, int L, int H>
using Primer = Decoder<Stack<Block<Attention<Heads<H>, HeadDim<64>, DConv<3>, SharedQk, Pre<PrimerNorm>>,
                                   Ffn<SqReLU, Hidden<F>, Bias, Inner<PrimerNorm>>>,
                             L>,
                       Vocab<32128>, Width<D>, Context<512>, Positions<SharedRelBias<32, 128>>, FinalNorm<PrimerNorm>>;

template <int D, int F, int L, int H>
constexpr bool as_published(std::int64_t hundred_thousands) {
  constexpr std::int64_t K = 64, matrices = 32128LL * D + L * (4LL * D * H * K + 2LL * D * F);
  constexpr std::int64_t norms = (2 * L + 1) * 2 * D, table = 32 * H;
  return rounded(matrices, 100'000) == hundred_thousands && parameters<Vanilla<D, F, L, H>> == matrices + norms + table &&
         parameters<PrimerEz<D, F, L, H>> == matrices + norms + table + L * 3 * 3 * H * K &&
         parameters<Primer<D, F, L, H>> == matrices + norms + table + L * (2 * 3 * H * K + F + D);
}
static_assert(as_published<512, 2048, 6, 8>(353));
static_assert(as_published<768, 3072, 12, 12>(1096));
static_assert(as_published<1024, 8192, 24, 16>(5362));

// Shared queries: as many numbers as before where H*K is D, one convolution fewer.
static_assert(
    parameters<PrimerEz<512, 2048, 6, 8>> -
        parameters<T5<512, 2048, 6, 8, Attention<Heads<8>, DConv<3>, SharedQk, Pre<LayerNorm>>, Ffn<SqReLU, Pre<LayerNorm>>>> ==
    6 * 3 * 512);

// Useful FLOPs of a forward step against formulas that were written for this test alone.
template <class... Options>
using Net = Decoder<Stack<Block<Attention<Heads<6>, HeadDim<10>, Options...>>, 5>, Vocab<256>, Width<48>, Context<20>>;
constexpr std::int64_t flops(std::int64_t b, std::int64_t t, std::int64_t window, std::int64_t matrices,
                             std::int64_t filter_width) {
  std::int64_t pairs = 0;
  for (std::int64_t i = 0; i < t; ++i) pairs += std::min(i + 1, window);
  return 5 * (2 * b * t * (matrices + filter_width) + 4 * 60 * b * pairs) + 2 * b * t * 48 * 256;
}
constexpr std::int64_t four = 4 * 48 * 60;
static_assert(cost_of<Net<RelBias<8, 20>, QkNorm>>(3).forward_flops == flops(3, 20, 20, four, 0));
static_assert(cost_of<Net<Window<7>>>(3).forward_flops == flops(3, 20, 7, four, 0));
static_assert(cost_of<Net<Window<7>>>(2, 5).forward_flops == flops(2, 5, 5, four, 0));
static_assert(cost_of<Net<SharedQk, DConv<3>, Window<1>>>(3).forward_flops == flops(3, 20, 1, 3 * 48 * 60 + 60 * 60, 3 * 120));
static_assert(parameters<Net<SharedQk, DConv<3>, RelBias<8, 20>>> ==
              5 * (3 * 48 * 60 + 60 * 60 + 3 * 120 + 6 * 8 + 48) + 48 + 256 * 48);

// What a model adds at its input or multiplies its logits by counts for nothing; a second output matrix is read instead of the
// first.
template <class... Options>
using Tiny = Decoder<Block<Attention<Heads<2>>>, Vocab<32>, Width<16>, Context<8>, Options...>;
static_assert(forward_flops<Tiny<Positions<Learned>, LogitScale<WidthRsqrt>>> == forward_flops<Tiny<>> &&
              forward_flops<Tiny<Positions<SharedRelBias<4, 5>>, Untied>> == forward_flops<Tiny<>>);
static_assert(activated_parameters<Tiny<Untied>> == activated_parameters<Tiny<>> + 32 * 16);

}  // namespace

TEST_CASE("the cost of one block, repeated, is the cost of the whole model, with a table that all layers share") {
  using Sharing = PrimerEz<64, 128, 4, 2>;
  DecoderNetwork network(decoder_of<Sharing>, blocks_of<Reference>(stacks_of<Sharing>{}, decoder_of<Sharing>.model_context()));
  CHECK(cost_of_network<Recorder<Reference>>(network, {2, 40}) == cost_of<Sharing>(2, 40));
}
