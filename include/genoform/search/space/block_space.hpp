#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/search/space/genes.hpp"
#include "genoform/search/space/mutation.hpp"
#include "genoform/search/space/space.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The sizes and gene tables of a BlockSpace; the defaults are Table 1 of the Brainformer paper scaled to a proxy
/// (Zhou et al., 2023, section 3), with norms, experts, key heads and Primer's convolution beside it.
struct BlockSpaceOptions {
  int vocab = 256, context = 64;
  std::vector<int> widths{48, 64, 96, 128};
  int min_layers = 1, max_layers = 8;                  ///< sub-layers of a block; equal: the count is fixed
  int max_repeats = 6;                                 ///< blocks of a model
  int min_total = 1, max_total = 12;                   ///< sub-layers of a model
  std::vector<std::string> needed_kinds{"Attention"};  ///< every block has at least one of them; empty: it may have any
  std::vector<std::string> pattern{};  ///< the kinds of a block in their order, where they are fixed; their options are free
  KindNames names{};                   ///< the kinds that texts may use; a kind of your own joins here and in `kinds`
  std::vector<KindGenes> kinds = default_kinds();
  KindGenes model{DecoderLayer{}, 1, {}};  ///< options of the model beside its sizes, and genes of them
  std::vector<std::string> seeds{};        ///< texts of genomes to begin with; vocabulary and context are those of the space

  static std::vector<KindGenes> default_kinds();
};

/// Stacks of one block of a few sub-layers, as Brainformer searches them: which kinds, in which order, with which options.
class BlockSpace : public Space {
 public:
  explicit BlockSpace(BlockSpaceOptions options = {});

  const BlockSpaceOptions& options() const { return options_; }
  std::string kind() const override { return "block"; }
  nlohmann::json describe() const override;

  std::string random(RandomStream& samples) const override { return random_genome(samples).text(); }
  std::string mutate(const std::string& parent, RandomStream& samples) const override {
    return mutate(Genome::parse(parent, options_.names).value(), samples).text();
  }
  Result<void> check(const std::string& text) const override {
    const Result<Genome> genome = Genome::parse(text, options_.names);
    if (!genome) return genome.error();
    if (genome->text() != text) return Error{ErrorKind::input, text + " is not in canonical form: " + genome->text()};
    return check(*genome);
  }

  std::vector<std::string> bounds_of(const std::string& text) const override;
  const std::vector<std::string>& seeds() const override { return seeds_; }

  // The same without texts.
  Genome random_genome(RandomStream& samples) const {
    for (int tries = 0; tries < max_tries(); ++tries)
      if (const auto genome = genome_of(random_genes(samples))) return *genome;
    throw Exception(
        {ErrorKind::usage, "the block space has no legal genome among " + std::to_string(max_tries()) +
                               " random ones; check its genes against the rules of the kinds, or take fewer sub-layers"});
  }
  Genome mutate(const Genome& parent, RandomStream& samples) const {
    const BlockGenes from = genes_of(parent.tree());
    for (int tries = 0; tries < max_tries(); ++tries) {
      BlockGenes genes = from;
      if (!mutate_genes(genes, tables(), samples)) continue;
      const auto genome = genome_of(genes);
      if (genome && *genome != parent) return *genome;
    }
    throw Exception({ErrorKind::usage, "the block space has one genome only: " + parent.text()});
  }
  Result<void> check(const Genome& genome) const {
    const Result<BlockGenes> genes = genes_of(genome.tree());
    return genes ? Result<void>() : Result<void>(genes.error());
  }

  /// The genes of a genome of this space, or why it is none.
  Result<BlockGenes> genes_of(const GenomeTree& tree) const;
  /// The tree as the genes say it; may break a rule of the language.
  GenomeTree tree_of(const BlockGenes& genes) const {
    GenomeTree tree{.options = model_options(genes),
                    .stacks = {{.count = static_cast<std::int64_t>(genes.repeats), .sub_layers = {}}}};
    tree.stacks[0].sub_layers.reserve(genes.layers.size());
    for (const SubLayerGenes& layer : genes.layers)
      tree.stacks[0].sub_layers.push_back(sub_layer_of(options_.kinds[layer.kind], layer.values));
    return tree;
  }
  /// The genome, when the genes are legal and within the bounds of the space.
  std::optional<Genome> genome_of(const BlockGenes& genes) const {
    if (!within_bounds(genes)) return std::nullopt;
    return Genome::if_legal(tree_of(genes), options_.names.all());
  }
  /// The sizes and options of a model with these genes.
  DecoderLayer model_options(const BlockGenes& genes) const {
    DecoderLayer model = sub_layer_of(options_.model, genes.model).get<DecoderLayer>();
    model.vocab = options_.vocab;
    model.width = options_.widths[genes.width];
    model.context = options_.context;
    return model;
  }
  /// Does a block with a sub-layer of that kind have what every block needs?
  bool is_needed(std::size_t kind) const { return is_needed_[kind] != 0; }

