#include <set>
#include <string>
#include <string_view>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;

namespace {

struct Wrong {
  Rule rule;
  const char* text;
  const char* place;      ///< LINE:COLUMN: "what was found":
  const char* rest = "";  ///< what follows the sentence
};

constexpr const char* norms = "; allowed: RmsNorm, LayerNorm, PrimerNorm, NoNorm";

const Wrong wrong_texts[] = {
    {Rule::empty_text, "", "1:1: "},
    {Rule::empty_text, " \n ", "1:1: "},
    {Rule::bad_character, "Block<Attn; Attn>", "1:11: \";\": "},
    {Rule::bad_character, "Block<-3>", "1:7: \"-\": "},
    {Rule::bad_character, "Ffn<\xC3\xA9>", "1:5: \"\xC3\xA9\": "},
    {Rule::bad_character, "Block<\x01>", "1:7: \"\\x01\": "},
    {Rule::argument_missing, "Ffn<ReLU,>", "1:10: \">\": "},
    {Rule::argument_missing, "Ffn<,ReLU>", "1:5: \",\": "},
    {Rule::argument_missing, ">", "1:1: \">\": "},
    {Rule::close_missing, "Block<Attn", "1:11: "},
    {Rule::close_missing, "Block<Attn, ", "1:12: "},
    {Rule::close_missing, "Block<\n  Ffn<ReLU>\n", "2:12: "},
    {Rule::close_missing, "Block<", "1:7: "},
    {Rule::separator_missing, "Block<Attn Attn>", "1:12: \"Attn\": "},
    {Rule::separator_missing, "Ffn<Hidden<8x>>", "1:13: \"x\": "},
    {Rule::text_goes_on, "Block<Attn>>", "1:12: \">\": "},
    {Rule::text_goes_on, "Attn, Attn", "1:5: \",\": "},
    {Rule::bad_number, "Attention<Heads<08>>", "1:17: \"08\": "},
    {Rule::number_too_large, "Attention<Heads<2147483648>>", "1:17: \"2147483648\": "},
    {Rule::number_too_large, "Attention<Heads<99999999999999999999999>>", "1:17: \"99999999999999999999999\": "},
    {Rule::string_open, "Program<\"abc>", "1:9: \"\"\": "},
    {Rule::bad_escape, "Program<\"a\\n\">", "1:11: \"\\\": "},
    {Rule::string_here, "Ffn<\"ReLU\">", "1:5: \"\"\": "},
    {Rule::unknown_word, "Ffn<Pre<RMSNorm>>",
     "1:9: \"RMSNorm\": ", "; allowed: RmsNorm, LayerNorm, PrimerNorm, NoNorm; did you mean \"RmsNorm\"?"},
    {Rule::unknown_word, "Decoder<Block<Attn>, FinalNorm<Xyzzy>>", "1:32: \"Xyzzy\": ", norms},
    {Rule::unknown_option, "Block<Attention<Hedas<8>>>", "1:17: \"Hedas\": ",
     "; allowed: Heads, HeadDim, KvHeads, DConv, SharedQk, Rope, NoPos, RelBias, Window, QkNorm, Pre, Post, Inner; did you mean "
     "\"Heads\"?"},
    {Rule::unknown_option, "Ffn<swiglu>", "1:5: \"swiglu\": ",
     "; allowed: ReLU, GeLU, Swish, SqReLU, Identity, Glu, Hidden, Bias, Pre, Post, Inner; did you mean \"SwiGlu\"?"},
    {Rule::unknown_option, "Decoder<Block<Attn>, Heads<8>>",
     "1:22: \"Heads\": ", "; allowed: Vocab, Width, Context, Positions, FinalNorm, Untied, LogitScale"},
    {Rule::unknown_kind, "Block<Atention<>>", "1:7: \"Atention\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel; did you mean "
     "\"Attention\"?"},
    {Rule::unknown_kind, "Block<Block<Attn>>", "1:7: \"Block\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel"},
    {Rule::stray_number, "Ffn<ReLU, 8>", "1:11: \"8\": "},
    {Rule::stray_number, "Block<8>", "1:7: \"8\": "},
    {Rule::needs_number, "Attention<Heads>", "1:11: \"Heads\": "},
    {Rule::needs_number, "Attention<Heads<>>", "1:11: \"Heads\": "},
    {Rule::needs_number, "Attention<Heads<ReLU>>", "1:17: \"ReLU\": "},
    {Rule::needs_number, "Attention<Heads<1, 2>>", "1:11: \"Heads\": "},
    {Rule::needs_number, "Moe<TopK>", "1:5: \"TopK\": "},
    {Rule::needs_choice, "Ffn<Pre>", "1:5: \"Pre\": "},
    {Rule::needs_choice, "Ffn<Pre<8>>", "1:9: \"8\": "},
    {Rule::glu_form, "Ffn<Glu>", "1:5: \"Glu\": "},
    {Rule::glu_form, "Ffn<Glu<SwiGlu>>", "1:9: \"SwiGlu\": "},
    {Rule::glu_form, "Ffn<Glu<Swsh>>", "1:9: \"Swsh\": ", "; did you mean \"Swish\"?"},
    {Rule::needs_brackets, "Attention", "1:1: \"Attention\": "},
    {Rule::needs_brackets, "Block<Ffn, Moe>", "1:7: \"Ffn\": "},
    {Rule::needs_brackets, "Stack", "1:1: \"Stack\": "},
    {Rule::no_arguments, "Block<Attn<>>", "1:7: \"Attn\": "},
    {Rule::no_arguments, "Ffn<SwiGlu<ReLU>>", "1:5: \"SwiGlu\": "},
    {Rule::no_arguments, "Ffn<ReLU<>>", "1:5: \"ReLU\": "},
    {Rule::no_arguments, "Moe<Top2<2>>", "1:5: \"Top2\": "},
    {Rule::no_arguments, "Ffn<Bias<8>>", "1:5: \"Bias\": "},
    {Rule::given_twice, "Attention<Heads<2>, DConv<3>, Heads<2>>", "1:31: \"Heads\": "},
    {Rule::given_twice, "Attention<Rope, NoPos>", "1:17: \"NoPos\": "},
    {Rule::given_twice, "Moe<Top2, ExpertChoice>", "1:11: \"ExpertChoice\": "},
    {Rule::given_twice, "Decoder<Block<Attn>, Width<8>, Width<8>>", "1:32: \"Width\": "},
    {Rule::out_of_range, "Attention<Heads<0>>", "1:17: \"0\": ", "; allowed: 1 to 2147483647"},
    {Rule::out_of_range, "Stack<Block<Attn>, 0>", "1:20: \"0\": ", "; allowed: 1 to 2147483647"},
    {Rule::out_of_range, "Moe<TopK<0>>", "1:10: \"0\": ", "; allowed: 1 to 2147483647"},
    {Rule::router_missing, "Block<Moe<Experts<4>>>", "1:7: \"Moe\": "},
    {Rule::block_empty, "Stack<Block<>, 2>", "1:7: \"Block\": "},
    {Rule::parallel_empty, "Block<Parallel<Pre<LayerNorm>>>", "1:7: \"Parallel\": "},
    {Rule::parallel_form, "Parallel<Attn, Heads<8>>", "1:16: \"Heads\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Pre, Post, Inner"},
    {Rule::parallel_form, "Parallel<Atn, Ffn<>>", "1:10: \"Atn\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Pre, Post, Inner; did you "
     "mean \"Attn\"?"},
    {Rule::parallel_form, "Parallel<Block<Attn>>", "1:10: \"Block\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Pre, Post, Inner"},
    {Rule::parallel_in_parallel, "Block<Parallel<Attn, Parallel<Attn>>>", "1:22: \"Parallel\": "},
    {Rule::parallel_part_norms, "Parallel<Attn, Ffn<ReLU, Pre<RmsNorm>>>", "1:26: \"Pre\": "},
    {Rule::parallel_part_norms, "Parallel<Attention<Inner<NoNorm>>>", "1:20: \"Inner\": "},
    {Rule::needs_brackets, "Block<Parallel>", "1:7: \"Parallel\": "},
    {Rule::given_twice, "Parallel<Post<RmsNorm>, Attn, Post<RmsNorm>>", "1:31: \"Post\": "},
    {Rule::unknown_word, "Parallel<Attn, Inner<Foo>>", "1:22: \"Foo\": ", norms},
    {Rule::stray_number, "Parallel<Attn, 2>", "1:16: \"2\": "},
    {Rule::string_here, "Parallel<\"Pre\">", "1:10: \"\"\": "},
    {Rule::heads_divide_width, "Decoder<Block<Parallel<Ffn<>, Attention<Heads<3>>>>, Width<128>>", "1:41: \"Heads\": "},
    {Rule::string_here, "Attention<\"x\">", "1:11: \"\"\": "},
    {Rule::stack_form, "Stack<Block<Attn>>", "1:1: \"Stack\": "},
    {Rule::stack_form, "Stack<>", "1:1: \"Stack\": "},
    {Rule::stack_form, "Stack<Attn, 2>", "1:7: \"Attn\": "},
    {Rule::stack_form, "Stack<Block<Attn>, Attn>", "1:20: \"Attn\": "},
    {Rule::stack_form, "Stack<Block<Attn>, 2, 3>", "1:23: \"3\": "},
    {Rule::stack_form, "Stack<Blok<Attn>, 2>", "1:7: \"Blok\": ", "; did you mean \"Block\"?"},
    {Rule::body_form, "Decoder<Body<>>", "1:9: \"Body\": "},
    {Rule::body_form, "Body<Block<Attn>>", "1:6: \"Block\": "},
    {Rule::decoder_form, "Decoder<>", "1:1: \"Decoder\": "},
    {Rule::decoder_form, "Decoder<Attn>", "1:9: \"Attn\": "},
    {Rule::decoder_form, "Decoder<Stak<Block<Attn>, 2>>", "1:9: \"Stak\": ", "; did you mean \"Stack\"?"},
    {Rule::decoder_form, "Decoder<Width<8>, Block<Attn>>", "1:9: \"Width\": "},
    {Rule::not_a_part, "Heads<8>", "1:1: \"Heads\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel"},
    {Rule::not_a_part, "Decodr<Block<Attn>>", "1:1: \"Decodr\": ",
     "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel; did you mean "
     "\"Decoder\"?"},
    {Rule::not_a_part, "8",
     "1:1: \"8\": ", "; allowed: Attention, Ffn, Moe, LinearAttention, Synthesizer, Gau, SpatialGate, TokenMix, Conv, Parallel"},
    {Rule::heads_divide_width, "Decoder<Block<Ffn<ReLU>, Attention<DConv<3>, Heads<3>>>, Width<128>>", "1:46: \"Heads\": "},
    {Rule::heads_divide_width, "Decoder<Block<Attention<DConv<3>>>, Width<200>>", "1:15: \"Attention\": "},
    {Rule::kv_heads_divide_heads, "Attention<KvHeads<3>, Heads<4>>", "1:11: \"KvHeads\": "},
    {Rule::kv_heads_divide_heads, "Decoder<Block<Attention<KvHeads<3>>>, Width<128>>", "1:25: \"KvHeads\": "},
    {Rule::head_dim_even, "Attention<HeadDim<33>, Rope>", "1:11: \"HeadDim\": "},
    {Rule::head_dim_even, "Decoder<Block<Attention<HeadDim<33>>>>", "1:25: \"HeadDim\": "},
    {Rule::head_dim_even, "Decoder<Block<Attention<Heads<2>, Rope>>, Width<66>>", "1:35: \"Rope\": "},
    {Rule::head_dim_even, "Decoder<Block<Attn>, Width<63>>", "1:15: \"Attn\": "},
    {Rule::needs_two_numbers, "Attention<RelBias>", "1:11: \"RelBias\": "},
    {Rule::needs_two_numbers, "Attention<RelBias<32>>", "1:11: \"RelBias\": "},
    {Rule::needs_two_numbers, "Attention<RelBias<32, Rope>>", "1:23: \"Rope\": "},
    {Rule::needs_two_numbers, "Decoder<Block<Attn>, Positions<SharedRelBias<1, 2, 3>>>", "1:32: \"SharedRelBias\": "},
    {Rule::out_of_range, "Attention<RelBias<1, 128>>", "1:19: \"1\": ", "; allowed: 2 to 2147483647"},
    {Rule::out_of_range, "Attention<Window<0>>", "1:18: \"0\": ", "; allowed: 1 to 2147483647"},
    {Rule::bias_distance, "Attention<RelBias<32, 16>>", "1:11: \"RelBias\": "},
    {Rule::bias_distance, "Decoder<Block<Attn>, Positions<SharedRelBias<2, 1>>>", "1:32: \"SharedRelBias\": "},
    {Rule::given_twice, "Attention<RelBias<32, 128>, Rope>", "1:29: \"Rope\": "},
    {Rule::no_arguments, "Attention<SharedQk<2>>", "1:11: \"SharedQk\": "},
    {Rule::unknown_word, "Decoder<Block<Attn>, Positions<Rope>>",
     "1:32: \"Rope\": ", "; allowed: None, Sinusoid, Learned, SharedRelBias"},
    {Rule::unknown_word, "Decoder<Block<Attn>, LogitScale<Width>>", "1:33: \"Width\": ", "; allowed: WidthRsqrt"},
    {Rule::shared_qk_heads, "Attention<SharedQk, KvHeads<2>, Heads<4>>", "1:21: \"KvHeads\": "},
    {Rule::shared_qk_heads, "Decoder<Block<Attention<KvHeads<1>, SharedQk>>, Width<128>>", "1:25: \"KvHeads\": "},
    {Rule::sinusoid_width_even, "Decoder<Block<Ffn<>>, Width<63>, Positions<Sinusoid>>", "1:23: \"Width\": "},
    {Rule::shared_bias_heads, "Decoder<Block<Attn, Attention<Heads<4>>>, Positions<SharedRelBias<32, 128>>, Width<128>>",
     "1:31: \"Heads\": "},
    {Rule::shared_bias_heads, "Decoder<Block<Attention<Heads<4>>, Attn>, Positions<SharedRelBias<32, 128>>, Width<128>>",
     "1:36: \"Attn\": "},
    {Rule::shared_bias_heads, "Decoder<Block<Ffn<>>, Positions<SharedRelBias<32, 128>>, Width<128>>", "1:23: \"Positions\": "},
    {Rule::side_within_hidden, "Conv<Hidden<8>, Side<9>>", "1:17: \"Side\": "},
    {Rule::capacity_of_expert_choice, "Moe<ExpertChoice, Capacity<0>>", "1:19: \"Capacity\": "},
    {Rule::choices_of_router, "Moe<Experts<4>, TopK<5>>", "1:17: \"TopK\": "},
    {Rule::choices_of_router, "Moe<Top2, Experts<1>>", "1:5: \"Top2\": "},
    {Rule::rank_of_dense, "Synthesizer<DensePlus, Rank<8>>", "1:24: \"Rank\": "},
    {Rule::heads_divide_width, "Decoder<Block<Synthesizer<Heads<3>>>, Width<128>>", "1:27: \"Heads\": "},
    {Rule::hidden_even, "SpatialGate<Hidden<7>>", "1:13: \"Hidden\": "},
    {Rule::heads_divide_channels, "SpatialGate<Hidden<8>, Heads<3>>", "1:24: \"Heads\": "},
    {Rule::heads_divide_channels, "Decoder<Block<SpatialGate<Heads<7>>>, Width<32>>", "1:27: \"Heads\": "},
    {Rule::heads_divide_channels, "Decoder<Block<TokenMix<Heads<3>>>, Width<32>>", "1:24: \"Heads\": "},
    {Rule::choices_of_router, "Moe<Experts<4>, LossFree<5>>", "1:17: \"LossFree\": "},
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
    const std::string expected = wrong.place + std::string(sentence_of(wrong.rule)) + wrong.rest;
    CHECK(message == expected);
    CHECK(message.find('\n') == std::string::npos);
  }
}

TEST_CASE("every rule of the language is shown by a wrong text") {
  std::set<Rule> shown{Rule::text_too_long, Rule::too_deep, Rule::too_many_sub_layers, Rule::too_many_parameters,  // limits.cpp
                       Rule::name_missing};                                                                        // types only
  for (const Wrong& wrong : wrong_texts) shown.insert(wrong.rule);
  for (int rule = 1; rule <= static_cast<int>(Rule::name_missing); ++rule) {
    INFO(sentence_of(static_cast<Rule>(rule)));
    CHECK(shown.count(static_cast<Rule>(rule)) == 1);
  }
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
