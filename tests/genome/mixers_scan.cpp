#include <rapidcheck.h>

#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

// Options in any order; canonical order; defaults and what follows from the model are left out.
static_assert(text_of<LinearAttention<ReluKernel, Features<9>, KvHeads<2>, Heads<4>>> ==
              "LinearAttention<Heads<4>, KvHeads<2>, Features<9>, ReluKernel>");
static_assert(text_of<LinearAttention<SoftmaxKernel, HeadDim<16>, Features<64>, Heads<2>, KvHeads<2>>> ==
              "LinearAttention<Heads<2>, HeadDim<16>>");
static_assert(text_of<Decoder<Block<LinearAttention<Heads<2>, HeadDim<64>, Features<256>, Rope>>, Width<128>>> ==
              "Decoder<Stack<Block<LinearAttention<>>, 1>, Width<128>>");
static_assert(text_of<Gau<Swish, HeadDim<128>>> == "Gau<>" &&
              text_of<Gau<Bias, Hidden<9>, ReLU>> == "Gau<ReLU, Hidden<9>, Bias>");
static_assert(text_of<Decoder<Block<Gau<Rope, Length<64>, Hidden<24>>>, Width<12>, Context<64>>> ==
              "Decoder<Stack<Block<Gau<>>, 1>, Width<12>, Context<64>>");
static_assert(text_of<Decoder<Block<Gau<Length<64>>>, Width<12>>> == "Decoder<Stack<Block<Gau<Length<64>>>, 1>, Width<12>>");
static_assert(text_of<Conv<Taps<11>, SideTaps<7>, LastTaps<7>, ReLU, Middle<LayerNorm>>> == "Conv<>");
static_assert(text_of<Conv<Pre<LayerNorm>, Bias, Middle<NoNorm>, LastTaps<3>, Side<4>, Swish>> ==
              "Conv<Swish, Side<4>, LastTaps<3>, Bias, Middle<NoNorm>, Pre<LayerNorm>>");
static_assert(text_of<Decoder<Block<Conv<Hidden<24>, Side<6>>>, Width<12>>> == "Decoder<Stack<Block<Conv<>>, 1>, Width<12>>");

using Mixed = Block<LinearAttention<Heads<2>, ReluKernel>, Gau<SqReLU, HeadDim<16>, NoPos>, Conv<Side<3>, Middle<RmsNorm>, Bias>>;
static_assert(
    std::same_as<type_of<"Block<LinearAttention<Heads<2>, ReluKernel>, Gau<SqReLU, HeadDim<16>, NoPos>, Conv<Side<3>, Bias, "
                         "Middle<RmsNorm>>>">,
                 canonical_t<Mixed>>);

// What is open follows the model.
constexpr ModelContext model{.width = 96, .vocab = 7, .context = 32, .positions = true, .whole = true};
constexpr auto gau = resolved(Gau<>::value, model);
static_assert(gau.hidden == 192 && gau.head_dim == 128 && gau.length == 32 && !gau.position.rotates());
constexpr auto linear = resolved(LinearAttention<Heads<3>>::value, model);
static_assert(linear.head_dim == 32 && linear.kv_heads == 3 && linear.features == 128 && !linear.position.rotates());
constexpr auto conv = resolved(Conv<>::value, model);
static_assert(conv.hidden == 192 && conv.side == 48 && conv.filter_width == 11 && conv.middle == Norm{NormKind::layer});

std::string error_of(const std::string& text) {
  const Result<Genome> genome = Genome::parse(text);
  return genome ? "read as " + genome->text() : genome.error().message;
}

}  // namespace

TEST_CASE("texts of linear attention, gated attention and convolution blocks are read and printed in their one form") {
  const std::pair<const char*, const char*> texts[] = {
      {"LinearAttention< Features<8>,Heads<2>, SoftmaxKernel >", "LinearAttention<Heads<2>, Features<8>>"},
      {"Block<LinearAttention<ReluKernel, Post<RmsNorm>>>", "Block<LinearAttention<ReluKernel, Post<RmsNorm>>>"},
      {"Decoder<Block<LinearAttention<Heads<2>, Features<256>>>, Width<128>>",
       "Decoder<Stack<Block<LinearAttention<>>, 1>, Width<128>>"},
      {"Gau<Length<12>, GeLU>", "Gau<GeLU, Length<12>>"},
      {"Decoder<Block<Gau<Length<12>>>, Context<12>>", "Decoder<Stack<Block<Gau<>>, 1>, Context<12>>"},
      {"Conv<Middle<LayerNorm>, Taps<5>, Inner<NoNorm>>", "Conv<Taps<5>>"},
  };
  for (const auto& [written, printed] : texts) {
    const Result<Genome> genome = Genome::parse(written);
    REQUIRE(genome);
    CHECK(genome->text() == printed);
    CHECK(Genome::parse(printed)->text() == printed);
  }
}

