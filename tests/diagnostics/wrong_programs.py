"""Programs that must not compile, each with the sentence and the names that the compiler has to show."""

from dataclasses import dataclass


@dataclass
class WrongProgram:
    title: str
    code: str                       # the body of a file that includes genoform.hpp and uses its namespace
    sentence: str                   # what the error says
    names: tuple[str, ...] = ()     # the part and the option to blame, as the compiler prints types
    names_of_gcc: tuple[str, ...] = ()  # what only g++ shows (texts as template arguments)


# A layer of a user's own with a rule of its own.
OWN_LAYER = """template <int N> struct Steps : Numbers<"Steps", N> {};
GENOFORM_RULE(EvenSteps, "Steps of a Shift must be even");
template <class... Options> struct Shift;
struct ShiftLayer : Normed {
  static constexpr std::string_view name = "Shift";
  template <class... Options> using type = Shift<Options...>;
  int steps = 2;
  static constexpr auto options() { return Table{count<Steps, &ShiftLayer::steps>()}; }
  constexpr auto violation(const ModelContext&) const { return Violations{refuse_if<EvenSteps>(steps % 2 != 0, "Steps")}; }
};
template <class... Options> struct Shift : Part<ShiftLayer, Options...> {};
"""

WRONG_PROGRAMS = [
    WrongProgram("an option of another kind", "Ffn<SqReLU, Heads<8>> layer;",
                 "this is not an option of this part", ("Ffn", "Heads<8>", "Hidden<1>")),
    WrongProgram("an option of a part in a model", "Decoder<Stack<Block<Attn>, 2>, Heads<8>> net;",
                 "this is not an option of this part", ("Decoder<", "Heads<8>", "Vocab<1>")),
    WrongProgram("an option twice", "Attention<Heads<2>, DConv<3>, Heads<4>> layer;",
                 "this is given twice; give it once", ("Attention", "Heads<4>")),
    WrongProgram("two activations", "Ffn<ReLU, GeLU> layer;", "this is given twice; give it once", ("Ffn", "GeLU")),
    WrongProgram("a number out of range", "Attention<Heads<0>> layer;", "the number is out of range", ("Attention", "Heads<0>")),
    WrongProgram("no router", "Moe<Experts<4>> layer;", "the router is missing; a Moe starts with one", ("Moe", "Experts<4>")),
    WrongProgram("two routers", "Moe<Top1, ExpertChoice> layer;", "this is given twice; give it once", ("Moe", "ExpertChoice")),
    WrongProgram("more choices than experts", "Moe<TopK<5>, Experts<4>> layer;",
                 "a router cannot choose more experts than there are", ("Moe", "TopK<5>")),
    WrongProgram("more choices than experts of loss-free balancing", "Moe<Experts<4>, LossFree<5>> layer;",
                 "a router cannot choose more experts than there are", ("Moe", "LossFree<5>")),
    WrongProgram("expert choice without capacity", "Moe<ExpertChoice, Capacity<0>> layer;",
                 "ExpertChoice fills a fixed capacity; Capacity must be at least 1", ("Moe", "Capacity<0>")),
    WrongProgram("a gate in a gate", "Ffn<Glu<SwiGlu>> layer;", "Glu takes exactly one plain activation", ("Ffn", "Glu<genoform::inner::layers::Glu<")),
    WrongProgram("a norm that is none", "Ffn<Pre<ReLU>> layer;", "this word is not known here", ("Ffn", "Pre<genoform::inner::layers::ReLU")),
    WrongProgram("key heads that do not divide", "Attention<KvHeads<3>, Heads<4>> layer;",
                 "KvHeads must divide Heads", ("Attention", "KvHeads<3>")),
    WrongProgram("queries made of keys that are shared", "Attention<KvHeads<2>, Heads<4>, SharedQk> layer;",
                 "SharedQk makes the queries from the keys, so KvHeads must equal Heads", ("Attention", "KvHeads<2>")),
    WrongProgram("a relative bias of one number", "struct RelBias2 : Numbers<\"RelBias\", 32> {};\nAttention<RelBias2> layer;",
                 "this word takes exactly two numbers, as in RelBias<32, 128>", ("Attention", "RelBias2")),
    WrongProgram("a relative bias of one bucket", "Attention<RelBias<1, 128>> layer;",
                 "the number is out of range", ("Attention", "RelBias<1, 128>")),
    WrongProgram("a relative bias whose distance is too short", "Attention<RelBias<32, 16>> layer;",
                 "the distance of a relative bias must be more than half its buckets", ("Attention", "RelBias<32, 16>")),
    WrongProgram("an odd rotation", "Attention<HeadDim<33>, Rope> layer;",
                 "Rope rotates pairs of channels, so HeadDim must be even", ("Attention", "HeadDim<33>")),
    WrongProgram("heads that do not divide the model's width", "Decoder<Stack<Block<Ffn<>, Attention<DConv<3>, Heads<3>>>, 2>, Width<128>> net;",
                 "Heads must divide Width when HeadDim is left out", ("Attention<", "Heads<3>")),
    WrongProgram("an odd rotation that the model's width makes", "Decoder<Block<Attn>, Width<63>> net;",
                 "Rope rotates pairs of channels, so HeadDim must be even", ("Attention<>",)),
    WrongProgram("an odd rotation of a gated attention unit", "Gau<HeadDim<33>, Rope> layer;",
                 "Rope rotates pairs of channels, so HeadDim must be even", ("Gau", "HeadDim<33>")),
    WrongProgram("a gate in a gated attention unit", "Gau<Glu<Swish>> layer;", "this is not an option of this part", ("Gau", "Glu<genoform::inner::layers::Swish")),
    WrongProgram("key heads that do not divide in linear attention", "LinearAttention<Heads<4>, KvHeads<3>> layer;",
                 "KvHeads must divide Heads", ("LinearAttention", "KvHeads<3>")),
    WrongProgram("no features", "LinearAttention<Features<0>> layer;", "the number is out of range", ("LinearAttention", "Features<0>")),
    WrongProgram("a narrow branch that is wider than the wide one", "Conv<Hidden<8>, Side<9>> layer;",
                 "the narrow branch of a Conv is added to the wide one; Side must be at most Hidden", ("Conv", "Side<9>")),
    WrongProgram("sinusoids of an odd width", "Decoder<Block<Ffn<>>, Positions<Sinusoid>, Width<63>> net;",
                 "Sinusoid has a sine and a cosine of each angle, so Width must be even", ("Decoder<", "Width<63>")),
    WrongProgram("a shared bias for unequal heads",
                 "Decoder<Block<Attn, Ffn<>, Attention<Heads<4>>>, Width<128>, Positions<SharedRelBias<32, 128>>> net;",
                 "SharedRelBias is one table for all attention layers", ("Decoder<", "Heads<4>")),
    WrongProgram("a shared bias for no attention", "Decoder<Block<Ffn<>>, Width<128>, Positions<SharedRelBias<32, 128>>> net;",
                 "SharedRelBias is one table for all attention layers", ("Decoder<", "Ffn<>")),
    WrongProgram("a shared bias in a text", 'using T = type_of<"Decoder<Block<Attn, Attention<Heads<4>>>, Width<128>, Positions<SharedRelBias<32, 128>>>">;',
                 "SharedRelBias is one table for all attention layers", ("At<1, 31>",)),
    WrongProgram("too large a matrix", "Decoder<Block<Ffn<ReLU, Hidden<2147483647>>>, Width<1000000>> net;",
                 "the model is too large; parameters must stay below 2^48", ("Ffn<", "Hidden<2147483647>")),
    WrongProgram("factors of a table that there is not", "Synthesizer<DenseLogits, Rank<8>> layer;",
                 "Rank factors the table of RandomLogits and RandomPlus", ("Synthesizer", "Rank<8>")),
    WrongProgram("an odd spatial gate", "SpatialGate<Hidden<7>> layer;", "Hidden must be even", ("SpatialGate", "Hidden<7>")),
    WrongProgram("heads that do not divide the mixed channels", "Decoder<Block<TokenMix<Heads<3>>>, Width<32>> net;",
                 "Heads must divide the mixed channels", ("TokenMix<", "Heads<3>")),
    WrongProgram("an empty block", "Block<> block;", "the Block is empty; it needs at least one sub-layer", ("Block<>",)),
    WrongProgram("an option in a block", "Block<Attn, Heads<8>> block;", "this is not a sub-layer; a Block holds sub-layers", ("Block<", "Heads<8>")),
    WrongProgram("a number type in a block", "Block<Attn, int> block;", "this is not a sub-layer; a Block holds sub-layers", ("Block<", "int")),
    WrongProgram("an empty parallel", "Block<Parallel<Pre<LayerNorm>>> block;", "the Parallel is empty; it needs at least one part", ("Parallel<", "Pre<")),
    WrongProgram("an option in a parallel", "Parallel<Attn, Heads<8>> layer;",
                 "this is neither a sub-layer nor a norm; a Parallel holds sub-layers", ("Parallel<", "Heads<8>")),
    WrongProgram("a number type in a parallel", "Parallel<int, Attn> layer;",
                 "this is neither a sub-layer nor a norm; a Parallel holds sub-layers", ("Parallel<", "int")),
    WrongProgram("a parallel in a parallel", "Block<Parallel<Attn, Parallel<Ffn<>>>> block;",
                 "a Parallel does not stand in a Parallel; write all parts in one", ("Parallel<", "Ffn<>")),
    WrongProgram("a norm of a part", "Parallel<Attn, Ffn<ReLU, Pre<RmsNorm>>> layer;",
                 "a part of a Parallel has no norms of its own", ("Parallel<", "Ffn<")),
    WrongProgram("a norm of a parallel twice", "Parallel<Post<RmsNorm>, Attn, Post<LayerNorm>> layer;",
                 "this is given twice; give it once", ("Parallel<", "Post<genoform::inner::layers::LayerNorm")),
    WrongProgram("a norm of a parallel that is none", "Parallel<Attn, Inner<ReLU>> layer;", "this word is not known here", ("Inner<genoform::inner::layers::ReLU",)),
    WrongProgram("a part that does not fit the model", "Decoder<Block<Parallel<Ffn<>, Attention<Heads<3>>>>, Width<128>> net;",
                 "Heads must divide Width when HeadDim is left out", ("Attention<", "Heads<3>")),
    WrongProgram("a norm of a part in a text", 'using T = type_of<"Parallel<Ffn<Post<RmsNorm>>>">;',
                 "a part of a Parallel has no norms of its own", ("At<1, 14>",)),
    WrongProgram("a stack without a block", "Stack<Attn, 4> stack;", "a Stack takes a Block and a count", ("Stack<", "Attention<>")),
    WrongProgram("a stack of none", "Stack<Block<Attn>, 0> stack;", "a Stack takes a Block and a count", ("Stack<", "Block<")),
    WrongProgram("a model without a body", "Decoder<Width<64>, Vocab<256>> net;", "a Decoder starts with its body", ("Decoder<", "Width<64>")),
    WrongProgram("a body of blocks", "Decoder<Body<Block<Attn>>, Width<64>> net;", "a Decoder starts with its body", ("Body<", "Block<")),
    WrongProgram("a type in the options", "Ffn<ReLU, int> layer;", "this is not an option of this part", ("Ffn", "int")),
    WrongProgram("a layer without a name has no text",
                 "struct Mine { struct Weights {}; };\nauto text = text_of<Block<Mine>>;",
                 "a layer needs a name for its text", ("Mine",)),
    WrongProgram("a layer without a backward pass",
                 'struct Mine { static constexpr std::string_view name = "Mine"; struct Weights {}; struct Saved {};\n'
                 "  constexpr void declare(Weights&, Declaration&) const {}\n"
                 "  constexpr void forward(auto&, const Weights&, Saved&, Tensor, Tensor) const {} };\n"
                 "auto cost = cost_of_part<Block<Mine>>(8, {1, 8});",
                 "a layer needs backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const", ("Mine",)),
    WrongProgram("the text of what is no part", "auto text = text_of<Heads<8>>;", "this is neither a model nor a part", ("Heads<8>",)),
    WrongProgram("a wrong word in a text", 'using T = type_of<"Block<Attention<Hedas<8>>>">;',
                 "this is not an option of this part", ("At<1, 17>",), ("Hedas",)),
    WrongProgram("a wrong form of a text", 'using T = type_of<"Block<Attn">;', "a > is missing; every < needs its >", ("At<1, 11>",), ("Block<Attn",)),
    WrongProgram("a wrong size in a text", 'using T = type_of<"Decoder<Block<Attention<Heads<3>>>, Width<128>>">;',
                 "Heads must divide Width when HeadDim is left out", ("At<1, 25>",)),
    WrongProgram("a user's kind that the text does not know", 'using T = type_of<"Block<Shift<>>">;',
                 "this is not a sub-layer; a Block holds sub-layers", ("At<1, 7>",), ("Shift",)),
    WrongProgram("a misspelt activation in a text", 'using T = type_of<"Block<Ffn<SqRelu>>">;',
                 "this is not an option of this part",
                 ("At<1, 11>", "Found<'S', 'q', 'R', 'e', 'l', 'u'>", "DidYouMean<'S', 'q', 'R', 'e', 'L', 'U'>")),
    WrongProgram("a misspelt norm in a text", 'using T = type_of<"Ffn<Pre<RmsNrm>>">;',
                 "this word is not known here", ("At<1, 9>", "DidYouMean<'R', 'm', 's', 'N', 'o', 'r', 'm'>")),
    WrongProgram("a misspelt kind in a text", 'using T = type_of<"Block<Atn>">;',
                 "this is not a sub-layer; a Block holds sub-layers", ("Found<'A', 't', 'n'>", "DidYouMean<'A', 't', 't', 'n'>")),
    WrongProgram("a rule of a layer of one's own", OWN_LAYER + "Shift<Steps<3>> layer;",
                 "Steps of a Shift must be even", ("Shift<Steps<3>", "Steps<3>")),
    WrongProgram("a rule of a layer of one's own in a text", OWN_LAYER + 'using T = type_of<"Block<Shift<Steps<3>>>", List<ShiftLayer>>;',
                 "Steps of a Shift must be even", ("At<1, 13>",)),
    WrongProgram("a rule of a router of one's own", '#include "tests/extending/own_router.hpp"\nMoe<mine::Fair<2>, Capacity<50>> layer;',
                 "Fair drops no token; leave Capacity out", ("Moe<mine::Fair<2>", "Capacity<50>")),
    WrongProgram("a router of one's own beside another", '#include "tests/extending/own_router.hpp"\nMoe<Top1, mine::Fair<2>> layer;',
                 "this is given twice; give it once", ("Moe<", "mine::Fair<2>")),
    WrongProgram("the parameters of a model without a width",
                 "using Net = Decoder<Block<Ffn<>>, Vocab<256>, Context<64>>;\nconstexpr auto n = parameters<Net>;",
                 "the cost of a model needs its Vocab, Width and Context", ("Decoder<",)),
    WrongProgram("a model without a width",
                 '#include "genoform/backend/reference.hpp"\n#include "genoform/model/model.hpp"\n'
                 "using Net = Decoder<Block<Ffn<>>, Vocab<256>, Context<64>>;\nvoid make() { Model<Net, Reference> model; }",
                 "the architecture leaves Vocab, Width or Context open", ("Decoder<", "Width")),
    WrongProgram("a back end that prepares nothing",
                 '#include "genoform/backend/backend.hpp"\nstruct Idle { using Real = float; void enter() const {} };\n'
                 "static_assert(backend_is_complete<Idle>());",
                 "a back end has `template <class Op> auto prepare(const Op&, const Memories<Real>&) const`", ("Idle",)),
]
