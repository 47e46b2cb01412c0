// Parallel as a type and as a text: one spelling, the same values, the same counts.
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/cost/genome_cost.hpp"
#include "genoform/genoform.hpp"
#include "genoform/genome/causality.hpp"
#include "tests/catch.hpp"
#include "tests/layers/shift_layer.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

std::string canonical(std::string_view text) {
  const Result<Genome> genome = Genome::parse(text);
  return genome ? genome->text() : genome.error().message;
}

// Parts keep their order, norms come last in canonical order.
using Spelled = Parallel<Inner<RmsNorm>, Ffn<Hidden<8>, ReLU>, Pre<RmsNorm>, Attn>;
static_assert(text_of<Parallel<Attn, Ffn<>>> == "Parallel<Attention<>, Ffn<SqReLU>>");
static_assert(text_of<Spelled> == "Parallel<Ffn<ReLU, Hidden<8>>, Attention<>, Pre<RmsNorm>, Inner<RmsNorm>>");
static_assert(std::same_as<canonical_t<Spelled>, Parallel<Ffn<ReLU, Hidden<8>>, Attention<>, Pre<RmsNorm>, Inner<RmsNorm>>>);
static_assert(std::same_as<type_of<"Parallel<Inner<RmsNorm>, Ffn<Hidden<8>, ReLU>, Pre<RmsNorm>, Attn>">, canonical_t<Spelled>>);
static_assert(text_of<Parallel<Attn, Pre<RmsNorm>, Post<NoNorm>>> == "Parallel<Attention<>>");
static_assert(!std::same_as<canonical_t<Parallel<Attn, Ffn<>>>, canonical_t<Parallel<Ffn<>, Attn>>>);
static_assert(Parallel<Attn, Post<LayerNorm>>::norms.pre == Norm{} && Parallel<Attn>::norms.pre == Norm{NormKind::rms});

// What depends on the model is left out of a model that gives it, inside a Parallel too.
using InModel = Decoder<Block<Parallel<Attention<Rope, Heads<2>>, Ffn<Hidden<512>>>>, Width<128>>;
static_assert(text_of<InModel> == "Decoder<Stack<Block<Parallel<Attention<>, Ffn<SqReLU>>>, 1>, Width<128>>");
static_assert(std::same_as<canonical_t<InModel>, type_of<"Decoder<Block<Parallel<Attn, Ffn<>>>, Width<128>>">>);

// Layers of one's own.
static_assert(text_of<Parallel<tests::ShiftLayer, Attn>> == "Parallel<Shift, Attention<>>");
static_assert(std::same_as<type_of<"Parallel<Shift, Attn>", List<tests::ShiftLayer>>, Parallel<tests::ShiftLayer, Attention<>>>);

// One part with the norms around it costs what the layer costs; two parts share one norm.
using Alone = Decoder<Block<Ffn<SqReLU, Post<LayerNorm>>>, Vocab<16>, Width<32>, Context<8>>;
using Wrapped = Decoder<Block<Parallel<Ffn<SqReLU>, Post<LayerNorm>>>, Vocab<16>, Width<32>, Context<8>>;
static_assert(cost_of<Alone>().parameters == cost_of<Wrapped>().parameters);
static_assert(forward_flops<Alone> == forward_flops<Wrapped>);
using Both = Decoder<Stack<Block<Parallel<Attention<Heads<2>>, Moe<Top2, Experts<4>>>>, 3>, Vocab<16>, Width<32>, Context<8>>;
static_assert(parameters<Both> == 16 * 32 + 32 + 3 * (32 + 4 * 32 * 32 + 4 * 32 + 2 * 4 * 32 * 128));
static_assert(activated_parameters<Both> == 16 * 32 + 32 + 3 * (32 + 4 * 32 * 32 + 4 * 32 + 2 * 2 * 32 * 128));

}  // namespace

