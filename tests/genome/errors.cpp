#include <set>
#include <string>
#include <string_view>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

struct Wrong {
  Rule rule;
  const char* text;
  const char* place;      ///< LINE:COLUMN: "what was found":
  const char* rest = "";  ///< what follows the sentence
};

constexpr const char* norms = "; allowed: RmsNorm, LayerNorm, PrimerNorm, NoNorm";

const Wrong wrong_texts[] = {
    {rules::EmptyText{}, "", "1:1: "},
    {rules::EmptyText{}, " \n ", "1:1: "},
    {rules::BadCharacter{}, "Block<Attn; Attn>", "1:11: \";\": "},
    {rules::BadCharacter{},
     "\xEF\xBB\xBF"
     "Block<Attn>",
     "1:1: \"\\u{feff}\": "},
    {rules::BadCharacter{}, "\xE9", "1:1: \"\\xe9\": "},
    {rules::BadCharacter{}, "Block<-3>", "1:7: \"-\": "},
    {rules::BadCharacter{}, "Ffn<\xC3\xA9>", "1:5: \"\xC3\xA9\": "},
    {rules::BadCharacter{}, "Block<\x01>", "1:7: \"\\x01\": "},
    {rules::ArgumentMissing{}, "Ffn<ReLU,>", "1:10: \">\": "},
    {rules::ArgumentMissing{}, "Ffn<,ReLU>", "1:5: \",\": "},
    {rules::ArgumentMissing{}, ">", "1:1: \">\": "},
    {rules::CloseMissing{}, "Block<Attn", "1:11: "},
    {rules::CloseMissing{}, "Block<Attn, ", "1:12: "},
    {rules::CloseMissing{}, "Block<\n  Ffn<ReLU>\n", "2:12: "},
    {rules::CloseMissing{}, "Block<", "1:7: "},
    {rules::SeparatorMissing{}, "Block<Attn Attn>", "1:12: \"Attn\": "},
    {rules::SeparatorMissing{}, "Ffn<Hidden<8x>>", "1:13: \"x\": "},
    {rules::TextGoesOn{}, "Block<Attn>>", "1:12: \">\": "},
    {rules::TextGoesOn{}, "Attn, Attn", "1:5: \",\": "},
    {rules::BadNumber{}, "Attention<Heads<08>>", "1:17: \"08\": "},
    {rules::NumberTooLarge{}, "Attention<Heads<2147483648>>", "1:17: \"2147483648\": "},
    {rules::NumberTooLarge{}, "Attention<Heads<99999999999999999999999>>", "1:17: \"99999999999999999999999\": "},
    {rules::StringOpen{}, "Program<\"abc>", "1:9: \"\"\": "},
    {rules::BadEscape{}, "Program<\"a\\n\">", "1:11: \"\\\": "},
    {rules::StringHere{}, "Ffn<\"ReLU\">", "1:5: \"\"\": "},
    {rules::UnknownWord{}, "Ffn<Pre<RMSNorm>>",
     "1:9: \"RMSNorm\": ", "; allowed: RmsNorm, LayerNorm, PrimerNorm, NoNorm; did you mean \"RmsNorm\"?"},
    {rules::UnknownWord{}, "Decoder<Block<Attn>, FinalNorm<Xyzzy>>", "1:32: \"Xyzzy\": ", norms},
    {rules::UnknownOption{}, "Block<Attention<Hedas<8>>>", "1:17: \"Hedas\": ",
     "; allowed: Heads, HeadDim, KvHeads, DConv, SharedQk, Rope, NoPos, RelBias, Window, QkNorm, Pre, Post, Inner; did you mean "
     "\"Heads\"?"},
    {rules::UnknownOption{}, "Ffn<swiglu>", "1:5: \"swiglu\": ",
     "; allowed: ReLU, GeLU, Swish, SqReLU, Identity, Glu, Hidden, Bias, Pre, Post, Inner; did you mean \"SwiGlu\"?"},
    {rules::UnknownOption{}, "Decoder<Block<Attn>, Heads<8>>",
     "1:22: \"Heads\": ", "; allowed: Vocab, Width, Context, Positions, FinalNorm, Untied, LogitScale"},
    {rules::UnknownKind{}, "Block<Atention<>>", "1:7: \"Atention\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel; did you mean "
     "\"Attention\"?"},
    {rules::UnknownKind{}, "Block<Block<Attn>>", "1:7: \"Block\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel"},
    {rules::StrayNumber{}, "Ffn<ReLU, 8>", "1:11: \"8\": "},
    {rules::StrayNumber{}, "Block<8>", "1:7: \"8\": "},
    {rules::NeedsNumber{}, "Attention<Heads>", "1:11: \"Heads\": "},
    {rules::NeedsNumber{}, "Attention<Heads<>>", "1:11: \"Heads\": "},
    {rules::NeedsNumber{}, "Attention<Heads<ReLU>>", "1:17: \"ReLU\": "},
    {rules::NeedsNumber{}, "Attention<Heads<1, 2>>", "1:11: \"Heads\": "},
    {rules::NeedsNumber{}, "Moe<TopK>", "1:5: \"TopK\": "},
    {rules::NeedsChoice{}, "Ffn<Pre>", "1:5: \"Pre\": "},
    {rules::NeedsChoice{}, "Ffn<Pre<8>>", "1:9: \"8\": "},
    {rules::GluForm{}, "Ffn<Glu>", "1:5: \"Glu\": "},
    {rules::GluForm{}, "Ffn<Glu<SwiGlu>>", "1:9: \"SwiGlu\": "},
    {rules::GluForm{}, "Ffn<Glu<Swsh>>", "1:9: \"Swsh\": ", "; did you mean \"Swish\"?"},
    {rules::NeedsBrackets{}, "Attention", "1:1: \"Attention\": "},
    {rules::NeedsBrackets{}, "Block<Ffn, Moe>", "1:7: \"Ffn\": "},
    {rules::NeedsBrackets{}, "Stack", "1:1: \"Stack\": "},
    {rules::NoArguments{}, "Block<Attn<>>", "1:7: \"Attn\": "},
    {rules::NoArguments{}, "Ffn<SwiGlu<ReLU>>", "1:5: \"SwiGlu\": "},
    {rules::NoArguments{}, "Ffn<ReLU<>>", "1:5: \"ReLU\": "},
    {rules::NoArguments{}, "Moe<Top2<2>>", "1:5: \"Top2\": "},
    {rules::NoArguments{}, "Ffn<Bias<8>>", "1:5: \"Bias\": "},
    {rules::GivenTwice{}, "Attention<Heads<2>, DConv<3>, Heads<2>>", "1:31: \"Heads\": "},
    {rules::GivenTwice{}, "Attention<Rope, NoPos>", "1:17: \"NoPos\": "},
    {rules::GivenTwice{}, "Moe<Top2, ExpertChoice>", "1:11: \"ExpertChoice\": "},
    {rules::GivenTwice{}, "Decoder<Block<Attn>, Width<8>, Width<8>>", "1:32: \"Width\": "},
    {rules::OutOfRange{}, "Attention<Heads<0>>", "1:17: \"0\": ", "; allowed: 1 to 2147483647"},
    {rules::OutOfRange{}, "Stack<Block<Attn>, 0>", "1:20: \"0\": ", "; allowed: 1 to 2147483647"},
    {rules::OutOfRange{}, "Moe<TopK<0>>", "1:10: \"0\": ", "; allowed: 1 to 2147483647"},
    {rules::RouterMissing{}, "Block<Moe<Experts<4>>>", "1:7: \"Moe\": "},
    {rules::BlockEmpty{}, "Stack<Block<>, 2>", "1:7: \"Block\": "},
    {rules::ParallelEmpty{}, "Block<Parallel<Pre<LayerNorm>>>", "1:7: \"Parallel\": "},
    {rules::ParallelForm{}, "Parallel<Attn, Heads<8>>", "1:16: \"Heads\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Pre, Post, Inner"},
    {rules::ParallelForm{}, "Parallel<Atn, Ffn<>>", "1:10: \"Atn\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Pre, Post, Inner; did you "
     "mean \"Attn\"?"},
    {rules::ParallelForm{}, "Parallel<Block<Attn>>", "1:10: \"Block\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Pre, Post, Inner"},
    {rules::ParallelInParallel{}, "Block<Parallel<Attn, Parallel<Attn>>>", "1:22: \"Parallel\": "},
    {rules::ParallelPartNorms{}, "Parallel<Attn, Ffn<ReLU, Pre<RmsNorm>>>", "1:26: \"Pre\": "},
    {rules::ParallelPartNorms{}, "Parallel<Attention<Inner<NoNorm>>>", "1:20: \"Inner\": "},
    {rules::NeedsBrackets{}, "Block<Parallel>", "1:7: \"Parallel\": "},
    {rules::GivenTwice{}, "Parallel<Post<RmsNorm>, Attn, Post<RmsNorm>>", "1:31: \"Post\": "},
    {rules::UnknownWord{}, "Parallel<Attn, Inner<Foo>>", "1:22: \"Foo\": ", norms},
    {rules::StrayNumber{}, "Parallel<Attn, 2>", "1:16: \"2\": "},
    {rules::StringHere{}, "Parallel<\"Pre\">", "1:10: \"\"\": "},
    {rules::HeadsDivideWidth{}, "Decoder<Block<Parallel<Ffn<>, Attention<Heads<3>>>>, Width<128>>", "1:41: \"Heads\": "},
    {rules::StringHere{}, "Attention<\"x\">", "1:11: \"\"\": "},
    {rules::StackForm{}, "Stack<Block<Attn>>", "1:1: \"Stack\": "},
    {rules::StackForm{}, "Stack<>", "1:1: \"Stack\": "},
    {rules::StackForm{}, "Stack<Attn, 2>", "1:7: \"Attn\": "},
    {rules::StackForm{}, "Stack<Block<Attn>, Attn>", "1:20: \"Attn\": "},
    {rules::StackForm{}, "Stack<Block<Attn>, 2, 3>", "1:23: \"3\": "},
    {rules::StackForm{}, "Stack<Blok<Attn>, 2>", "1:7: \"Blok\": ", "; did you mean \"Block\"?"},
    {rules::BodyForm{}, "Decoder<Body<>>", "1:9: \"Body\": "},
    {rules::BodyForm{}, "Body<Block<Attn>>", "1:6: \"Block\": "},
    {rules::DecoderForm{}, "Decoder<>", "1:1: \"Decoder\": "},
    {rules::DecoderForm{}, "Decoder<Attn>", "1:9: \"Attn\": "},
    {rules::DecoderForm{}, "Decoder<Stak<Block<Attn>, 2>>", "1:9: \"Stak\": ", "; did you mean \"Stack\"?"},
    {rules::DecoderForm{}, "Decoder<Width<8>, Block<Attn>>", "1:9: \"Width\": "},
    {rules::NotAPart{}, "Heads<8>", "1:1: \"Heads\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel"},
    {rules::NotAPart{}, "Decodr<Block<Attn>>", "1:1: \"Decodr\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel; did you mean "
     "\"Decoder\"?"},
    {rules::NotAPart{}, "8",
     "1:1: \"8\": ", "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel"},
    {rules::HeadsDivideWidth{}, "Decoder<Block<Ffn<ReLU>, Attention<DConv<3>, Heads<3>>>, Width<128>>", "1:46: \"Heads\": "},
    {rules::HeadsDivideWidth{}, "Decoder<Block<Attention<DConv<3>>>, Width<200>>", "1:15: \"Attention\": "},
    {rules::KvHeadsDivideHeads{}, "Attention<KvHeads<3>, Heads<4>>", "1:11: \"KvHeads\": "},
    {rules::KvHeadsDivideHeads{}, "Decoder<Block<Attention<KvHeads<3>>>, Width<128>>", "1:25: \"KvHeads\": "},
    {rules::HeadDimEven{}, "Attention<HeadDim<33>, Rope>", "1:11: \"HeadDim\": "},
    {rules::HeadDimEven{}, "Decoder<Block<Attention<HeadDim<33>>>>", "1:25: \"HeadDim\": "},
    {rules::HeadDimEven{}, "Decoder<Block<Attention<Heads<2>, Rope>>, Width<66>>", "1:35: \"Rope\": "},
    {rules::HeadDimEven{}, "Decoder<Block<Attn>, Width<63>>", "1:15: \"Attn\": "},
    {rules::NeedsTwoNumbers{}, "Attention<RelBias>", "1:11: \"RelBias\": "},
    {rules::NeedsTwoNumbers{}, "Attention<RelBias<32>>", "1:11: \"RelBias\": "},
    {rules::NeedsTwoNumbers{}, "Attention<RelBias<32, Rope>>", "1:23: \"Rope\": "},
    {rules::NeedsTwoNumbers{}, "Decoder<Block<Attn>, Positions<SharedRelBias<1, 2, 3>>>", "1:32: \"SharedRelBias\": "},
    {rules::OutOfRange{}, "Attention<RelBias<1, 128>>", "1:19: \"1\": ", "; allowed: 2 to 2147483647"},
    {rules::OutOfRange{}, "Attention<Window<0>>", "1:18: \"0\": ", "; allowed: 1 to 2147483647"},
    {rules::BiasDistance{}, "Attention<RelBias<32, 16>>", "1:11: \"RelBias\": "},
    {rules::BiasDistance{}, "Decoder<Block<Attn>, Positions<SharedRelBias<2, 1>>>", "1:32: \"SharedRelBias\": "},
    {rules::GivenTwice{}, "Attention<RelBias<32, 128>, Rope>", "1:29: \"Rope\": "},
    {rules::NoArguments{}, "Attention<SharedQk<2>>", "1:11: \"SharedQk\": "},
    {rules::UnknownWord{}, "Decoder<Block<Attn>, Positions<Rope>>",
     "1:32: \"Rope\": ", "; allowed: None, Sinusoid, Learned, SharedRelBias"},
    {rules::UnknownWord{}, "Decoder<Block<Attn>, LogitScale<Width>>", "1:33: \"Width\": ", "; allowed: WidthRsqrt"},
    {rules::SharedQkHeads{}, "Attention<SharedQk, KvHeads<2>, Heads<4>>", "1:21: \"KvHeads\": "},
    {rules::SharedQkHeads{}, "Decoder<Block<Attention<KvHeads<1>, SharedQk>>, Width<128>>", "1:25: \"KvHeads\": "},
    {rules::SinusoidWidthEven{}, "Decoder<Block<Ffn<>>, Width<63>, Positions<Sinusoid>>", "1:23: \"Width\": "},
    {rules::SharedBiasHeads{}, "Decoder<Block<Attn, Attention<Heads<4>>>, Positions<SharedRelBias<32, 128>>, Width<128>>",
     "1:31: \"Heads\": "},
    {rules::SharedBiasHeads{}, "Decoder<Block<Attention<Heads<4>>, Attn>, Positions<SharedRelBias<32, 128>>, Width<128>>",
     "1:36: \"Attn\": "},
    {rules::SharedBiasHeads{}, "Decoder<Block<Ffn<>>, Positions<SharedRelBias<32, 128>>, Width<128>>", "1:23: \"Positions\": "},
    {rules::SideWithinHidden{}, "Conv<Hidden<8>, Side<9>>", "1:17: \"Side\": "},
    {rules::CapacityOfExpertChoice{}, "Moe<ExpertChoice, Capacity<0>>", "1:19: \"Capacity\": "},
    {rules::ChoicesOfRouter{}, "Moe<Experts<4>, TopK<5>>", "1:17: \"TopK\": "},
    {rules::ChoicesOfRouter{}, "Moe<Top2, Experts<1>>", "1:5: \"Top2\": "},
    {rules::RankOfDense{}, "Synthesizer<DensePlus, Rank<8>>", "1:24: \"Rank\": "},
    {rules::HeadsDivideWidth{}, "Decoder<Block<Synthesizer<Heads<3>>>, Width<128>>", "1:27: \"Heads\": "},
    {rules::HiddenEven{}, "SpatialGate<Hidden<7>>", "1:13: \"Hidden\": "},
    {rules::HeadsDivideChannels{}, "SpatialGate<Hidden<8>, Heads<3>>", "1:24: \"Heads\": "},
    {rules::HeadsDivideChannels{}, "Decoder<Block<SpatialGate<Heads<7>>>, Width<32>>", "1:27: \"Heads\": "},
    {rules::HeadsDivideChannels{}, "Decoder<Block<TokenMix<Heads<3>>>, Width<32>>", "1:24: \"Heads\": "},
    {rules::ChoicesOfRouter{}, "Moe<Experts<4>, LossFree<5>>", "1:17: \"LossFree\": "},
};

