#include "genoform/search/space/named_spaces.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/clock/constant_oracle.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/space/baselines.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

RandomStream samples_of(std::uint64_t index) { return RandomStream(Random(5, stream_of("spaces")), index << 32); }

struct WordSet final : WordList {
  std::set<std::string> all;
  void add(std::string_view word) override { all.emplace(word); }
};

/// Every word of the options of a kind, by its table.
std::set<std::string> words_of(const SubLayer& plain) {
  WordSet words;
  for (const Kind& kind : run_time_kinds_of<BuiltinLayers>())
    if (kind.values == &plain.kind()) kind.words(words, "");
  if (plain.is<DecoderLayer>()) kind_entries::words_of<DecoderLayer>(words, "");
  return words.all;
}

/// Every word that stands in a value of a gene.
std::set<std::string> words_of(const KindGenes& kind) {
  std::set<std::string> words;
  for (const Gene& gene : kind.genes)
    for (const GeneValue& value : gene.values) {
      std::string word;
      for (const char c : value.name + ",") {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
          word += c;
        } else if (!word.empty()) {
          words.insert(std::exchange(word, ""));
        }
      }
    }
  return words;
}

std::set<std::string> missing(const std::set<std::string>& wanted, const std::set<std::string>& there) {
  std::set<std::string> left;
  std::set_difference(wanted.begin(), wanted.end(), there.begin(), there.end(), std::inserter(left, left.end()));
  return left;
}

BlockSpace wide_of_layers(int layers) {
  BlockSpaceOptions options = wide_space();
  options.max_layers = layers;
  return BlockSpace(options);
}

}  // namespace

TEST_CASE("random and mutated genomes of every named space are legal and in it") {
  for (const NamedSpace& named : named_spaces()) {
    INFO(named.name);
    const BlockSpace space(named.options());
    RandomStream first = samples_of(0);
    std::string text = space.random(first);
    for (std::uint64_t i = 1; i < 400; ++i) {
      RandomStream samples = samples_of(i);
      const std::string random = space.random(samples), child = space.mutate(text, samples);
      INFO(random << "\n" << text << "\n" << child);
      REQUIRE(space.check(random).ok());
      REQUIRE(space.check(child).ok());
      REQUIRE(Genome::parse(child)->text() == child);
      REQUIRE(child != text);
      text = child;
    }
  }
}

TEST_CASE("the wide space has a gene value for every word of every kind of the library") {
  const BlockSpaceOptions wide = wide_space();
  std::set<const SubLayerKind*> kinds;
  for (const KindGenes& kind : wide.kinds) {
    kinds.insert(&kind.plain.kind());
    INFO(kind.name());
    if (!kind.plain.is_parallel()) CHECK(missing(words_of(kind.plain), words_of(kind)).empty());
  }
  for (const Kind& kind : run_time_kinds_of<BuiltinLayers>()) {
    INFO(kind.name);
    CHECK(kinds.contains(kind.values));
  }
  CHECK(missing(words_of(wide.model.plain), words_of(wide.model)) == std::set<std::string>{"Context", "Vocab", "Width"});
}

TEST_CASE("every value of every gene of the wide space comes up in random genomes and in mutants") {
  const BlockSpace space = wide_of_layers(3);
  std::map<std::string, int> random, mutated;
  const auto count = [&](const Genome& genome, std::map<std::string, int>& seen) {
    const BlockGenes genes = space.genes_of(genome.tree());
    ++seen["width " + std::to_string(genes.width)], ++seen["blocks " + std::to_string(genes.repeats)];
    const auto add = [&](const KindGenes& kind, const std::vector<std::size_t>& values) {
      for (std::size_t g = 0; g < values.size(); ++g)
        ++seen[kind.name() + " " + kind.genes[g].name + " " + kind.genes[g].values[values[g]].name];
    };
    add(space.options().model, genes.model);
    for (const SubLayerGenes& layer : genes.layers) add(space.options().kinds[layer.kind], layer.values);
  };
  RandomStream first = samples_of(0);
  Genome genome = space.random_genome(first);
  for (std::uint64_t i = 0; i < 12000; ++i) {
    RandomStream samples = samples_of(i);
    if (i % 4 == 0) count(space.random_genome(samples), random);
    count(genome = space.mutate(genome, samples), mutated);
  }
  std::size_t values = space.options().widths.size() + static_cast<std::size_t>(space.options().max_repeats);
  const auto expect = [&](const KindGenes& kind) {
    for (const Gene& gene : kind.genes)
      for (const GeneValue& value : gene.values) {
        ++values;
        const std::string name = kind.name() + " " + gene.name + " " + value.name;
        INFO(name);
        CHECK(random[name] > 0);
        CHECK(mutated[name] > 0);
      }
  };
  expect(space.options().model);
  for (const KindGenes& kind : space.options().kinds) expect(kind);
  CHECK(random.size() == values);
}

