#include "genoform/search/space/block_space.hpp"

#include <map>
#include <set>
#include <string>

#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

RandomStream draws_of(std::uint64_t index) { return RandomStream(Random(7, stream_of("test")), index << 32); }

bool is_canonical(const std::string& text) {
  const Result<Genome> genome = Genome::parse(text);
  return genome && genome->text() == text;
}

template <int N>
struct Steps : Numbers<"Steps", N> {};
template <class... Options>
struct Scale;
/// A kind that the library does not know: a feed-forward layer `steps` times as wide as the stream.
struct ScaleLayer : Normed {
  static constexpr std::string_view name = "Scale";
  template <class... Options>
  using type = Scale<Options...>;
  int steps = 1;
  static constexpr auto options() { return Table{count<Steps, &ScaleLayer::steps, 1, 9>()}; }

  using Weights = FfnLayer::Weights;
  using Saved = FfnLayer::Saved;
  constexpr FfnLayer inner(std::int64_t width) const {
    FfnLayer ffn;
    ffn.hidden = steps * static_cast<int>(width);
    return ffn;
  }
  constexpr void declare(Weights& w, Declaration& d) const { inner(d.width()).declare(w, d); }
  constexpr void forward(auto& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    inner(x.columns).forward(ops, w, s, x, y);
  }
  constexpr void backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    inner(x.columns).backward(ops, w, s, x, dy, dx);
  }
};
template <class... Options>
struct Scale : Part<ScaleLayer, Options...> {};

constexpr const char* plain = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 4>, Vocab<256>, Width<64>, Context<64>>";

}  // namespace

TEST_CASE("every random genome of the block space is a legal model in canonical form") {
  const BlockSpace space;
  std::set<std::string> seen;
  std::map<std::string, int> words;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    RandomStream samples = draws_of(i);
    const std::string text = space.random(samples);
    INFO(text);
    REQUIRE(is_canonical(text));
    REQUIRE(space.check(text).ok());
    seen.insert(text);
    for (const char* word :
         {"Heads<8>", "KvHeads<1>", "DConv<5>", "NoPos", "Glu<Swish>", "Hidden<384>", "Top1", "Top2", "ExpertChoice",
          "Experts<16>", "Capacity<150>", "Inner<LayerNorm>", "Post<RmsNorm>", "Width<48>", "Width<128>"})
      words[word] += text.find(word) != std::string::npos ? 1 : 0;
  }
  CHECK(seen.size() > 2990);
  for (const auto& [word, count] : words) {
    INFO(word);
    CHECK(count > 20);
  }
}

TEST_CASE("every mutant is legal, in the space and not its parent") {
  const BlockSpace space;
  RandomStream first = draws_of(0);
  std::string text = space.random(first);
  for (std::uint64_t i = 1; i < 4000; ++i) {
    RandomStream samples = draws_of(i);
    const std::string child = space.mutate(text, samples);
    INFO(text << "\n" << child);
    REQUIRE(is_canonical(child));
    REQUIRE(child != text);
    text = child;
  }
}

TEST_CASE("reading a genome's text and spelling its genes gives the text back") {
  const BlockSpace space;
  for (std::uint64_t i = 0; i < 500; ++i) {
    RandomStream samples = draws_of(i);
    const std::string text = space.random(samples);
    const Result<BlockGenes> genes = space.genes_of(Genome::parse(text)->tree());
    REQUIRE(genes.ok());
    CHECK(space.genome_of(*genes)->text() == text);
  }
}

TEST_CASE("each mutation changes what its name says") {
  const BlockSpace space;
  const GeneTables tables{space.options().kinds, space.options().widths.size(), 4};
  const BlockGenes from = space.genes_of(Genome::parse(plain)->tree());
  REQUIRE(from.layers.size() == 2);
  const auto mutated = [&](Mutation mutation) {
    BlockGenes genes = from;
    RandomStream samples = draws_of(11);
    REQUIRE(apply_mutation(mutation, genes, tables, samples));
    return genes;
  };
  CHECK(mutated(Mutation::insert).layers.size() == 3);
  CHECK(mutated(Mutation::remove).layers.size() == 1);
  CHECK(mutated(Mutation::swap).layers == std::vector{from.layers[1], from.layers[0]});
  CHECK(mutated(Mutation::repeats).repeats == 3);
  const BlockGenes wider = mutated(Mutation::width);
  CHECK((wider.width == from.width + 1 || wider.width + 1 == from.width));
  const BlockGenes kind = mutated(Mutation::kind);
  CHECK((kind.layers[0].kind != from.layers[0].kind) != (kind.layers[1].kind != from.layers[1].kind));
  const BlockGenes gene = mutated(Mutation::gene);
  int changed = 0;
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t g = 0; g < from.layers[l].values.size(); ++g)
      changed += gene.layers[l].values[g] != from.layers[l].values[g] ? 1 : 0;
  CHECK(changed == 1);
}

