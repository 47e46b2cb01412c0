// What types say about themselves is said at compile time: this file passes by compiling.
#include <concepts>

#include "genoform/genoform.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using MyBlock = Block<Attn, Moe<Top2>, Ffn<SqReLU>>;
using Net = Decoder<Stack<MyBlock, 4>, Vocab<256>, Width<128>, Context<128>>;

// The types of a user's first page.
static_assert(text_of<Net> ==
              "Decoder<Stack<Block<Attention<>, Moe<Top2>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<128>>");
static_assert(std::same_as<type_of<"Block<Attn, Moe<Top2>, Ffn<SqReLU>>">, MyBlock>);
static_assert(activated_parameters<Net> < 2'500'000);

// Aliases are the long form.
static_assert(std::same_as<Attn, Attention<>>);
static_assert(std::same_as<SwiGlu, Glu<Swish>> && std::same_as<GeGlu, Glu<GeLU>> && std::same_as<ReGlu, Glu<ReLU>>);
static_assert(text_of<Ffn<SwiGlu>> == "Ffn<Glu<Swish>>");

// Options in any order; canonical order, defaults left out, the activation always printed.
static_assert(text_of<Attention<DConv<3>, Heads<4>>> == "Attention<Heads<4>, DConv<3>>");
static_assert(text_of<Ffn<>> == "Ffn<SqReLU>" && text_of<Moe<SqReLU, Experts<8>, Top2>> == "Moe<Top2>");
static_assert(text_of<Ffn<Bias, GeLU, Hidden<64>>> == "Ffn<GeLU, Hidden<64>, Bias>");
static_assert(text_of<Moe<ExpertChoice, Capacity<100>>> == "Moe<ExpertChoice>");
static_assert(text_of<Moe<TopK<2>>> == "Moe<TopK<2>>");
static_assert(text_of<Moe<Shared<2>, LossFree<3>, Capacity<0>>> == "Moe<LossFree<3>, Shared<2>>");
static_assert(std::same_as<type_of<"Block<Moe<Hash>, Moe<Base>, Moe<LossFree<2>>, Moe<ExpertThreshold, Shared<1>>>">,
                           Block<Moe<Hash>, Moe<Base>, Moe<LossFree<2>>, Moe<ExpertThreshold, Shared<1>>>>);
static_assert(text_of<Attention<Heads<4>, KvHeads<4>>> == "Attention<Heads<4>>");
static_assert(text_of<Attention<KvHeads<4>>> == "Attention<KvHeads<4>>");

// Norms: Pre is there unless Post or Inner is, and what says nothing is left out.
static_assert(text_of<Ffn<ReLU, Pre<RmsNorm>>> == "Ffn<ReLU>" && text_of<Ffn<ReLU, Pre<NoNorm>>> == "Ffn<ReLU, Pre<NoNorm>>");
static_assert(text_of<Ffn<ReLU, Inner<LayerNorm>, Pre<NoNorm>>> == "Ffn<ReLU, Inner<LayerNorm>>");
static_assert(text_of<Ffn<ReLU, Post<RmsNorm>, Pre<RmsNorm>>> == "Ffn<ReLU, Pre<RmsNorm>, Post<RmsNorm>>");
static_assert(text_of<Ffn<ReLU, Post<NoNorm>>> == "Ffn<ReLU>");
static_assert(Ffn<Inner<LayerNorm>>::value.pre == Norm{NormKind::none} && Ffn<>::value.pre == Norm{NormKind::rms});

// What depends on the model stays open in a part and is left out of a model that gives it.
static_assert(text_of<Block<Attention<Rope, Heads<2>>>> == "Block<Attention<Heads<2>, Rope>>");
static_assert(text_of<Decoder<Block<Attention<Rope, Heads<2>>>>> == "Decoder<Stack<Block<Attention<Heads<2>>>, 1>>");
static_assert(text_of<Decoder<Block<Attention<Rope, Heads<2>>>, Width<128>>> ==
              "Decoder<Stack<Block<Attention<>>, 1>, Width<128>>");
static_assert(text_of<Decoder<Block<Ffn<Glu<ReLU>, Hidden<344>>>, Width<128>>> ==
              "Decoder<Stack<Block<Ffn<Glu<ReLU>>>, 1>, Width<128>>");
static_assert(text_of<Decoder<Block<Attn>, Positions<None>, FinalNorm<RmsNorm>>> == "Decoder<Stack<Block<Attention<>>, 1>>");

// A body of one stack is the stack; several stay, also equal ones.
using One = Stack<Block<Attn>, 2>;
static_assert(text_of<Decoder<Body<One>>> == "Decoder<Stack<Block<Attention<>>, 2>>");
static_assert(text_of<Decoder<Body<One, One>>> == "Decoder<Body<Stack<Block<Attention<>>, 2>, Stack<Block<Attention<>>, 2>>>");
static_assert(text_of<One> == "Stack<Block<Attention<>>, 2>" && text_of<Body<One>> == "Body<Stack<Block<Attention<>>, 2>>");