TEST_CASE("a gene of texts sets what its values name and leaves the rest to its default") {
  const OptionGene norms = option_gene_of(AttentionLayer{}, "norm", {"", "Pre<LayerNorm>, Inner<RmsNorm>", "Post<RmsNorm>"});
  const auto text = [](const SubLayer& layer) { return KindGenes{layer, 1, {}}.plain_text(); };
  SubLayer layer = AttentionLayer{};
  layer.get<AttentionLayer>().qk_norm = true;
  norms.gene.values[1].set(layer);
  CHECK(text(layer) == "Attention<QkNorm, Pre<LayerNorm>, Inner<RmsNorm>>");
  norms.gene.values[2].set(layer);
  CHECK(text(layer) == "Attention<QkNorm, Post<RmsNorm>>");
  norms.gene.values[0].set(layer);
  CHECK(text(layer) == "Attention<QkNorm>");
  CHECK(option_gene_of(FfnLayer{}, "activation", {"SwiGlu"})->gene.values[0].name == "Glu<Swish>");
  const OptionGene capacity = option_gene_of(MoeLayer{}, "capacity", {"", "Capacity<300>"});
  SubLayer moe = Moe<ExpertChoice>::value;
  capacity.gene.values[1].set(moe);
  CHECK(moe.get<MoeLayer>().capacity == 300);
  capacity.gene.values[0].set(moe);
  CHECK(moe.get<MoeLayer>().capacity == 100);
  const SubLayer pair = SubLayer::parallel({AttentionLayer{}, FfnLayer{}});
  SubLayer changed = pair;
  option_gene_of(pair, "hidden", {"Hidden<64>"}, true, 2)->gene.values[0].set(changed);
  CHECK(changed.parts[1].get<FfnLayer>().hidden == 64);
}

TEST_CASE("a value that the kind does not take is refused with what it takes") {
  const auto why = [](const SubLayer& plain, const std::vector<std::string>& values, std::size_t part = 0) {
    return option_gene_of(plain, "gene", values, false, part).error().message;
  };
  CHECK(why(AttentionLayer{}, {"Heads<2>", "Head<4>"}).find("\"Head<4>\": \"Head\": this is not an option") == 0);
  CHECK(why(AttentionLayer{}, {"Head<4>"}).find("did you mean \"Heads\"?") != std::string::npos);
  CHECK(why(FfnLayer{}, {"Hidden<0>"}) == "\"Hidden<0>\": \"0\": the number is out of range; allowed: 1 to 2147483647");
  CHECK(why(FfnLayer{}, {"ReLU>, Ffn<GeLU"}).find("the text goes on") != std::string::npos);
  CHECK(why(MoeLayer{}, {"Top1", ""}).find("must name the option") != std::string::npos);
  CHECK(why(FfnLayer{}, {"ReLU"}, 1).find("has no number 1") != std::string::npos);
  CHECK(why(FfnLayer{}, {"ReLU", "Pre<RmsNrm>"}).find("did you mean \"RmsNorm\"?") != std::string::npos);
}

