#include "genoform/models/scale.hpp"

#include <concepts>
#include <string>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::models;

namespace {

// A searched block at the 100M scale, its head width left out where it is the default.
using Found =
    Decoder<Block<Attention<Heads<12>>, Moe<ExpertChoice, GeGlu, Hidden<1536>>, Ffn<GeLU>>, Vocab<256>, Width<768>, Context<128>>;
using Large = scaled_t<Found, brainformer_1b>;
static_assert(
    text_of<Large> ==
    "Decoder<Stack<Block<Attention<Heads<12>>, Moe<ExpertChoice, Experts<64>, Glu<GeLU>, Hidden<3072>>, Ffn<GeLU>>, 6>, "
    "Vocab<256>, Width<1536>, Context<128>>");
// 12 heads of 64 become 12 of 128: the number of heads stays, so it has to be written at the new width.
static_assert(resolved(AttentionLayer{}, {.width = 1536}).heads == 24);
constexpr Scale unchanged{};
static_assert(std::same_as<scaled_t<Found, unchanged>, canonical_t<Found>>);

using Glam768 =
    Decoder<Stack<Block<Attention<Heads<12>>, Moe<Top2, Experts<64>, Hidden<3072>>, Attention<>, Ffn<GeGlu, Hidden<3072>>>, 6>,
            Vocab<256>, Width<768>, Context<128>>;
static_assert(
    text_of<scaled_t<Glam768, glam_to_1_7b>> ==
    "Decoder<Stack<Block<Attention<Heads<16>>, Moe<Top2, Experts<64>>, Attention<Heads<16>>, Ffn<Glu<GeLU>, Hidden<8192>>>, 12>, "
    "Vocab<256>, Width<2048>, Context<128>>");

std::string grown(const std::string& text, const Scale& scale) {
  const Result<Genome> genome = scaled(Genome::parse(text).value(), scale);
  return genome ? genome->text() : genome.error().message;
}

}  // namespace

TEST_CASE("a genome grows to the same model as its type") {
  CHECK(grown(std::string(text_of<Found>), brainformer_100m) == text_of<scaled_t<Found, brainformer_100m>>);
  CHECK(grown(std::string(text_of<Found>), brainformer_1b) == text_of<Large>);
  CHECK(grown(std::string(text_of<Found>), brainformer_8b) == text_of<scaled_t<Found, brainformer_8b>>);
  CHECK(grown(std::string(text_of<Glam768>), glam_to_1_7b) == text_of<scaled_t<Glam768, glam_to_1_7b>>);
  CHECK(grown(std::string(text_of<Glam768>), glam_to_8b) == text_of<scaled_t<Glam768, glam_to_8b>>);
  using Side = Decoder<Stack<Block<Parallel<Attention<Heads<2>, KvHeads<1>>, Ffn<SwiGlu>, Pre<LayerNorm>>>, 2>, Vocab<9>,
                       Width<48>, Context<8>>;
  CHECK(grown(std::string(text_of<Side>), brainformer_1b) == text_of<scaled_t<Side, brainformer_1b>>);
}

TEST_CASE("a size that is no integer is refused, with the sub-layer and the word") {
  CHECK(grown("Decoder<Block<Ffn<SqReLU, Hidden<100>>>, Width<48>>", {.width = {4, 3}}) ==
        "Ffn<SqReLU, Hidden<100>>: its Hidden times its factor of the scale is not an integer");
  CHECK(grown("Decoder<Block<Ffn<SqReLU>>, Width<50>>", {.width = {4, 3}}) ==
        "Width times its factor of the scale is not an integer");
  CHECK(grown("Decoder<Stack<Block<Ffn<SqReLU>>, 3>, Width<48>>", {.stacks = {1, 2}}) ==
        "a stack of 3 times its factor of the scale is not an integer");
}

TEST_CASE("a part and a model without a width are not scaled") {
  CHECK_FALSE(scaled(Genome::parse("Block<Ffn<SqReLU>>").value(), brainformer_1b).ok());
  CHECK_FALSE(scaled(Genome::parse("Decoder<Block<Ffn<SqReLU>>>").value(), brainformer_1b).ok());
}