TEST_CASE("spellings of one Parallel have one text") {
  CHECK(canonical(" Parallel < Pre<LayerNorm>,\nAttn , Ffn<GeGlu> > ") ==
        "Parallel<Attention<>, Ffn<Glu<GeLU>>, Pre<LayerNorm>>");
  CHECK(canonical("Block<Parallel<Attn, Pre<RmsNorm>>>") == "Block<Parallel<Attention<>>>");
  CHECK(canonical("Decoder<Block<Parallel<Attn, Post<RmsNorm>, Ffn<Hidden<512>>>>, Width<128>>") ==
        "Decoder<Stack<Block<Parallel<Attention<>, Ffn<SqReLU>, Post<RmsNorm>>>, 1>, Width<128>>");
  CHECK(canonical(text_of<Both>) == text_of<Both>);
}

TEST_CASE("a genome counts the parameters of a Parallel as its type does") {
  const Genome genome = Genome::parse(text_of<Both>);
  CHECK(genome.parameters() == static_cast<double>(parameters<Both>));
  CHECK(cost_of(genome).value() == cost_of<Both>());
  const Genome wrapped = Genome::parse(text_of<Wrapped>);
  CHECK(cost_of(wrapped).value() == cost_of<Wrapped>());
}

TEST_CASE("a genome shows the parts of a Parallel and its norms") {
  const Genome genome = Genome::parse("Block<Parallel<Inner<LayerNorm>, Attn, Pre<RmsNorm>, Moe<Top2>>, Ffn<>>");
  const std::vector<SubLayer>& sub_layers = genome.tree().stacks.at(0).sub_layers;
  REQUIRE(sub_layers.size() == 2);
  CHECK(sub_layers[0].name() == "Parallel");
  REQUIRE(sub_layers[0].parts.size() == 2);
  CHECK(sub_layers[0].parts[0].name() == "Attention");
  CHECK(sub_layers[0].parts[1].get<MoeLayer>().experts == 8);
  CHECK(sub_layers[0].get<ParallelNorms>().inner == Norm{NormKind::layer});
  CHECK(sub_layers[1].parts.empty());
}

TEST_CASE("the limit of sub-layers counts the parts of a Parallel") {
  CHECK(Genome::parse("Decoder<Stack<Block<Parallel<Attn, Ffn<>, Pre<LayerNorm>>>, 5000>>"));
  const Result<Genome> refused = Genome::parse("Decoder<Stack<Block<Parallel<Attn, Ffn<>, Pre<LayerNorm>>>, 5001>>");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "1:61: \"5001\": " + std::string(rules::TooManySubLayers::sentence));
}

namespace {
struct Seer {
  static constexpr std::string_view name = "Seer";
  static constexpr bool causal = false;
  struct Weights {};
};
struct Impostor {
  static constexpr std::string_view name = "Parallel";
  struct Weights {};
};
}  // namespace

TEST_CASE("a part that looks ahead is found inside a Parallel") {
  KindNames kinds;
  REQUIRE(kinds.add<Seer>());
  using Layers = List<AttentionLayer, FfnLayer, MoeLayer, Seer>;
  CHECK(first_not_causal<Layers>(Genome::parse("Block<Parallel<Attn, Seer>>", kinds)) == "Seer");
  CHECK(first_not_causal<Layers>(Genome::parse("Block<Parallel<Attn, Ffn<>>>", kinds)).empty());
}

TEST_CASE("no kind of one's own is named Parallel") {
  KindNames kinds;
  CHECK_FALSE(kinds.add<Impostor>());
}

// A bias that all attention layers share reaches those inside a Parallel.
using OneBias = Decoder<Block<Parallel<Attention<Heads<2>>, Ffn<>>, Attention<Heads<2>>>, Vocab<16>, Width<32>, Context<8>,
                        Positions<SharedRelBias<4, 8>>>;
static_assert(parameters<OneBias> == 16 * 32 + 2 * 4 + 3 * 32 + 2 * 4 * 32 * 32 + 2 * 4 * 32 * 32);

TEST_CASE("the heads of attention layers inside a Parallel are compared where a bias is shared") {
  CHECK(Genome::parse(text_of<OneBias>)->parameters() == static_cast<double>(parameters<OneBias>));
  const Result<Genome> refused = Genome::parse(
      "Decoder<Block<Parallel<Attention<Heads<2>>, Attention<Heads<4>>>>, Width<64>, Positions<SharedRelBias<4, 8>>>");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "1:55: \"Heads\": " + std::string(rules::SharedBiasHeads::sentence));
}