 private:
  /// The index of a kind that a pattern names, which the constructor has found.
  std::size_t kind_named(const std::string& name) const {
    std::size_t kind = 0;
    while (kind < kind_names_.size() && kind_names_[kind] != name) ++kind;
    return kind;
  }
  /// So many that the time of a search in vain does not grow with the genomes.
  int max_tries() const { return std::max(100, 400000 / options_.max_layers); }

  GeneTables tables() const {
    return {options_.kinds, options_.widths.size(), static_cast<std::size_t>(options_.max_repeats), &options_.model};
  }

  /// Whether the kinds are those of the pattern, if there is one.
  bool fits_pattern(const BlockGenes& genes) const {
    return options_.pattern.empty() ||
           std::equal(genes.layers.begin(), genes.layers.end(), options_.pattern.begin(), options_.pattern.end(),
                      [&](const SubLayerGenes& l, const std::string& name) { return kind_names_[l.kind] == name; });
  }
  bool within_bounds(const BlockGenes& genes) const {
    if (!fits_pattern(genes)) return false;
    const int layers = static_cast<int>(genes.layers.size());
    const int total = layers * static_cast<int>(genes.repeats);
    const bool has_needed =
        std::any_of(genes.layers.begin(), genes.layers.end(), [&](const SubLayerGenes& l) { return is_needed(l.kind); });
    return has_needed && layers >= options_.min_layers && layers <= options_.max_layers && total >= options_.min_total &&
           total <= options_.max_total && static_cast<int>(genes.repeats) <= options_.max_repeats;
  }

  BlockGenes random_genes(RandomStream& samples) const {
    BlockGenes genes{.width = samples.below(options_.widths.size()),
                     .repeats = 1 + samples.below(static_cast<std::size_t>(options_.max_repeats)),
                     .layers = {},
                     .model = {}};
    genes.model = random_values(options_.model, samples);
    for (const std::string& name : options_.pattern) {
      const std::size_t kind = kind_named(name);
      genes.layers.push_back({kind, random_values(options_.kinds[kind], samples)});
    }
    if (!options_.pattern.empty()) return genes;
    const auto choices = static_cast<std::size_t>(options_.max_layers - options_.min_layers + 1);
    const std::size_t layers = static_cast<std::size_t>(options_.min_layers) + samples.below(choices);
    for (std::size_t i = 0; i < layers; ++i) genes.layers.push_back(random_layer(tables(), samples));
    return genes;
  }

  Result<SubLayerGenes> genes_of(const SubLayer& sub_layer, const ModelContext& model_context) const;

  /// The canonical text of a seed; Exception when it is no genome of the space.
  std::string seed_text(const std::string& seed) const;

