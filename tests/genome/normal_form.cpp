#include <string>
#include <string_view>
#include <utility>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

std::string canonical(std::string_view text) {
  const Result<Genome> genome = Genome::parse(text);
  INFO(text);
  if (!genome) return genome.error().message;
  return genome->text();
}

}  // namespace

TEST_CASE("spellings of one model have one text") {
  const std::pair<const char*, const char*> spellings[] = {
      {"Attn", "Attention<>"},
      {" Attention\n<\t> ", "Attention<>"},
      {"Ffn<>", "Ffn<SqReLU>"},
      {"Ffn<Pre<RmsNorm>,Bias,GeGlu>", "Ffn<Glu<GeLU>, Bias>"},
      {"Moe<Hidden<256>, Experts<16>, Top2>", "Moe<Top2, Experts<16>, Hidden<256>>"},
      {"Moe<Capacity<0>, Top1, SqReLU>", "Moe<Top1>"},
      {"Moe<Capacity<100>, ExpertChoice>", "Moe<ExpertChoice>"},
      {"Moe<Capacity<100>, Top2>", "Moe<Top2, Capacity<100>>"},
      {"Moe<Shared<0>, Experts<8>, Hash>", "Moe<Hash>"},
      {"Moe<Shared<2>, Capacity<0>, SqReLU, LossFree<3>>", "Moe<LossFree<3>, Shared<2>>"},
      {"Moe<Capacity<50>, Base>", "Moe<Base, Capacity<50>>"},
      {"Moe<Shared<1>, Capacity<150>, GeLU, ExpertThreshold>", "Moe<ExpertThreshold, GeLU, Capacity<150>, Shared<1>>"},
      {"Attention<KvHeads<2>, HeadDim<16>, Heads<2>>", "Attention<Heads<2>, HeadDim<16>>"},
      {"Decoder<Block<Attn>>", "Decoder<Stack<Block<Attention<>>, 1>>"},
      {"Decoder<Body<Stack<Block<Attn>, 2>>>", "Decoder<Stack<Block<Attention<>>, 2>>"},
      {"Decoder<Block<Attn>, Context<8>, Width<64>, Vocab<4>>",
       "Decoder<Stack<Block<Attention<>>, 1>, Vocab<4>, Width<64>, Context<8>>"},
      {"Decoder<Block<Attention<Heads<2>, HeadDim<64>, KvHeads<2>>>, Width<128>>",
       "Decoder<Stack<Block<Attention<>>, 1>, Width<128>>"},
      {"Decoder<Block<Attention<Heads<2>, HeadDim<64>, KvHeads<2>>>>",
       "Decoder<Stack<Block<Attention<Heads<2>, HeadDim<64>>>, 1>>"},
      {"Decoder<Block<Attention<KvHeads<2>>>, Width<128>>", "Decoder<Stack<Block<Attention<>>, 1>, Width<128>>"},
      {"Decoder<Block<Ffn<ReLU, Hidden<512>>>, Width<128>>", "Decoder<Stack<Block<Ffn<ReLU>>, 1>, Width<128>>"},
      {"Decoder<Block<Ffn<ReLU, Hidden<512>>>>", "Decoder<Stack<Block<Ffn<ReLU, Hidden<512>>>, 1>>"},
      {"Decoder<Block<Attn>, Positions<None>, FinalNorm<NoNorm>>", "Decoder<Stack<Block<Attention<>>, 1>, FinalNorm<NoNorm>>"},
      {"Ffn<ReLU, Pre<NoNorm>, Post<NoNorm>>", "Ffn<ReLU, Pre<NoNorm>>"},
      {"Ffn<ReLU, Pre<NoNorm>, Post<LayerNorm>, Inner<NoNorm>>", "Ffn<ReLU, Post<LayerNorm>>"},
  };
  for (const auto& [spelling, text] : spellings) {
    CHECK(canonical(spelling) == text);
    CHECK(canonical(text) == text);
  }
}

TEST_CASE("different models keep different texts") {
  CHECK(canonical("Moe<TopK<2>>") != canonical("Moe<Top2>"));
  CHECK(canonical("Attention<Rope>") != canonical("Attention<NoPos>"));
  CHECK(canonical("Body<Stack<Block<Attn>, 1>, Stack<Block<Attn>, 1>>") != canonical("Body<Stack<Block<Attn>, 2>>"));
}

TEST_CASE("sizes are given at run time, and what was not written follows the width") {
  const Result<Genome> open = Genome::parse("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 3>>");
  REQUIRE(open);
  CHECK(open->is_model());
  CHECK_FALSE(open->has_sizes());

  const Result<Genome> sized = open->with_sizes(256, 128, 64);
  REQUIRE(sized);
  CHECK(sized->has_sizes());
  CHECK(sized->text() == "Decoder<Stack<Block<Attention<>, Ffn<ReLU>>, 3>, Vocab<256>, Width<128>, Context<64>>");
  const GenomeStack& stack = sized->tree().stacks.at(0);
  CHECK(stack.count == 3);
  CHECK(stack.sub_layers.at(0).resolved(sized->model_context()).get<AttentionLayer>().head_dim == 64);
  CHECK(stack.sub_layers.at(1).resolved(sized->model_context()).get<FfnLayer>().hidden == 512);

  CHECK(sized->with_sizes(0, 256, 0)->decoder().vocab == 256);
  CHECK(open->with_sizes(256, 127, 64).error().message.find("Heads must divide Width") != std::string::npos);
  CHECK(open->with_sizes(-1, 1, 1).error().error_kind == ErrorKind::usage);
  CHECK(Genome::parse("Block<Attn>")->with_sizes(1, 1, 1).error().error_kind == ErrorKind::usage);
}

TEST_CASE("a genome may be copied and outlive the text it was read from") {
  std::string text = "Block<Attention<Heads<2>, DConv<3>>, Ffn<ReLU>>";
  Result<Genome> genome = Genome::parse(text);
  REQUIRE(genome);
  const Genome copy = *genome;
  text.assign(text.size(), 'x');
  genome = Genome::parse("Attn");
  CHECK(copy.text() == "Block<Attention<Heads<2>, DConv<3>>, Ffn<ReLU>>");
  CHECK(copy == *Genome::parse("Block<Attention<DConv<3>, Heads<2>>, Ffn<ReLU>>"));
}