std::string message_of(std::string_view text) {
  const Result<Genome> genome = Genome::parse(text);
  return genome ? "no error: " + genome->text() : genome.error().message;
}

}  // namespace

TEST_CASE("a wrong text is refused with place, finding, sentence, what is allowed and the nearest word") {
  for (const Wrong& wrong : wrong_texts) {
    INFO(wrong.text);
    const std::string message = message_of(wrong.text);
    const std::string expected = wrong.place + std::string(wrong.rule.sentence) + wrong.rest;
    CHECK(message == expected);
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("every rule of the language is shown by a wrong text") {
  std::set<std::string_view> shown{rules::TextTooLong::sentence, rules::TooDeep::sentence, rules::TooManySubLayers::sentence,
                                   rules::TooManyParameters::sentence};  // limits.cpp
  for (const Wrong& wrong : wrong_texts) shown.insert(wrong.rule.sentence);
  const auto all_are_shown = [&]<class... Rules>(List<Rules...>) {
    (
        [&] {
          INFO(Rules::sentence);
          CHECK(shown.count(Rules::sentence) == 1);
          CHECK(Rules::sentence.size() > 15);
        }(),
        ...);
  };
  all_are_shown(into_t<BuiltinLayers, type_forms::rules_of_texts>{});
}

TEST_CASE("an error is of the input, and lines and characters count from 1") {
  const Result<Genome> wrong = Genome::parse("Decoder<\r\n  Stack<Block<Attn>, 2>,\n\tWdith<64>>");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().error_kind == ErrorKind::input);
  CHECK(wrong.error().message.substr(0, 14) == "3:2: \"Wdith\": ");
  CHECK(message_of("Program<\"\xC3\xA9\xE2\x82\xAC\"> x").substr(0, 6) == "1:15: ");
}

TEST_CASE("a guess is made only where a word is near") {
  using grammar::nearest;
  const std::vector<std::string_view> words{"Heads", "HeadDim", "DConv", "Rope"};
  CHECK(nearest("Head", words) == "Heads");
  CHECK(nearest("heads", words) == "Heads");
  CHECK(nearest("Hedas", words) == "Heads");
  CHECK(nearest("Headdim", words) == "HeadDim");
  CHECK(nearest("Conv", words) == "DConv");
  CHECK(nearest("Window", words).empty());
  CHECK(nearest(std::string(1000, 'H'), words).empty());
  CHECK(nearest("x", {}).empty());
}