// canonical_t is the one spelling: its text is the same, its type does not depend on how the model was spelled.
using Spelled1 =
    Decoder<Body<Stack<Block<Moe<Hidden<344>, SwiGlu, Top1>, Attention<NoPos, Heads<2>>>, 3>>, Context<64>, Width<128>>;
using Spelled2 = Decoder<Stack<Block<Moe<Top1, Glu<Swish>>, Attention<NoPos>>, 3>, Width<128>, FinalNorm<RmsNorm>, Context<64>>;
static_assert(!std::same_as<Spelled1, Spelled2> && std::same_as<canonical_t<Spelled1>, canonical_t<Spelled2>>);
static_assert(text_of<Spelled1> == text_of<Spelled2> && text_of<canonical_t<Spelled1>> == text_of<Spelled1>);
static_assert(std::same_as<canonical_t<Block<Ffn<>>>, Block<Ffn<SqReLU>>> && std::same_as<canonical_t<Ffn<>>, Ffn<SqReLU>>);

// type_of gives the canonical type of any spelling of the text.
static_assert(std::same_as<type_of<" Decoder < Body<Stack<Block<Moe<SwiGlu,Top1,Hidden<344>>,Attention<Heads<2>, NoPos>>,3>>\n,"
                                   "\tContext<64>,Width<128>> ">,
                           canonical_t<Spelled1>>);
static_assert(std::same_as<type_of<"Decoder<Block<Attn>, Width<64>>">, Decoder<Stack<Block<Attention<>>, 1>, Width<64>>>);
static_assert(std::same_as<type_of<"Body<Stack<Block<Ffn<>>, 2>, Stack<Block<Moe<TopK<3>>>, 2>>">,
                           Body<Stack<Block<Ffn<SqReLU>>, 2>, Stack<Block<Moe<TopK<3>>>, 2>>>);
static_assert(
    std::same_as<type_of<"Attention<KvHeads<1>, Inner<NoNorm>, Pre<LayerNorm>>">, Attention<KvHeads<1>, Pre<LayerNorm>>>);

// Values after resolving are concrete.
constexpr AttentionLayer attention = resolved(Attention<KvHeads<2>>::value, {.width = 200, .whole = true});
static_assert(attention.heads == 3 && attention.head_dim == by_width);  // 200 / 3 is not whole: refused in a model
constexpr AttentionLayer wide = resolved(Attn::value, {.width = 256, .whole = true});
static_assert(wide.heads == 4 && wide.head_dim == 64 && wide.kv_heads == 4 && wide.dconv == absent);
static_assert(wide.position.kind == PositionKind::rope);
static_assert(resolved(Attn::value, {.width = 32}).heads == 1 && resolved(Attn::value, {.width = 32}).head_dim == 32);
static_assert(resolved(Ffn<>::value, {.width = 96}).hidden == 384);
static_assert(resolved(Ffn<SwiGlu>::value, {.width = 96}).hidden == 256 &&
              resolved(Ffn<SwiGlu>::value, {.width = 100}).hidden == 272);
static_assert(Moe<ExpertChoice>::value.capacity == 100 && Moe<Top2>::value.capacity == 0 && Moe<TopK<3>>::value.router.k == 3);

// The model's values and stacks, as the rest of the library reads them.
static_assert(decoder_of<Net>.vocab == 256 && decoder_of<Net>.width == 128 && decoder_of<Net>.context == 128);
static_assert(decoder_of<Decoder<Block<Attn>, FinalNorm<LayerNorm>>>.final_norm.kind == NormKind::layer);
static_assert(std::same_as<stacks_of<Decoder<Body<One, Stack<MyBlock, 3>>>>,
                           List<StackParts<2, Attn>, StackParts<3, Attn, Moe<Top2>, Ffn<SqReLU>>>>);
static_assert(std::same_as<typename Moe<Top2>::layer_type, MoeLayer>);

}  // namespace

TEST_CASE("the text of a type is the text that the run-time side prints") {
  const auto printed = [](std::string_view text) { return Genome::parse(text)->text(); };
  CHECK(printed(text_of<Net>) == text_of<Net>);
  CHECK(printed("Decoder<Body<Stack<Block<Moe<Hidden<344>, SwiGlu, Top1>, Attention<NoPos, Heads<2>>>, 3>>, Context<64>, "
                "Width<128>>") == text_of<Spelled1>);
  CHECK(Genome::parse(text_of<Net>)->parameters() == static_cast<double>(parameters<Net>));
  CHECK(printed("Block<Attention<Rope, Heads<2>>>") == text_of<Block<Attention<Rope, Heads<2>>>>);
}
