#include "genoform/search/space/named_genes.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "genoform/search/space/presets.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

RandomStream samples_of(std::uint64_t index) { return RandomStream(Random(5, stream_of("named genes")), index << 32); }

std::vector<BlockSpace> spaces() {
  return {BlockSpace(), BlockSpace(transformer_space()), BlockSpace(primer_ez_space()), BlockSpace(glam_space()),
          BlockSpace({.min_layers = 3, .max_layers = 3})};
}

bool counts(const NamedGene& gene, const NamedGenes::Values& values) {
  if (!gene.when) return true;
  const auto found = values.find(gene.when->name);
  return found != values.end() &&
         std::find(gene.when->values.begin(), gene.when->values.end(), found->second) != gene.when->values.end();
}

/// What an optimizer does that knows the list alone.
NamedGenes::Values random_values(const std::vector<NamedGene>& genes, RandomStream& samples) {
  NamedGenes::Values values;
  for (const NamedGene& gene : genes)
    if (counts(gene, values)) values[gene.name] = gene.values[samples.below(gene.values.size())];
  return values;
}

std::string refusal(const NamedGenes& genes, const NamedGenes::Values& values) {
  const Result<std::string> text = genes.decode(values);
  return text ? "" : text.error().message;
}
bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const NamedGenes::Values small{{"width", "64"},
                               {"blocks", "2"},
                               {"sub_layers", "1"},
                               {"0.kind", "Attention"},
                               {"0.Attention.heads", "Heads<2>"},
                               {"0.Attention.key heads", "default"},
                               {"0.Attention.convolution", "DConv<3>"},
                               {"0.Attention.position", "Rope"},
                               {"0.Attention.norm", "Pre<RmsNorm>"}};

}  // namespace

TEST_CASE("values drawn at random make a genome of the space or have a reason") {
  for (const BlockSpace& space : spaces()) {
    const NamedGenes genes(space);
    int legal = 0, refused = 0;
    for (std::uint64_t i = 0; i < 400; ++i) {
      RandomStream samples = samples_of(i);
      const Result<std::string> text = genes.decode(random_values(genes.all(), samples));
      if (text) {
        INFO(*text);
        CHECK(space.check(*text).ok());
      } else {
        INFO(text.error().message);
        CHECK((says(text.error().message, "is not in the search space; a block has") ||
               says(text.error().message, "KvHeads must divide Heads")));
      }
      ++(text ? legal : refused);
    }
    INFO(space.describe().dump());
    CHECK(legal > 20);
    CHECK(refused > 20);
  }
}

TEST_CASE("every genome of a space has values, and they make it again") {
  for (const BlockSpace& space : spaces()) {
    const NamedGenes genes(space);
    std::set<std::string> names;
    for (const NamedGene& gene : genes.all()) names.insert(gene.name);
    for (std::uint64_t i = 0; i < 400; ++i) {
      RandomStream samples = samples_of(i);
      const std::string text = space.random(samples);
      const Result<NamedGenes::Values> values = genes.encode(text);
      INFO(text);
      REQUIRE(values.ok());
      CHECK(genes.decode(*values).value() == text);
      for (const NamedGene& gene : genes.all()) CHECK(counts(gene, *values) == values->contains(gene.name));
      for (const auto& value : *values) CHECK(names.contains(value.first));
    }
  }
}

TEST_CASE("a parameter comes after the one that its condition names, and has two values or more, all different") {
  for (const BlockSpace& space : spaces()) {
    const NamedGenes all(space);
    std::map<std::string, std::set<std::string>> seen;
    for (const NamedGene& gene : all.all()) {
      INFO(gene.name);
      const std::set<std::string> values(gene.values.begin(), gene.values.end());
      CHECK(values.size() == gene.values.size());
      CHECK(values.size() >= 2);
      if (gene.when) {
        REQUIRE(seen.contains(gene.when->name));
        for (const std::string& value : gene.when->values) CHECK(seen[gene.when->name].contains(value));
      }
      CHECK(seen.emplace(gene.name, values).second);
    }
  }
  const NamedGenes transformers(spaces()[1]);
  for (const NamedGene& gene : transformers.all()) CHECK(gene.name.find("kind") == std::string::npos);
}

TEST_CASE("the parameters of short blocks reach these alone") {
  const BlockSpace space;
  const NamedGenes two(space, 2);
  CHECK(two.all().size() < NamedGenes(space).all().size());
  for (const NamedGene& gene : two.all())
    if (gene.name == "sub_layers") CHECK(gene.values == std::vector<std::string>{"1", "2"});
  const std::string three =
      "Decoder<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<64>>, Ffn<ReLU, Hidden<64>>>, Vocab<256>, Width<64>, Context<64>>";
  const Result<Genome> genome = Genome::parse(three);
  REQUIRE(genome.ok());
  CHECK(says(two.encode(genome->text()).error().message, "has 3 sub-layers; the parameters reach blocks of at most 2"));
  CHECK_THROWS_WITH(NamedGenes(spaces()[4], 2), "no block of the space has as few as 2 sub-layers; it has 3 or more");
}

TEST_CASE("a value that is missing or not known is refused with what is allowed") {
  const BlockSpace space;
  const NamedGenes genes(space);
  CHECK(genes.decode(small).value() ==
        "Decoder<Stack<Block<Attention<Heads<2>, DConv<3>>>, 2>, Vocab<256>, Width<64>, Context<64>>");
  NamedGenes::Values wrong = small;
  wrong.erase("blocks");
  CHECK(refusal(genes, wrong) == "\"blocks\" is missing; allowed: 1, 2, 3, 4, 5, 6");
  wrong = small;
  wrong["width"] = "65";
  CHECK(refusal(genes, wrong) == "\"width\" is \"65\"; allowed: 48, 64, 96, 128");
  wrong = small;
  wrong["widht"] = "64";
  CHECK(refusal(genes, wrong) == "no parameter is named \"widht\"; did you mean \"width\"?");
  wrong = small;
  wrong["sub_layers"] = "2";
  CHECK(says(refusal(genes, wrong), "\"1.kind\" is missing; allowed: Attention, Ffn, Moe"));
  wrong = small;
  wrong["1.kind"] = "Ffn";  // does not count: there is one sub-layer
  CHECK(genes.decode(wrong).value() == genes.decode(small).value());
  wrong = small;
  wrong["0.Attention.heads"] = "Heads<1>", wrong["0.Attention.key heads"] = "KvHeads<2>";
  CHECK(refusal(genes, wrong) ==
        "Decoder<Stack<Block<Attention<KvHeads<2>, DConv<3>>>, 2>, Vocab<256>, Width<64>, Context<64>>: 1:31: "
        "\"KvHeads\": KvHeads must divide Heads");
  CHECK(says(genes.encode("Decoder<Block<Gau<>>, Vocab<256>, Width<64>, Context<64>>").error().message, "its kind is not in"));
  CHECK_FALSE(genes.encode("Decoder<").ok());
}
