"""Programs that must not compile, each with the sentence and the names that the compiler has to show."""

from dataclasses import dataclass


@dataclass
class WrongProgram:
    title: str
    code: str                       # the body of a file that includes genoform.hpp and uses its namespace
    sentence: str                   # what the error says
    names: tuple[str, ...] = ()     # the part and the option to blame, as the compiler prints types
    names_of_gcc: tuple[str, ...] = ()  # what only g++ shows (texts as template arguments)


def not_built(code: str, name: str) -> WrongProgram:
    return WrongProgram(f"{name} is not built", code, "known, not built yet", (name,))


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
    WrongProgram("expert choice without capacity", "Moe<ExpertChoice, Capacity<0>> layer;",
                 "ExpertChoice fills a fixed capacity; Capacity must be at least 1", ("Moe", "Capacity<0>")),
    WrongProgram("a gate in a gate", "Ffn<Glu<SwiGlu>> layer;", "Glu takes exactly one plain activation", ("Ffn", "Glu<genoform::Glu<")),
    WrongProgram("a norm that is none", "Ffn<Pre<ReLU>> layer;", "this word is not known here", ("Ffn", "Pre<genoform::ReLU")),
    WrongProgram("key heads that do not divide", "Attention<KvHeads<3>, Heads<4>> layer;",
                 "KvHeads must divide Heads", ("Attention", "KvHeads<3>")),
    WrongProgram("an odd rotation", "Attention<HeadDim<33>, Rope> layer;",
                 "Rope turns pairs of channels, so HeadDim must be even", ("Attention", "HeadDim<33>")),
    WrongProgram("heads that do not divide the model's width", "Decoder<Stack<Block<Ffn<>, Attention<DConv<3>, Heads<3>>>, 2>, Width<128>> net;",
                 "Heads must divide Width when HeadDim is left out", ("Attention<", "Heads<3>")),
    WrongProgram("an odd rotation that the model's width makes", "Decoder<Block<Attn>, Width<63>> net;",
                 "Rope turns pairs of channels, so HeadDim must be even", ("Attention<>",)),
    WrongProgram("too large a matrix", "Decoder<Block<Ffn<ReLU, Hidden<2147483647>>>, Width<1000000>> net;",
                 "the model is too large; parameters must stay below 2^48", ("Ffn<", "Hidden<2147483647>")),
    WrongProgram("an empty block", "Block<> block;", "the Block is empty; it needs at least one sub-layer", ("Block<>",)),
    WrongProgram("an option in a block", "Block<Attn, Heads<8>> block;", "this is not a sub-layer; a Block holds sub-layers", ("Block<", "Heads<8>")),
    WrongProgram("a number type in a block", "Block<Attn, int> block;", "this is not a sub-layer; a Block holds sub-layers", ("Block<", "int")),
    WrongProgram("a stack without a block", "Stack<Attn, 4> stack;", "a Stack takes a Block and a count", ("Stack<", "Attention<>")),
    WrongProgram("a stack of none", "Stack<Block<Attn>, 0> stack;", "a Stack takes a Block and a count", ("Stack<", "Block<")),
    WrongProgram("a model without a body", "Decoder<Width<64>, Vocab<256>> net;", "a Decoder starts with its body", ("Decoder<", "Width<64>")),
    WrongProgram("a body of blocks", "Decoder<Body<Block<Attn>>, Width<64>> net;", "a Decoder starts with its body", ("Body<", "Block<")),
    WrongProgram("a type in the options", "Ffn<ReLU, int> layer;", "this is not an option of this part", ("Ffn", "int")),
    WrongProgram("a layer without a name has no text",
                 "struct Mine { struct Weights {}; };\nauto text = text_of<Block<Mine>>;",
                 "a layer needs a name for its text", ("Mine",)),
    WrongProgram("the text of what is no part", "auto text = text_of<Heads<8>>;", "this is neither a model nor a part", ("Heads<8>",)),
    WrongProgram("a wrong word in a text", 'using T = type_of<"Block<Attention<Hedas<8>>>">;',
                 "this is not an option of this part", ("At<1, 17>",), ("Hedas",)),
    WrongProgram("a wrong form of a text", 'using T = type_of<"Block<Attn">;', "a > is missing; every < needs its >", ("At<1, 11>",), ("Block<Attn",)),
    WrongProgram("a wrong size in a text", 'using T = type_of<"Decoder<Block<Attention<Heads<3>>>, Width<128>>">;',
                 "Heads must divide Width when HeadDim is left out", ("At<1, 25>",)),
    WrongProgram("a word of a text that is not built", 'using T = type_of<"Block<Gau<>>">;', "known, not built yet", ("At<1, 7>",)),
    WrongProgram("a user's kind that the text does not know", 'using T = type_of<"Block<Shift<>>">;',
                 "this is not a sub-layer; a Block holds sub-layers", ("At<1, 7>",), ("Shift",)),
    not_built("Attention<SharedQk> layer;", "SharedQk"),
    not_built("Attention<RelBias<32, 128>> layer;", "RelBias<32, 128>"),
    not_built("Attention<Window<64>> layer;", "Window<64>"),
    not_built("Attention<QkNorm> layer;", "QkNorm"),
    not_built("Ffn<SqReLU, Inner<PrimerNorm>> layer;", "PrimerNorm"),
    not_built("Decoder<Block<Attn>, Positions<Sinusoid>> net;", "Sinusoid"),
    not_built("Decoder<Block<Attn>, Positions<Learned>> net;", "Learned"),
    not_built("Decoder<Block<Attn>, Positions<SharedRelBias<32, 128>>> net;", "SharedRelBias<32, 128>"),
    not_built("Decoder<Block<Attn>, Untied> net;", "Untied"),
    not_built("Decoder<Block<Attn>, LogitScale<WidthRsqrt>> net;", "LogitScale<"),
    not_built("Decoder<Block<Attn>, FinalNorm<PrimerNorm>> net;", "FinalNorm<genoform::PrimerNorm"),
    not_built("Moe<Hash> layer;", "Hash"),
    not_built("Moe<Base> layer;", "Base"),
    not_built("Moe<LossFree<2>> layer;", "LossFree<2>"),
    not_built("Moe<ExpertThreshold> layer;", "ExpertThreshold"),
    not_built("Moe<Top2, Shared<1>> layer;", "Shared<1>"),
    not_built("Block<Parallel<Attn, Ffn<>>> block;", "Parallel<"),
    not_built("Block<LinearAttention<>> block;", "LinearAttention<>"),
    not_built("Block<Synthesizer<>> block;", "Synthesizer<>"),
    not_built("Block<Gau<>> block;", "Gau<>"),
    not_built("Block<SpatialGate<>> block;", "SpatialGate<>"),
    not_built("Block<TokenMix<>> block;", "TokenMix<>"),
    not_built("Block<Conv<>> block;", "Conv<>"),
    not_built('Block<Program<"ADD v0 v1">> block;', "Program<"),
]