TEST_CASE("the spaces of known architectures have the widths, scales and bounds of the space that they judge") {
  BlockSpaceOptions chosen = brainformer_space();
  chosen.widths = {72, 144};
  chosen.max_total = 10;
  chosen.seeds = {"not read"};
  for (const BlockSpaceOptions& control : {transformer_space(chosen), primer_ez_space(chosen), glam_space(chosen)}) {
    CHECK(control.widths == std::vector{72, 144});
    CHECK(control.max_total == 10);
    CHECK(control.seeds.empty());
    CHECK(control.kinds[0].genes[0].values[0].name == "Heads<3>, HeadDim<32>");
    CHECK(control.kinds[1].genes.end()[-2].values.size() == 4);
  }
  CHECK(transformer_space(chosen).kinds[1].genes[0].values.size() == 8);
}

TEST_CASE("the plain baselines and Primer-EZ lie in the spaces that tune them") {
  const BlockSpace transformer(transformer_space()), primer_ez(primer_ez_space());
  for (const Baseline& baseline : proxy_baselines({})) {
    INFO(baseline.name);
    if (baseline.is_plain) CHECK(transformer.check(baseline.text).ok());
    if (baseline.name == "Primer-EZ") CHECK(primer_ez.check(baseline.text).ok());
  }
}

TEST_CASE("seeds are the first genomes of the search, and of no control arm") {
  BlockSpaceOptions options;
  options.context = 32;
  options.seeds = {"Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 3>, Width<64>>",
                   "Decoder<Stack<Block<Attention<Heads<4>>>, 2>, Vocab<256>, Width<96>, Context<64>>"};
  const BlockSpace space(options);
  REQUIRE(space.seeds().size() == 2);
  CHECK(space.seeds()[1] == "Decoder<Stack<Block<Attention<Heads<4>>>, 2>, Vocab<256>, Width<96>, Context<32>>");
  const Evolution evolution({.initial = 4, .population = 8, .tournament = 2});
  const RandomSearch random;
  const ConstantOracle oracle(1e-3);
  FunctionEvaluator evaluator([](const TrainRequest& r) { return static_cast<double>(r.text.size()); });
  InProcessWorkers workers(evaluator);
  const std::string plain = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<32>>";
  const Study study{.space = space,
                    .strategy = evolution,
                    .oracle = oracle,
                    .baselines = {{"plain", plain, true}},
                    .workers = workers,
                    .controls = {{"random", &space, &random}}};
  Store store = Store::in_memory();
  REQUIRE(study.run(store, {.genomes = 8}));
  std::vector<std::string> own, other;
  for (const Trial& t : store.trials())
    if (t.phase == "search" && t.state == State::done) (t.name.empty() ? own : other).push_back(t.text);
  REQUIRE(own.size() == 4);
  CHECK(std::vector(own.begin(), own.begin() + 2) == space.seeds());
  CHECK(std::find(space.seeds().begin(), space.seeds().end(), own[2]) == space.seeds().end());
  for (const std::string& seed : space.seeds()) CHECK(std::find(other.begin(), other.end(), seed) == other.end());
  CHECK(space.describe().at("seeds").size() == 2);
  options.seeds = {"Decoder<Stack<Block<Attention<Heads<3>>>, 2>, Width<96>>"};
  std::string why;
  try {
    (void)BlockSpace(options);
  } catch (const Exception& error) { why = error.what(); }
  CHECK(why.find("its heads is not in the search space") != std::string::npos);
}

TEST_CASE("a study in the wide space runs, and leaves the same record again") {
  const BlockSpace space(wide_space());
  const Evolution evolution({.initial = 10, .population = 16, .tournament = 4});
  const ConstantOracle oracle(1e-3);
  FunctionEvaluator evaluator([](const TrainRequest& r) { return 100.0 - static_cast<double>(r.text.size() % 97); });
  std::vector<std::string> records;
  for (int run = 0; run < 2; ++run) {
    InProcessWorkers workers(evaluator);
    const std::string plain = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>";
    const Study study{space, evolution, oracle, {{"plain", plain, true}}, workers};
    Store store = Store::in_memory();
    REQUIRE(study.run(store, {.genomes = 40}));
    records.push_back(store.record());
  }
  CHECK(records[0] == records[1]);
  CHECK(records[0].size() > 4000);
}
