// The tree of a genome: values that are read, edited, checked and printed.
#include "genoform/genome/tree.hpp"

#include <string>
#include <utility>

#include "genoform/genoform.hpp"
#include "genoform/models/zoo.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

GenomeTree tree_of(const std::string& text) { return Genome::parse(text)->tree(); }

/// The text of a tree, or what is wrong with it.
std::string printed(GenomeTree tree) {
  const Result<Genome> genome = Genome::from_tree(std::move(tree));
  return genome ? genome->text() : genome.error().message;
}

std::string message_of(const std::string& text) { return Genome::parse(text).error().message; }

constexpr const char* plain = "Decoder<Stack<Block<Attention<>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<128>, Context<64>>";

}  // namespace

TEST_CASE("every known model goes from text to tree to text unchanged") {
  for (const models::Known& model : models::zoo())
    for (const std::string_view text : {model.text, model.reduced}) {
      INFO(text);
      CHECK(printed(tree_of(std::string(text))) == text);
    }
}

TEST_CASE("a part keeps its form through its tree") {
  for (const char* text :
       {"Ffn<SqReLU>", "Block<Attention<>, Ffn<GeLU>>", "Stack<Block<Ffn<SqReLU>>, 1>", "Body<Stack<Block<Ffn<SqReLU>>, 1>>",
        "Parallel<Attention<>, Ffn<SqReLU>, Post<LayerNorm>>", "Body<Stack<Block<Ffn<SqReLU>>, 1>, Stack<Block<Moe<Top2>>, 3>>"})
    CHECK(printed(tree_of(text)) == text);
}

TEST_CASE("a tree is made of values alone") {
  GenomeTree tree{.options = {.vocab = 256, .width = 128, .context = 64},
                  .stacks = {{.count = 2, .sub_layers = {AttentionLayer{}, FfnLayer{}}}}};
  CHECK(printed(tree) == plain);
  CHECK(tree == tree_of(plain));
}

TEST_CASE("options, counts and sub-layers of a tree are edited, and what was left to the width follows it") {
  GenomeTree tree = tree_of(plain);
  tree.options.width = 256;
  tree.stacks[0].count = 6;
  tree.stacks[0].sub_layers[1].get<FfnLayer>().activation = {ActivationKind::swish, true};
  tree.stacks[0].sub_layers[1].get<FfnLayer>().post = {NormKind::layer};
  CHECK(printed(tree) ==
        "Decoder<Stack<Block<Attention<>, Ffn<Glu<Swish>, Pre<RmsNorm>, Post<LayerNorm>>>, 6>, Vocab<256>, Width<256>, "
        "Context<64>>");
  const MoeLayer moe = Moe<Top2, Experts<4>>::value;
  tree.stacks[0].sub_layers.insert(tree.stacks[0].sub_layers.begin() + 1, moe);
  tree.stacks[0].sub_layers[2] = SubLayer::parallel({AttentionLayer{}, FfnLayer{}}, {.pre = {NormKind::layer}});
  CHECK(printed(tree) ==
        "Decoder<Stack<Block<Attention<>, Moe<Top2, Experts<4>>, Parallel<Attention<>, Ffn<SqReLU>, Pre<LayerNorm>>>, 6>, "
        "Vocab<256>, Width<256>, Context<64>>");
}

TEST_CASE("a size that was not written is 0 until it is resolved") {
  const GenomeTree tree = tree_of(plain);
  const SubLayer& ffn = tree.stacks[0].sub_layers[1];
  CHECK(ffn.get<FfnLayer>().hidden == by_width);
  CHECK(ffn.resolved(tree.model_context()).get<FfnLayer>().hidden == 512);
}