  BlockSpaceOptions options_;
  std::vector<std::string> kind_names_, seeds_;
  std::vector<char> is_needed_;  ///< of each kind
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE BlockSpace::BlockSpace(BlockSpaceOptions options) : options_(std::move(options)) {
  if (options_.widths.empty() || options_.kinds.empty() || options_.min_layers < 1 || options_.max_layers < options_.min_layers ||
      options_.max_total < std::max(options_.min_total, options_.min_layers) || options_.max_repeats < 1)
    throw Exception({ErrorKind::usage,
                     "the block space is empty: it needs a width, a kind and room for one block within the bounds of a model"});
  for (const KindGenes& kind : options_.kinds) kind_names_.push_back(kind.name());
  for (const std::string& name : options_.pattern)
    if (kind_named(name) == options_.kinds.size())
      throw Exception({ErrorKind::usage, "the pattern of the block space names \"" + name + "\", which is none of its kinds"});
  for (const KindGenes& kind : options_.kinds) {
    const std::vector<std::string>& needed = options_.needed_kinds;
    is_needed_.push_back(needed.empty() ||
                         std::any_of(needed.begin(), needed.end(), [&](const std::string& name) { return kind.has(name); }));
  }
  for (const std::string& seed : options_.seeds) seeds_.push_back(seed_text(seed));
}

GENOFORM_SEARCH_INLINE std::string BlockSpace::seed_text(const std::string& seed) const {
  const auto refused = [&](const Error& error) { return Exception({error.error_kind, "seed " + seed + ": " + error.message}); };
  Result<Genome> genome = Genome::parse(seed, options_.names);
  if (genome) genome = genome->with_sizes(options_.vocab, 0, options_.context);
  if (!genome) throw refused(genome.error());
  if (const Result<void> checked = check(*genome); !checked) throw refused(checked.error());
  return genome->text();
}

/// A gene that is not written stands for the value that changes nothing when it is set.
GENOFORM_SEARCH_INLINE Result<SubLayerGenes> BlockSpace::genes_of(const SubLayer& sub_layer,
                                                                  const ModelContext& model_context) const {
  const auto refused = [&](const std::string& what) {
    NodeList list;
    sub_layer.spell(model_context, list);
    return Error{ErrorKind::input, text_of_nodes(list.tree()) + what + " is not in the search space"};
  };
  const SubLayer whole = sub_layer.resolved(model_context);
  SubLayerGenes genes;
  while (genes.kind < options_.kinds.size() && !is_alike(options_.kinds[genes.kind].plain, whole)) ++genes.kind;
  if (genes.kind == options_.kinds.size()) return refused(": its kind");
  const KindGenes& kind = options_.kinds[genes.kind];
  for (const Gene& gene : kind.genes) {
    const std::optional<std::size_t> value = value_in(gene, whole, model_context);
    if (!value) return refused(": its " + gene.name);
    genes.values.push_back(*value);
  }
  if (sub_layer_of(kind, genes.values).resolved(model_context) != whole) return refused("");
  return genes;
}

GENOFORM_SEARCH_INLINE std::vector<std::string> BlockSpace::bounds_of(const std::string& text) const {
  const Result<Genome> genome = Genome::parse(text, options_.names);
  if (!genome) return {};
  const Result<BlockGenes> genes = genes_of(genome->tree());
  if (!genes) return {};
  std::vector<std::string> bounds;
  const auto add = [&](const std::string& what, bool is_reached, const char* end) {
    const std::string bound = what + " (the " + end + ")";
    if (is_reached && std::find(bounds.begin(), bounds.end(), bound) == bounds.end()) bounds.push_back(bound);
  };
  const std::size_t widths = options_.widths.size(), total = genes->layers.size() * genes->repeats;
  const auto most = static_cast<std::size_t>(options_.max_total);
  const std::string width = "width " + std::to_string(options_.widths[genes->width]);
  add(width, widths > 1 && genes->width == 0, "smallest");
  add(width, widths > 1 && genes->width + 1 == widths, "largest");
  add(std::to_string(total) + " sub-layers", total == most, "most");
  for (const SubLayerGenes& layer : genes->layers)
    for (std::size_t g = 0; g < layer.values.size(); ++g) {
      const Gene& gene = options_.kinds[layer.kind].genes[g];
      const std::size_t values = gene.values.size();
      add(gene.values[layer.values[g]].name, gene.ordered && values > 1 && layer.values[g] + 1 == values, "end of its scale");
    }
  return bounds;
}

GENOFORM_SEARCH_INLINE Result<BlockGenes> BlockSpace::genes_of(const GenomeTree& tree) const {
  BlockGenes genes;
  const auto width = std::find(options_.widths.begin(), options_.widths.end(), tree.options.width);
  genes.width = static_cast<std::size_t>(width - options_.widths.begin());
  const auto refused = [&] {
    return Error{ErrorKind::input, text_of_nodes(spelled(tree).tree()) + " is not in the search space"};
  };
  if (tree.form != GenomeTree::Form::model || tree.stacks.size() != 1 || width == options_.widths.end()) return refused();
  for (const Gene& gene : options_.model.genes) {
    const std::optional<std::size_t> value = value_in(gene, SubLayer(tree.options), ModelContext{});
    if (!value)
      return Error{ErrorKind::input, text_of_nodes(spelled(tree).tree()) + ": its " + gene.name + " is not in the search space"};
    genes.model.push_back(*value);
  }
  if (tree.options != model_options(genes)) return refused();
  genes.repeats = static_cast<std::size_t>(tree.stacks[0].count);
  for (const SubLayer& sub_layer : tree.stacks[0].sub_layers) {
    Result<SubLayerGenes> layer = genes_of(sub_layer, tree.model_context());
    if (!layer) return layer.error();
    genes.layers.push_back(std::move(*layer));
  }
  if (!within_bounds(genes)) return refused();
  return genes;
}

namespace block_space {

inline nlohmann::json described(const KindGenes& kind) {
  nlohmann::json genes = nlohmann::json::object();
  for (const Gene& gene : kind.genes)
    for (const GeneValue& value : gene.values) genes[gene.name].push_back(value.name);
  return {{"plain", kind.plain_text()}, {"weight", kind.weight}, {"genes", std::move(genes)}};
}

}  // namespace block_space

GENOFORM_SEARCH_INLINE nlohmann::json BlockSpace::describe() const {
  nlohmann::json kinds = nlohmann::json::array();
  for (const KindGenes& kind : options_.kinds) kinds.push_back(block_space::described(kind));
  nlohmann::json space{{"vocab", options_.vocab},
                       {"context", options_.context},
                       {"widths", options_.widths},
                       {"sub_layers", {options_.min_layers, options_.max_layers}},
                       {"max_repeats", options_.max_repeats},
                       {"sub_layers_of_model", {options_.min_total, options_.max_total}},
                       {"pattern", options_.pattern},
                       {"kinds", std::move(kinds)}};
  // What studies of older formats did not have is left out where it is as it was in them, so that they can go on.
  const BlockSpaceOptions usual;
  if (options_.pattern.empty() && options_.needed_kinds != usual.needed_kinds) space["needed_kinds"] = options_.needed_kinds;
  const nlohmann::json model = block_space::described(options_.model);
  if (model != block_space::described(usual.model)) space["model"] = model;
  if (!seeds_.empty()) space["seeds"] = seeds_;
  return space;
}

#endif

/// The norms that the block space tries around a sub-layer.
template <class Layer>
Gene norm_gene() {
  const auto norms = [](std::string name, const Normed& chosen) {
    return value_of<Layer>(std::move(name), [chosen](Layer& layer) { static_cast<Normed&>(layer) = chosen; });
  };
  constexpr Norm none{}, rms{NormKind::rms}, layer{NormKind::layer};
  return {"norm",
          {norms("Pre<RmsNorm>", {.pre = rms, .post = none, .inner = none}),
           norms("Pre<LayerNorm>", {.pre = layer, .post = none, .inner = none}),
           norms("Pre<RmsNorm>, Inner<RmsNorm>", {.pre = rms, .post = none, .inner = rms}),
           norms("Pre<LayerNorm>, Inner<LayerNorm>", {.pre = layer, .post = none, .inner = layer}),
           norms("Post<RmsNorm>", {.pre = none, .post = rms, .inner = none}),
           norms("Post<LayerNorm>", {.pre = none, .post = layer, .inner = none})}};
}

/// The activations that the block space tries, plain and gated.
template <auto Member>
Gene activation_gene() {
  Gene gene{"activation", {}};
  for (const bool gated : {false, true})
    for (const ActivationKind kind : {ActivationKind::relu, ActivationKind::gelu, ActivationKind::swish, ActivationKind::sqrelu})
      gene.values.push_back(option_gene<Member>("", {Activation{kind, gated}}).values.front());
  return gene;
}

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE std::vector<KindGenes> BlockSpaceOptions::default_kinds() {
  using A = AttentionLayer;
  using F = FfnLayer;
  using M = MoeLayer;
  constexpr bool ordered = true;
  return {
      {A{},
       1.0,
       {option_gene<&A::heads>("heads", {1, 2, 4, 8}, ordered), optional_gene<&A::kv_heads>("key heads", {2, 1}, ordered),
        optional_gene<&A::dconv>("convolution", {3, 5}, ordered),
        option_gene<&A::position>("position", {Attention<Rope>::value.position, Attention<NoPos>::value.position}),
        norm_gene<A>()}},
      {F{},
       1.0,
       {activation_gene<&F::activation>(), option_gene<&F::hidden>("hidden", {64, 96, 128, 192, 256, 384, 512}, ordered),
        norm_gene<F>()}},
      {M{},
       0.5,
       {option_gene<&M::router>("router", {Moe<Top1>::value.router, Moe<Top2>::value.router, Moe<ExpertChoice>::value.router}),
        option_gene<&M::experts>("experts", {4, 8, 16}, ordered), activation_gene<&M::activation>(),
        option_gene<&M::hidden>("hidden", {32, 64, 96, 128, 192, 256}, ordered),
        optional_gene<&M::capacity>("capacity", {100, 150, 200}), norm_gene<M>()}}};
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
