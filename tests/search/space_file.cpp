#include "genoform/search/space/space_file.hpp"

#include <set>
#include <string>
#include <vector>

#include "genoform/search/space/named_spaces.hpp"
#include "genoform/search/space/space_size.hpp"
#include "genoform/search/space/space_text.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

RandomStream samples_of(std::uint64_t index) { return RandomStream(Random(9, stream_of("space files")), index << 32); }

const std::string attention = "[[kinds]]\nlayer = \"Attention<>\"\n";

/// What is wrong with a file.
std::string why(const std::string& text) {
  try {
    (void)read_space(text, "f.toml");
  } catch (const Exception& error) {
    CHECK(error.error_kind() == ErrorKind::input);
    CHECK(std::string(error.what()).find('\n') == std::string::npos);
    return error.what();
  }
  return "fine";
}
std::string why_genes(const std::string& genes) { return why("widths = [64]\n" + attention + "genes = [" + genes + "]\n"); }

std::size_t genomes_found(const BlockSpace& space, std::uint64_t samples) {
  std::set<std::string> texts;
  for (std::uint64_t i = 0; i < samples; ++i) {
    RandomStream stream = samples_of(i);
    texts.insert(space.random(stream));
  }
  return texts.size();
}

const std::string small = R"(
widths = [48, 64]
sub_layers = [1, 2]
max_blocks = 2
model_sub_layers = [1, 3]
needs = ["Attention"]

[[kinds]]
layer = "Attention<>"
genes = [
  {name = "heads", scale = true, values = ["Heads<1>", "Heads<2>"]},
  {name = "key heads", scale = true, values = ["", "KvHeads<2>"]},
]

[[kinds]]
layer = "Ffn<ReLU>"
weight = 0.5
genes = [{name = "bias", values = ["", "Bias"]}]
)";

}  // namespace

TEST_CASE("every named space is printed as a file that makes the same space again") {
  for (const NamedSpace& named : named_spaces()) {
    INFO(named.name);
    const BlockSpaceOptions options = named.options();
    const std::string text = toml_of(options);
    const BlockSpaceOptions again = read_space(text, "FILE");
    CHECK(toml_of(again) == text);
    const BlockSpace first(options), second(again);
    CHECK(first.describe() == second.describe());
    for (std::uint64_t i = 0; i < 60; ++i) {
      RandomStream a = samples_of(i), b = samples_of(i);
      const std::string genome = first.random(a);
      REQUIRE(second.random(b) == genome);
      REQUIRE(first.mutate(genome, a) == second.mutate(genome, b));
    }
  }
}

TEST_CASE("a file of a space has what it says, and defaults for the rest") {
  const BlockSpaceOptions options =
      read_space("widths = [64]\n" + attention + "[[kinds]]\nlayer = \"Ffn<ReLU>\"\n[model]\noptions = \"Untied\"\n", "FILE");
  CHECK(options.widths == std::vector{64});
  CHECK(options.max_repeats == 6);
  CHECK(options.max_layers == 8);
  CHECK(options.needed_kinds.empty());
  CHECK(options.model.plain.get<DecoderLayer>().untied);
  const BlockSpaceOptions some = read_space(small, "FILE");
  CHECK(some.kinds[0].genes[0].ordered);
  CHECK(some.kinds[1].weight == 0.5);
  CHECK(some.max_total == 3);
}

TEST_CASE("a wrong file of a space is refused with line, column, what was found and what is allowed") {
  CHECK(why("widths = [64]\nwidhts = 3\n" + attention) ==
        "f.toml:2:1: \"widhts\": no key of a space; allowed: widths, sub_layers, pattern, max_blocks, model_sub_layers, needs, "
        "seeds, model, kinds; did you mean \"widths\"?");
  CHECK(why("widths = []\n" + attention) == "f.toml:1:10: widths: the list is empty; give one value at least");
  CHECK(why("widths = [64, 96.5]\n" + attention) ==
        "f.toml:1:15: widths: found a number; allowed is an integer from 1 to 2147483647");
  CHECK(why("widths = 64\n" + attention) == "f.toml:1:10: widths: found an integer; allowed is a list, as in [1, 2]");
  CHECK(why("widths = [64, 64]\n" + attention) == "f.toml:1:15: widths: they must rise");
  CHECK(why("widths = [64]\nsub_layers = [3, 2]\n" + attention) ==
        "f.toml:2:18: sub_layers: 2; allowed is an integer from 3 to 500");
  CHECK(why("widths = [64]\n").find("a space needs the key \"kinds\"") != std::string::npos);
  CHECK(why("widths = [64\n" + attention).find("f.toml:2:") == 0);
  CHECK(why("widths = [64]\n[[kinds]]\nlayer = \"Atention<>\"\n").find("f.toml:3:9: layer: \"Atention<>\": \"Atention\": ") == 0);
  CHECK(why("widths = [64]\n[[kinds]]\nlayer = \"Block<Attention<>>\"\n").find("is no sub-layer") != std::string::npos);
  CHECK(why("widths = [64]\n" + attention + attention).find("f.toml:5:9: layer: Attention is given twice") == 0);
  CHECK(why("widths = [64]\n" + attention + "weight = 0\n").find("f.toml:2:") == 0);
  CHECK(why("widths = [64]\n" + attention + "weight = -1\n") ==
        "f.toml:4:10: weight: found an integer; allowed is a number from 0 to 1000000");
  CHECK(why("widths = [64]\nneeds = [\"Atention\"]\n" + attention) ==
        "f.toml:2:10: needs: \"Atention\" is none of the kinds; allowed: Attention; did you mean \"Attention\"?");
  CHECK(why("widths = [64]\nsub_layers = [1, 2]\npattern = [\"Attention\"]\n" + attention).find("f.toml:2:14: sub_layers: ") ==
        0);
  CHECK(why("widths = [64]\n" + attention + "[model]\noptions = \"Width<64>\"\n").find("f.toml:5:11: model: Width has its key") ==
        0);
  CHECK(why("widths = [64]\nmodel_sub_layers = [1, 2]\nsub_layers = [3, 4]\n" + attention).find("the block space is empty") !=
        std::string::npos);
}

