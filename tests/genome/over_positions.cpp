#include <concepts>
#include <cstdint>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

// Text, type and cost of the kinds whose weights are tables over positions (docs/formats/model.md sections 7.4 to 7.6).
namespace {

static_assert(text_of<Block<Synthesizer<>, SpatialGate<>, TokenMix<>>> ==
              "Block<Synthesizer<RandomPlus>, SpatialGate<GeLU>, TokenMix<GeLU>>");
static_assert(text_of<Synthesizer<Post<LayerNorm>, Rank<4>, HeadDim<8>, RandomLogits, Heads<2>>> ==
              "Synthesizer<RandomLogits, Heads<2>, HeadDim<8>, Rank<4>, Post<LayerNorm>>");
static_assert(text_of<SpatialGate<Bias, Heads<2>, Hidden<48>, SwiGlu>> == "SpatialGate<Glu<Swish>, Hidden<48>, Heads<2>, Bias>");
static_assert(text_of<Decoder<Block<SpatialGate<Hidden<48>, Heads<1>>, TokenMix<Bias, Heads<4>, ReLU>>, Width<8>>> ==
              "Decoder<Stack<Block<SpatialGate<GeLU>, TokenMix<ReLU, Heads<4>, Bias>>, 1>, Width<8>>");
static_assert(std::same_as<type_of<"Block<Synthesizer<Heads<2>>, SpatialGate<Bias>, TokenMix<>>">,
                           Block<Synthesizer<RandomPlus, Heads<2>>, SpatialGate<GeLU, Bias>, TokenMix<GeLU>>>);

// Counts by formulas that were written for this test alone. Tables are counted whole; products over the visible positions only.
constexpr std::int64_t D = 12, H = 3, K = 5, R = 2, P = 16, F = 20;
template <class Layer>
using Net = Decoder<Block<Layer>, Vocab<11>, Width<12>, Context<16>, FinalNorm<NoNorm>>;
template <class Layer>
constexpr std::int64_t parameters_of = parameters<Net<Layer>> - 11 * D;
template <class Layer>
constexpr std::int64_t flops_of(std::int64_t b, std::int64_t t) {
  return cost_of<Net<Layer>>(b, t).forward_flops - 2 * b * t * 11 * D;
}
constexpr std::int64_t visible(std::int64_t b, std::int64_t t) { return b * t * (t + 1) / 2; }

template <class... Options>
using Synth = Synthesizer<Heads<3>, HeadDim<5>, Pre<NoNorm>, Options...>;
constexpr std::int64_t vo = 2 * D * H * K, qkvo = 4 * D * H * K, dense = D * H * K + H * K + H * P * K;
static_assert(parameters_of<Synth<RandomLogits>> == vo + H * P * P);
static_assert(parameters_of<Synth<RandomLogits, Rank<2>>> == vo + 2 * H * P * R);
static_assert(parameters_of<Synth<RandomPlus>> == qkvo + H * P * P);
static_assert(parameters_of<Synth<RandomPlus, RelBias<6, 9>>> == qkvo + H * P * P + 6 * H);
static_assert(parameters_of<Synth<DenseLogits>> == vo + dense);
static_assert(parameters_of<Synth<DensePlus>> == qkvo + dense);
static_assert(activated_parameters<Net<Synth<RandomPlus>>> == parameters<Net<Synth<RandomPlus>>>);
constexpr std::int64_t pair = 2 * H * K;  // a product with a head's K channels for a visible pair, in all heads
static_assert(flops_of<Synth<RandomLogits>>(3, 13) == 2 * 39 * vo + pair * visible(3, 13));
static_assert(flops_of<Synth<RandomLogits, Rank<2>>>(3, 13) == 2 * 39 * vo + pair * visible(3, 13) + 2 * H * R * visible(1, 13));
static_assert(flops_of<Synth<RandomPlus>>(3, 13) == 2 * 39 * qkvo + 2 * pair * visible(3, 13));
static_assert(flops_of<Synth<DenseLogits>>(3, 13) == 2 * 39 * (vo + D * H * K) + 2 * pair * visible(3, 13));
static_assert(flops_of<Synth<DensePlus>>(3, 13) == 2 * 39 * (qkvo + D * H * K) + 3 * pair * visible(3, 13));

using Gate = SpatialGate<GeLU, Hidden<20>, Heads<2>, Bias, Pre<NoNorm>>;
static_assert(parameters_of<Gate> == D * F + F + 2 * F / 2 + 2 * (P * P + P) + D * F / 2 + D);
static_assert(flops_of<Gate>(3, 13) == 2 * 39 * (D * F + D * F / 2) + 2 * F / 2 * visible(3, 13));
static_assert(parameters_of<SpatialGate<SwiGlu, Pre<NoNorm>>> == 2 * D * 72 + 2 * 36 + P * P + P + D * 36);
static_assert(parameters_of<TokenMix<GeLU, Heads<3>, Bias, Pre<NoNorm>>> == 3 * 2 * (P * P + P));
static_assert(flops_of<TokenMix<GeLU, Heads<3>, Bias, Pre<NoNorm>>>(3, 13) == 2 * 2 * D * visible(3, 13));
static_assert(parameters_of<TokenMix<SwiGlu, Pre<NoNorm>>> == 3 * P * P);
static_assert(flops_of<TokenMix<SwiGlu, Pre<NoNorm>>>(3, 13) == 3 * 2 * D * visible(3, 13));

}  // namespace

TEST_CASE("the tables of a text are counted as soon as its context is known") {
  const Genome open = Genome::parse("Decoder<Block<TokenMix<>>, Vocab<11>, Width<12>>").value();
  CHECK(open.text() == "Decoder<Stack<Block<TokenMix<GeLU>>, 1>, Vocab<11>, Width<12>>");
  const Genome known = open.with_sizes(0, 0, 16).value();
  CHECK(known.parameters() == 11 * 12 + 2 * 12 + 2 * 16 * 16);
}

TEST_CASE("tables that are too large are refused, whatever the order in which sizes become known") {
  const auto message = [](const Result<Genome>& genome) { return genome ? std::string("read") : genome.error().message; };
  const std::string too_large(rules::TooManyParameters::sentence);
  for (const char* kind : {"Synthesizer<RandomLogits>", "Synthesizer<DenseLogits>", "SpatialGate<>", "TokenMix<>"}) {
    INFO(kind);
    const std::string model = "Decoder<Block<" + std::string(kind) + ">, Vocab<11>, Width<64>";
    CHECK(message(Genome::parse(model + ", Context<16777216>>")).find(too_large) != std::string::npos);
    CHECK(message(Genome::parse(model + ">").value().with_sizes(0, 0, 2147483647)).find(too_large) != std::string::npos);
  }
}