TEST_CASE("wrong options of linear attention, gated attention and convolution blocks are refused where they stand") {
  CHECK(error_of("LinearAttention<Heads<4>, KvHeads<3>>").starts_with("1:27: \"KvHeads\": KvHeads must divide Heads"));
  CHECK(error_of("Decoder<Block<LinearAttention<Heads<3>>>, Width<128>>")
            .starts_with("1:31: \"Heads\": Heads must divide Width when HeadDim is left out"));
  CHECK(error_of("LinearAttention<HeadDim<5>, Rope>").starts_with("1:17: \"HeadDim\": Rope rotates pairs of channels"));
  CHECK(
      error_of("LinearAttention<Features<0>>").starts_with("1:26: \"0\": the number is out of range; allowed: 1 to 2147483647"));
  CHECK(error_of("LinearAttention<SoftmaxKernel, ReluKernel>").starts_with("1:32: \"ReluKernel\": this is given twice"));
  CHECK(error_of("LinearAttention<Heads<2147483647>, HeadDim<2>, Features<2147483647>>")
            .starts_with("1:48: \"Features\": the model is too large"));
  CHECK(error_of("LinearAttention").starts_with("1:1: \"LinearAttention\": this word is a template"));
  CHECK(error_of("Gau<HeadDim<3>, Rope>").starts_with("1:5: \"HeadDim\": Rope rotates pairs of channels"));
  CHECK(error_of("Gau<SwiGlu>").starts_with("1:5: \"SwiGlu\": this is not an option of this part"));
  CHECK(error_of("Gau<DConv<3>>").starts_with("1:5: \"DConv\": this is not an option of this part"));
  CHECK(error_of("Conv<Hidden<8>, Side<9>>")
            .starts_with("1:17: \"Side\": the narrow branch of a Conv is added to the wide one; Side must be at most Hidden"));
  CHECK(error_of("Decoder<Block<Conv<Hidden<5>>>, Width<12>>").starts_with("1:20: \"Hidden\": the narrow branch of a Conv"));
  CHECK(error_of("Conv<Middle<ReLU>>").starts_with("1:13: \"ReLU\": this word is not known here"));
  CHECK(error_of("Conv<Tap<3>>").ends_with("did you mean \"Taps\"?"));
}

TEST_CASE("a gated attention unit follows the context that a model is given, unless its length is written") {
  const auto length = [](const std::string& text) {
    const Result<Genome> genome = Genome::parse(text).value().with_sizes(11, 16, 40);
    REQUIRE(genome);
    return genome->tree().stacks.at(0).sub_layers.at(0).resolved(genome->model_context()).get<GauLayer>().length;
  };
  CHECK(length("Decoder<Block<Gau<>>>") == 40);
  CHECK(length("Decoder<Block<Gau<>>, Context<20>>") == 40);
  CHECK(length("Decoder<Block<Gau<Length<30>>>, Context<20>>") == 30);
}

namespace {

int number(int low, int high) { return *rc::gen::inRange(low, high + 1); }
std::string with_number(const std::string& word, int n) { return word + "<" + std::to_string(n) + ">"; }

/// Some of the options of a kind in any order; each stands for a choice of one.
std::string random_text(const std::string& kind, const std::vector<std::vector<std::string>>& options) {
  std::vector<std::string> chosen;
  for (const auto& words : options)
    if (number(0, 1) == 0) chosen.push_back(*rc::gen::elementOf(words));
  for (std::size_t i = chosen.size(); i > 1; --i)
    std::swap(chosen[i - 1], chosen[static_cast<std::size_t>(number(0, static_cast<int>(i) - 1))]);
  std::string text = kind + "<";
  for (std::size_t i = 0; i < chosen.size(); ++i) text += (i == 0 ? "" : ", ") + chosen[i];
  return text + ">";
}

std::string random_mixer() {
  const std::vector<std::string> position{"Rope", "NoPos"}, activation{"ReLU", "GeLU", "Swish", "SqReLU", "Identity"};
  const std::vector<std::string> norm{"Pre<LayerNorm>", "Pre<NoNorm>", "Pre<RmsNorm>"}, post{"Post<RmsNorm>", "Post<NoNorm>"};
  switch (number(0, 2)) {
    case 0:
      return random_text("LinearAttention", {{"Heads<4>", "KvHeads<1>", "KvHeads<2>, Heads<4>"},
                                             {"HeadDim<24>", with_number("HeadDim", 2 * number(1, 99))},
                                             {"Features<96>", with_number("Features", number(1, 999))},
                                             {"SoftmaxKernel", "ReluKernel"},
                                             position,
                                             norm,
                                             post});
    case 1:
      return random_text("Gau", {activation,
                                 {"Hidden<96>", with_number("Hidden", number(1, 999))},
                                 {"HeadDim<128>", with_number("HeadDim", 2 * number(1, 99))},
                                 {"Length<32>", with_number("Length", number(1, 99))},
                                 {"Bias"},
                                 position,
                                 norm,
                                 post});
    default:
      return random_text("Conv", {activation,
                                  {"Hidden<96>", with_number("Hidden", number(40, 999))},
                                  {"Side<24>", with_number("Side", number(1, 40))},
                                  {"Taps<11>", with_number("Taps", number(1, 99))},
                                  {"SideTaps<7>", with_number("SideTaps", number(1, 99))},
                                  {"LastTaps<7>", with_number("LastTaps", number(1, 99))},
                                  {"Middle<LayerNorm>", "Middle<RmsNorm>", "Middle<NoNorm>"},
                                  {"Bias"},
                                  norm,
                                  post});
  }
}

}  // namespace

TEST_CASE("the canonical text of a random mixer reads back as the same layer, alone and in a model") {
  CHECK(rc::check("print, then parse", [] {
    const std::string mixer = random_mixer();
    for (const std::string& text : {"Block<" + mixer + ">", "Decoder<Block<" + mixer + ">, Width<48>, Context<32>>"}) {
      const Result<Genome> genome = Genome::parse(text);
      if (!genome) RC_FAIL(text + ": " + genome.error().message);
      const Result<Genome> again = Genome::parse(genome->text());
      RC_ASSERT(again->text() == genome->text());
      const auto layer_of = [](const Genome& g) { return g.tree().stacks.at(0).sub_layers.at(0).resolved(g.model_context()); };
      RC_ASSERT(layer_of(*genome) == layer_of(*again));
    }
  }));
}