TEST_CASE("a wrong gene in a file is refused with line, column, what was found and what is allowed") {
  CHECK(why_genes("{name = \"heads\", values = [\"Heads<2>\", \"Heads<0>\"]}") ==
        "f.toml:4:49: values: \"Heads<0>\": \"0\": the number is out of range; allowed: 1 to 2147483647");
  CHECK(why_genes("{name = \"heads\", values = [\"Head<2>\"]}").find("did you mean \"Heads\"?") != std::string::npos);
  CHECK(why_genes("{name = \"heads\", values = [2]}") == "f.toml:4:37: values: found an integer; allowed is a string");
  CHECK(why_genes("{name = \"heads\", values = [\"Heads<2>\", \"Heads<2>\"]}").find("\"Heads<2>\" is given twice") !=
        std::string::npos);
  CHECK(why_genes("{values = [\"Heads<2>\"]}").find("f.toml:4:10: a gene needs the key \"name\"") == 0);
  CHECK(why_genes("{name = \"a\", scal = true, values = [\"Heads<2>\"]}").find("f.toml:4:23: \"scal\": no key of a gene") == 0);
  CHECK(why_genes("{name = \"a\", part = 1, values = [\"Heads<2>\"]}").find("only a Parallel has parts") != std::string::npos);
  CHECK(why_genes("{name = \"a\", values = [\"Heads<2>\"]}, {name = \"b\", values = [\"QkNorm, Heads<4>\"]}")
            .find("\"b\" sets an option that \"a\" sets too") != std::string::npos);
  CHECK(
      why_genes("{name = \"a\", values = [\"Heads<2>\"]}, {name = \"a\", values = [\"QkNorm\"]}").find("\"a\" is given twice") !=
      std::string::npos);
}

TEST_CASE("a seed of a file is a text or the name of an architecture, and lies in the space") {
  const auto with_seed = [](const std::string& seed) {
    return "widths = [64]\nseeds = [\"" + seed +
           "\"]\n[[kinds]]\nlayer = \"Attention<Heads<2>>\"\n[[kinds]]\nlayer = \"Ffn<ReLU>\"\n";
  };
  CHECK(read_space(with_seed("Transformer ReLU"), "FILE")
            .seeds[0]
            .find("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 4>") == 0);
  CHECK(read_space(with_seed("Decoder<Block<Ffn<ReLU>>, Width<64>>"), "FILE").seeds.size() == 1);
  CHECK(why(with_seed("Transformer RELU")).find("did you mean \"Transformer ReLU\"?") != std::string::npos);
  CHECK(why(with_seed("Primer-EZ")).find("f.toml:2:10: seed Decoder<") == 0);
  CHECK(why(with_seed("Decoder<Block<Ffn<ReLU>>, Width<96>>")).find("not in the search space") != std::string::npos);
  CHECK(why(with_seed("Decoder<")).find("f.toml:2:10: seed Decoder<: 1:9: ") == 0);
}

TEST_CASE("the size of a space is the number of its genomes") {
  const BlockSpaceOptions options = read_space(small, "FILE");
  const BlockSpace space(options);
  const SpaceSize size = size_of(space);
  CHECK(size.is_exact);
  CHECK(size.genomes == static_cast<long double>(genomes_found(space, 6000)));
  CHECK(size.text() == "32");

  BlockSpaceOptions in_order = options;
  in_order.pattern = {"Attention", "Ffn"};
  in_order.min_layers = in_order.max_layers = 2;
  in_order.model = {DecoderLayer{}, 1, {option_gene_of(DecoderLayer{}, "output", {"", "Untied"})->gene}};
  const BlockSpace ordered(in_order);
  CHECK(size_of(ordered).genomes == static_cast<long double>(genomes_found(ordered, 3000)));

  const SpaceSize estimate = size_of(space, 2);
  CHECK_FALSE(estimate.is_exact);
  CHECK(estimate.genomes > size.genomes);
  CHECK(size_of(BlockSpace(wide_space()), 100).text().find("at most ") == 0);
}
