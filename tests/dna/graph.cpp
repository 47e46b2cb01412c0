#include "genoform/dna/graph.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "genoform/dna/fingerprint.hpp"
#include "genoform/dna/program_text.hpp"
#include "genoform/dna/seeds.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::dna;

namespace {

constexpr std::int64_t width = 16, context = 8;
const std::string banks = "dims 8 1 32; constants 0 0.5; ";

Result<Graph> graph_of_text(const std::string& subprograms) {
  return graph_of(parse_program(banks + subprograms).value(), width, context);
}
std::string why(const std::string& subprograms) {
  const Result<Graph> graph = graph_of_text(subprograms);
  return graph ? "fine" : graph.error().message;
}
std::uint64_t print_of(const std::string& subprograms) { return fingerprint_of(graph_of_text(subprograms).value()); }
std::size_t nodes(const std::string& subprograms) { return graph_of_text(subprograms).value().nodes.size(); }

}  // namespace

TEST_CASE("the seed has the parameters of the paper's block") {
  // 4 D^2 of attention, 8 D^2 of the feed-forward layer, scale and shift of two norms.
  for (const BlockSizes& sizes :
       {BlockSizes{}, BlockSizes{.width = 48, .heads = 4, .expansion = 2}, BlockSizes{.width = 64, .heads = 1}}) {
    const std::int64_t w = sizes.width, plain = (4 + 2 * sizes.expansion) * w * w + 4 * w;
    CHECK(graph_of(transformer_program(sizes), w, context).value().parameters() == plain);
    CHECK(graph_of(flat_transformer_program(sizes), w, context).value().parameters() == plain);
    CHECK(graph_of(primer_ez_program(sizes), w, context).value().parameters() == plain + 3 * 3 * w);
    // Queries are made of keys head by head, D^2 / heads; keys and values are convolved.
    CHECK(graph_of(primer_program(sizes), w, context).value().parameters() == plain - w * w + w * w / sizes.heads + 2 * 3 * w);
  }
  // Six blocks and an embedding of 32,128 tokens: the 35.3 million of docs and paper.
  CHECK(6 * graph_of(transformer_program(), 512, 64).value().parameters() + 32128 * 512 == 35336192);
}

TEST_CASE("the seed and its flat twin are one graph") {
  const Graph by_concepts = graph_of(transformer_program(), 512, 64).value(),
              flat = graph_of(flat_transformer_program(), 512, 64).value();
  CHECK(fingerprint_of(by_concepts) == fingerprint_of(flat));
  CHECK(fingerprint_of(by_concepts) != fingerprint_of(graph_of(primer_ez_program(), 512, 64).value()));
}

TEST_CASE("a program can be resized: its widths are parts of that of the model") {
  for (const std::int64_t w : {8, 16, 48, 100}) {
    const Graph graph = graph_of(transformer_program(), w, context).value();
    CHECK(graph.nodes.back().shape == StateShape{Columns::channels, w});
  }
  CHECK(graph::resolved({8, 1, 32}, 1, 48) == 6);
  CHECK(graph::resolved({8, 1, 32}, 1, 4) == 1);
  CHECK(graph::resolved({12, 1}, 1, 16) == 1);
  CHECK(graph::resolved({3, 1}, 1, 16) == 5);
}

TEST_CASE("what does not reach the result is left out, and cannot harm") {
  CHECK(nodes("S0 { h2 = EXP(h0); h3 = SQUARE(h0) }") == 2);
  CHECK(nodes("S0 { h2 = S1(h0, h0); h3 = S1(h0, h2) } S1 { h2 = SQUARE(h0) }") == 2);
  CHECK(why("S0 { h2 = MAT_MUL(h0); h3 = SQUARE(h0) }") == "fine");
  // A deep tower of calls whose result nobody reads.
  std::string tower = "S0 { h2 = S1(h0) x16; h3 = SQUARE(h0) } ";
  for (int s = 1; s < 63; ++s) tower += "S" + std::to_string(s) + " { h2 = S" + std::to_string(s + 1) + "(h0) x16 } ";
  CHECK(nodes(tower + "S63 { }") == 2);
}

TEST_CASE("equal primitives of equal states are made once, but those with weights are not") {
  CHECK(nodes("S0 { h2 = EXP(h0); h3 = EXP(h0); h4 = ADD(h2, h3) }") == 3);
  CHECK(nodes("S0 { h2 = ADD(h0, h1); h3 = SQUARE(h0); h4 = ADD(h3, h0); h5 = ADD(h0, h3); h6 = MULTIPLY(h4, h5) }") == 4);
  CHECK(nodes("S0 { h2 = SCALE(h0); h3 = SCALE(h0); h4 = ADD(h2, h3) }") == 4);
  CHECK(nodes("S0 { h2 = MAX(h0); h3 = MAX(h0) c1; h4 = ADD(h2, h3) }") == 4);
}