TEST_CASE("a bad edit is refused with the sentence of its text") {
  const auto edited = [](auto edit) {
    GenomeTree tree = tree_of(plain);
    edit(tree);
    return printed(std::move(tree));
  };
  CHECK(edited([](GenomeTree& t) { t.stacks[0].sub_layers[0].get<AttentionLayer>().heads = 3; }) ==
        message_of("Decoder<Stack<Block<Attention<Heads<3>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<128>, Context<64>>"));
  CHECK(edited([](GenomeTree& t) { t.stacks[0].sub_layers.clear(); }) ==
        message_of("Decoder<Stack<Block<>, 2>, Vocab<256>, Width<128>, Context<64>>"));
  CHECK(edited([](GenomeTree& t) { t.stacks[0].count = 0; }) ==
        message_of("Decoder<Stack<Block<Attention<>, Ffn<SqReLU>>, 0>, Vocab<256>, Width<128>, Context<64>>"));
  CHECK(edited([](GenomeTree& t) { t.stacks[0].count = 5001; }).find(rules::TooManySubLayers::sentence) != std::string::npos);
  CHECK(edited([](GenomeTree& t) { t.stacks.clear(); }) == message_of("Decoder<Body<>, Vocab<256>, Width<128>, Context<64>>"));
  CHECK(edited([](GenomeTree& t) {
          t.stacks[0].sub_layers[0] = SubLayer::parallel({SubLayer::parallel({AttentionLayer{}}), FfnLayer{}});
        }) ==
        message_of("Decoder<Stack<Block<Parallel<Parallel<Attention<>>, Ffn<SqReLU>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<128>, "
                   "Context<64>>"));
  CHECK(edited([](GenomeTree& t) {
          FfnLayer normed;
          normed.pre = {NormKind::layer};
          t.stacks[0].sub_layers[0] = SubLayer::parallel({normed});
        }) == message_of("Decoder<Stack<Block<Parallel<Ffn<SqReLU, Pre<LayerNorm>>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<128>, "
                         "Context<64>>"));
  CHECK(edited([](GenomeTree& t) { t.options.width = -1; }).find(rules::BadCharacter::sentence) != std::string::npos);
  CHECK(edited([](GenomeTree& t) { t.options.width = 2000000000; }).find(rules::TooManyParameters::sentence) !=
        std::string::npos);
  CHECK(edited([](GenomeTree& t) { t.form = GenomeTree::Form::block; }).find("a stack, block or sub-layer alone") == 0);
}

TEST_CASE("a tree whose text would be too long is refused") {
  GenomeTree tree = tree_of("Decoder<Block<Ffn<SqReLU>>>");
  tree.stacks[0].sub_layers.assign(6000, SubLayer(AttentionLayer{}));
  CHECK(printed(std::move(tree)).find(rules::TextTooLong::sentence) != std::string::npos);
}

namespace {
template <int N>
struct Steps : Numbers<"Steps", N> {};
template <class... Options>
struct Shift;
struct ShiftLayer : Normed {
  static constexpr std::string_view name = "Shift";
  template <class... Options>
  using type = Shift<Options...>;
  int steps = 1;
  static constexpr auto options() { return Table{count<Steps, &ShiftLayer::steps, 1, 99>()}; }
};
template <class... Options>
struct Shift : Part<ShiftLayer, Options...> {};
struct Impostor {
  static constexpr std::string_view name = "Ffn";
};
}  // namespace

TEST_CASE("a tree holds kinds of one's own, checked like the library's") {
  KindNames kinds;
  REQUIRE(kinds.add<ShiftLayer>());
  GenomeTree tree = Genome::parse("Block<Shift<Steps<2>>, Ffn<ReLU>>", kinds)->tree();
  CHECK(tree.stacks[0].sub_layers[0].get<ShiftLayer>().steps == 2);
  tree.stacks[0].sub_layers[0].get<ShiftLayer>().steps = 7;
  CHECK(Genome::from_tree(tree, kinds)->text() == "Block<Shift<Steps<7>>, Ffn<ReLU>>");
  tree.stacks[0].sub_layers[0].get<ShiftLayer>().steps = 100;
  CHECK(Genome::from_tree(tree, kinds).error().message ==
        Genome::parse("Block<Shift<Steps<100>>, Ffn<ReLU>>", kinds).error().message);
  CHECK(Genome::from_tree(tree).error().message.find(rules::UnknownKind::sentence) != std::string::npos);
  tree.stacks[0].sub_layers[0] = Impostor{};
  CHECK_FALSE(Genome::from_tree(tree, kinds));
}