TEST_CASE("a value on a scale moves to a neighbour") {
  for (std::uint64_t i = 0; i < 200; ++i) {
    RandomStream samples = draws_of(i);
    std::size_t value = i % 5;
    REQUIRE(move_value(value, 5, true, samples));
    CHECK((value + 1 == i % 5 || value == i % 5 + 1));
    CHECK(value < 5);
  }
  std::size_t only = 0;
  RandomStream samples = draws_of(0);
  CHECK_FALSE(move_value(only, 1, true, samples));
}

TEST_CASE("a fixed count of sub-layers stays fixed") {
  BlockSpaceOptions options;
  options.min_layers = options.max_layers = 4;
  options.max_repeats = 3;
  const BlockSpace space(options);
  RandomStream first = draws_of(3);
  std::string text = space.random(first);
  for (std::uint64_t i = 0; i < 300; ++i) {
    RandomStream samples = draws_of(i);
    text = space.mutate(text, samples);
    REQUIRE(space.genes_of(Genome::parse(text)->tree())->layers.size() == 4);
  }
}

TEST_CASE("texts outside the space are refused with the reason") {
  const BlockSpace space;
  const auto why = [&](const std::string& text) {
    const Result<void> checked = space.check(text);
    REQUIRE_FALSE(checked.ok());
    return checked.error().message;
  };
  CHECK(why("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<Identity>>, 4>, Vocab<256>, Width<64>, Context<64>>")
            .find("activation") != std::string::npos);
  CHECK(why("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<72>>>, 4>, Vocab<256>, Width<64>, Context<64>>")
            .find("hidden") != std::string::npos);
  CHECK(
      why("Decoder<Stack<Block<Ffn<ReLU>, Ffn<ReLU>>, 4>, Vocab<256>, Width<64>, Context<64>>").find("not in the search space") !=
      std::string::npos);
  CHECK(why("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Bias>>, 4>, Vocab<256>, Width<64>, Context<64>>").find("Bias") !=
        std::string::npos);
  CHECK(why("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 4>, Vocab<256>, Width<80>, Context<64>>").find("Width<80>") !=
        std::string::npos);
  CHECK_FALSE(space.check("").ok());
  CHECK_FALSE(space.check("nonsense").ok());
}

TEST_CASE("a kind of one's own joins a space with its genes, and is costed") {
  BlockSpaceOptions options;
  REQUIRE(options.names.add<ScaleLayer>());
  options.kinds.push_back({ScaleLayer{}, 2.0, {option_gene<&ScaleLayer::steps>("steps", {1, 2, 5}, true)}});
  const BlockSpace space(options);
  const ModelSizes sizes = ModelSizes(4, 64).add<ScaleLayer>();
  int own = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    RandomStream samples = draws_of(i);
    const std::string text = space.mutate(space.random(samples), samples);
    INFO(text);
    REQUIRE(space.check(text).ok());
    CHECK(sizes.cost(text).parameters == static_cast<std::int64_t>(Genome::parse(text, options.names)->parameters()));
    own += text.find("Scale<Steps<5>") != std::string::npos ? 1 : 0;
  }
  CHECK(own > 5);
  CHECK(space.describe().at("kinds").back().at("genes").at("steps") == nlohmann::json({"Steps<1>", "Steps<2>", "Steps<5>"}));
}

TEST_CASE("a space without room for a block cannot be made") {
  BlockSpaceOptions options;
  options.max_layers = 0;
  CHECK_THROWS_AS(BlockSpace(options), Exception);
  options = {};
  options.widths.clear();
  CHECK_THROWS_AS(BlockSpace(options), Exception);
}

TEST_CASE("looking for a legal genome ends soon where there is none, however long genomes are") {
  BlockSpaceOptions options{.widths = {48}, .min_layers = 400, .max_layers = 400, .max_total = 400};
  options.kinds = {{AttentionLayer{}, 1.0, {option_gene<&AttentionLayer::heads>("heads", {5})}}};
  RandomStream samples(Random(1, stream_of("test")));
  try {
    (void)BlockSpace(options).random(samples);
    FAIL("there is one");
  } catch (const Exception& error) {
    CHECK(std::string(error.what()).find("no legal genome among 1000 random ones") != std::string::npos);
  }
}