TEST_CASE("branching puts results side by side, each with weights of its own") {
  const Graph graph = graph_of_text("S0 { h2 = CONV_1X1(h0) d1 x8 }").value();
  CHECK(graph.nodes.size() == 10);
  CHECK(graph.parameters() == 8 * 2 * width);
  CHECK(graph.nodes.back().kind == GraphNode::Kind::concatenation);
  CHECK(why("S0 { h2 = TRANS_MAT_MUL(h0) x2; h3 = MAT_MUL(h2, h0) }") ==
        "S0, h2: states of positions cannot stand side by side; branching is for channels");
}

TEST_CASE("of two widths the smaller counts, and a single column stands for all") {
  const Graph graph =
      graph_of_text("S0 { h2 = CONV_1X1(h0) d2; h3 = RED_SUM(h2); h4 = DIVIDE(h2, h3); h5 = ADD(h4, h0) }").value();
  CHECK(graph.nodes[1].shape.width == 4 * width);
  CHECK(graph.nodes[2].shape.width == 1);
  CHECK(graph.nodes[3].shape.width == 4 * width);
  CHECK(graph.nodes[4].shape.width == width);
}

TEST_CASE("a program that cannot be computed is refused with the instruction to blame") {
  CHECK(why("S0 { }") == "the program does nothing: its result is its input");
  CHECK(why("S0 { h2 = RED_SUM(h0) }") == "the result of the main subprogram does not have the channels of the model");
  CHECK(why("S0 { h2 = TRANS_MAT_MUL(h0) }") == "the result of the main subprogram does not have the channels of the model");
  CHECK(why("S0 { h2 = EXP(h0); h3 = S1(h2) } S1 { h2 = MAT_MUL(h0) }") ==
        "S1, h2: MAT_MUL multiplies a state of positions, as TRANS_MAT_MUL makes, by another state");
  CHECK(
      why("S0 { h2 = TRANS_MAT_MUL(h0); h3 = ADD(h2, h0); h4 = MAT_MUL(h3, h0) }") ==
      "S0, h3: a state of channels meets one of positions; element by element both are of one kind, or one has a single column");
  CHECK(why("S0 { h2 = TRANS_MAT_MUL(h0); h3 = TRANS_MAT_MUL(h2, h0); h4 = MAT_MUL(h3, h0) }") ==
        "S0, h3: TRANS_MAT_MUL multiplies two states of channels, or two of positions");
  CHECK(why("S0 { h2 = CONV_1X1(h0) d2 x16; h3 = CONV_1X1(h2) d2 x16; h4 = S1(h3) x16; h5 = S1(h4) x16; h6 = CONV_1X1(h5) } S1 { "
            "h2 = ABS(h0) }") == "S0, h5: a state has more than 65536 channels");
  std::string tower;
  for (int s = 0; s < 4; ++s)
    tower += "S" + std::to_string(s) + " { h2 = S" + std::to_string(s + 1) + "(h0) x16; h3 = CONV_1X1(h2) } ";
  CHECK(why(tower + "S4 { }").find("with its calls written out the program has more than 2048 instructions") !=
        std::string::npos);
}

TEST_CASE("equal graphs have one fingerprint, whatever the order and the words of the program") {
  const std::string text = "S0 { h2 = CONV_1X1(h0); h3 = DCONV_3X1(h0); h4 = ADD(h2, h3) }";
  CHECK(print_of(text) == print_of("S0 { h2 = DCONV_3X1(h0); h3 = CONV_1X1(h0); h4 = ADD(h2, h3) }"));
  CHECK(print_of(text) == print_of("S0 { h2 = DCONV_3X1(h0); h3 = CONV_1X1(h0); h4 = ADD(h3, h2) }"));
  CHECK(print_of(text) ==
        print_of("S0 { h2 = S1(h0); h3 = EXP(h0); h4 = DCONV_3X1(h0); h5 = ADD(h4, h2) } S1 { h2 = CONV_1X1(h0) }"));
  CHECK(print_of(text) != print_of("S0 { h2 = CONV_1X1(h0); h3 = DCONV_7X1(h0); h4 = ADD(h2, h3) }"));
  CHECK(print_of(text) != print_of("S0 { h2 = CONV_1X1(h0); h3 = DCONV_3X1(h2); h4 = ADD(h2, h3) }"));
  // One matrix used twice is not two matrices.
  CHECK(print_of("S0 { h2 = CONV_1X1(h0); h3 = MULTIPLY(h2, h2) }") !=
        print_of("S0 { h2 = CONV_1X1(h0); h3 = CONV_1X1(h0); h4 = MULTIPLY(h2, h3) }"));
  // The order of a difference matters.
  CHECK(print_of("S0 { h2 = EXP(h0); h3 = DIFFERENCE(h2, h0) }") != print_of("S0 { h2 = EXP(h0); h3 = DIFFERENCE(h0, h2) }"));
  // A mask of positions changes nothing: elements of later positions do not exist.
  CHECK(print_of("S0 { h2 = TRANS_MAT_MUL(h0); h3 = MASK(h2); h4 = MAT_MUL(h3, h0) }") ==
        print_of("S0 { h2 = TRANS_MAT_MUL(h0); h3 = MAT_MUL(h2, h0) }"));
}
