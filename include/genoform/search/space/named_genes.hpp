#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/genome/suggest.hpp"
#include "genoform/io/quote.hpp"
#include "genoform/search/space/block_space.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Where a parameter counts: where the parameter of that name counts and has one of these values.
struct GeneCondition {
  std::string name;
  std::vector<std::string> values;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("values", self.values);
  }
};

/// A choice of a space under a name, for optimizers of parameter lists. `ordered`: the values are a scale.
struct NamedGene {
  std::string name;                 ///< "width", "blocks", "sub_layers", "model.norm", "0.kind", "0.Attention.heads"
  std::vector<std::string> values;  ///< two or more, all different
  bool ordered = false;
  std::optional<GeneCondition> when;  ///< none: it always counts

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("values", self.values);
    visit("ordered", self.ordered);
    visit("when", self.when);
  }
};

/// A block space as a flat list of conditional parameters: sizes first, then the kind of each sub-layer and the genes of each
/// kind that it may be. A choice that has one value only is no parameter. The space must live as long.
class NamedGenes {
 public:
  /// The value of each parameter that counts, by its name.
  using Values = std::map<std::string, std::string>;

  /// `max_sub_layers`: of the blocks that the parameters reach; none: all blocks of the space. Throws Exception (usage) when the
  /// space has no block so short, or a gene two values of the same name.
  explicit NamedGenes(const BlockSpace& space, std::optional<int> max_sub_layers = {});

  /// A parameter comes after the one that its condition names.
  const std::vector<NamedGene>& all() const { return genes_; }

  /// The canonical text of the genome with these values, or why there is none: a name or value that is not known, one that is
  /// missing, or a combination that breaks a rule of the language or a bound of the space. Values that do not count are ignored.
  Result<std::string> decode(const Values& values) const;
  /// The values that decode() makes this genome of; an error when it is not one of the space, or has too many sub-layers.
  Result<Values> encode(const std::string& text) const;

 private:
  /// How a value of a gene is called.
  static std::string name_of(const GeneValue& value) { return value.name.empty() ? "default" : value.name; }
  static std::string name_of(const BlockSpace& space, std::size_t layer, std::size_t kind, const Gene& gene) {
    return std::to_string(layer) + "." + std::string(space.options().kinds[kind].name()) + "." + gene.name;
  }
  static std::string model_name(const Gene& gene) { return "model." + gene.name; }
  static std::string kind_name(std::size_t layer) { return std::to_string(layer) + ".kind"; }

  void add(NamedGene gene);
  void add_layer(std::size_t layer);
  std::string bounds() const;

  const BlockSpace& space_;
  int min_layers_, max_layers_;
  std::vector<NamedGene> genes_;
  std::map<std::string, std::size_t> indices_;  ///< in genes_, by name
};

#if GENOFORM_SEARCH_BODIES

namespace named_genes {

inline std::vector<std::string> numbers(int first, int last) {
  std::vector<std::string> all;
  for (int n = first; n <= last; ++n) all.push_back(std::to_string(n));
  return all;
}

/// The index of a kind of the space.
inline std::size_t kind_of(const BlockSpace& space, const std::string& name) {
  const std::vector<KindGenes>& kinds = space.options().kinds;
  std::size_t kind = 0;
  while (kind < kinds.size() && kinds[kind].name() != name) ++kind;
  return kind;
}

}  // namespace named_genes

GENOFORM_SEARCH_INLINE NamedGenes::NamedGenes(const BlockSpace& space, std::optional<int> max_sub_layers)
    : space_(space), min_layers_(space.options().min_layers), max_layers_(space.options().max_layers) {
  max_layers_ = std::min(max_layers_, max_sub_layers.value_or(max_layers_));
  if (max_layers_ < min_layers_)
    throw Exception({ErrorKind::usage, "no block of the space has as few as " + std::to_string(max_layers_) +
                                           " sub-layers; it has " + std::to_string(min_layers_) + " or more"});
  std::vector<std::string> widths;
  for (const int width : space.options().widths) widths.push_back(std::to_string(width));
  add({"width", std::move(widths), true, {}});
  add({"blocks", named_genes::numbers(1, space.options().max_repeats), true, {}});
  add({"sub_layers", named_genes::numbers(min_layers_, max_layers_), true, {}});
  for (const Gene& gene : space.options().model.genes) {
    NamedGene named{model_name(gene), {}, gene.ordered, {}};
    for (const GeneValue& value : gene.values) named.values.push_back(name_of(value));
    add(std::move(named));
  }
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(max_layers_); ++layer) add_layer(layer);
}

GENOFORM_SEARCH_INLINE void NamedGenes::add(NamedGene gene) {
  for (std::size_t i = 0; i < gene.values.size(); ++i)
    if (std::find(gene.values.begin(), gene.values.begin() + static_cast<std::ptrdiff_t>(i), gene.values[i]) !=
        gene.values.begin() + static_cast<std::ptrdiff_t>(i))
      throw Exception({ErrorKind::usage, "the gene " + gene.name + " has two values named \"" + gene.values[i] + "\""});
  // A short list names its number of sub-layers, one or several: those of the whole space are read by it.
  const bool is_of_short_list = gene.name == "sub_layers" && max_layers_ < space_.options().max_layers;
  if (gene.values.size() < 2 && !is_of_short_list) return;
  indices_.emplace(gene.name, genes_.size());
  genes_.push_back(std::move(gene));
}

GENOFORM_SEARCH_INLINE void NamedGenes::add_layer(std::size_t layer) {
  const BlockSpaceOptions& o = space_.options();
  const int last = static_cast<int>(layer);
  std::optional<GeneCondition> reached;
  if (last >= min_layers_) reached = GeneCondition{"sub_layers", named_genes::numbers(last + 1, max_layers_)};
  std::vector<std::string> kinds;
  for (const KindGenes& kind : o.kinds)
    if (o.pattern.empty() || o.pattern[layer] == kind.name()) kinds.emplace_back(kind.name());
  add({kind_name(layer), kinds, false, reached});
  for (const std::string& name : kinds) {
    const std::size_t kind = named_genes::kind_of(space_, name);
    for (const Gene& gene : o.kinds[kind].genes) {
      NamedGene named{name_of(space_, layer, kind, gene), {}, gene.ordered, reached};
      for (const GeneValue& value : gene.values) named.values.push_back(name_of(value));
      if (kinds.size() > 1) named.when = GeneCondition{kind_name(layer), {name}};
      add(std::move(named));
    }
  }
}

namespace named_genes {

/// Takes the indices of values by the names of their parameters, and remembers the first that is not right.
class Reader {
 public:
  Reader(const std::vector<NamedGene>& genes, const std::map<std::string, std::size_t>& indices, const NamedGenes::Values& values)
      : genes_(genes), indices_(indices), values_(values) {
    std::vector<std::string> names;
    for (const NamedGene& gene : genes) names.push_back(gene.name);
    for (const auto& [name, value] : values)
      if (!indices.contains(name))
        refuse("no parameter is named " + in_quotes(name) + grammar::suggestion(name, {names.begin(), names.end()}));
  }

  std::size_t operator()(const std::string& name) {
    const auto index = indices_.find(name);
    if (index == indices_.end()) return 0;  // a choice with one value
    const std::vector<std::string>& allowed = genes_[index->second].values;
    const auto given = values_.find(name);
    if (given == values_.end()) return refuse("\"" + name + "\" is missing; allowed: " + listed(allowed));
    const auto value = std::find(allowed.begin(), allowed.end(), given->second);
    if (value == allowed.end())
      return refuse("\"" + name + "\" is " + in_quotes(given->second) + "; allowed: " + listed(allowed));
    return static_cast<std::size_t>(value - allowed.begin());
  }
  const std::string& problem() const { return problem_; }

 private:
  std::size_t refuse(const std::string& what) {
    if (problem_.empty()) problem_ = what;
    return 0;
  }

  const std::vector<NamedGene>& genes_;
  const std::map<std::string, std::size_t>& indices_;
  const NamedGenes::Values& values_;
  std::string problem_;
};

}  // namespace named_genes

GENOFORM_SEARCH_INLINE Result<std::string> NamedGenes::decode(const Values& values) const {
  const BlockSpaceOptions& o = space_.options();
  named_genes::Reader index_of(genes_, indices_, values);
  BlockGenes genes;
  genes.width = index_of("width");
  genes.repeats = 1 + index_of("blocks");
  for (const Gene& gene : o.model.genes) genes.model.push_back(index_of(model_name(gene)));
  const std::size_t layers = static_cast<std::size_t>(min_layers_) + index_of("sub_layers");
  for (std::size_t i = 0; i < layers; ++i) {
    SubLayerGenes layer;
    layer.kind = o.pattern.empty() ? index_of(kind_name(i)) : named_genes::kind_of(space_, o.pattern[i]);
    for (const Gene& gene : o.kinds[layer.kind].genes) layer.values.push_back(index_of(name_of(space_, i, layer.kind, gene)));
    genes.layers.push_back(std::move(layer));
  }
  if (!index_of.problem().empty()) return Error{ErrorKind::input, index_of.problem()};
  if (const std::optional<Genome> genome = space_.genome_of(genes)) return genome->text();
  const GenomeTree tree = space_.tree_of(genes);
  const Result<Genome> tried = Genome::from_tree(tree, o.names);
  const std::string why = tried ? "is not in the search space; " + bounds() : tried.error().message;
  return Error{ErrorKind::input, text_of_nodes(spelled(tree).tree()) + (tried ? " " : ": ") + why};
}

GENOFORM_SEARCH_INLINE std::string NamedGenes::bounds() const {
  const BlockSpaceOptions& o = space_.options();
  const std::vector<std::string>& needed = o.needed_kinds;
  return "a block has " + std::to_string(o.min_layers) + " to " + std::to_string(o.max_layers) + " sub-layers" +
         (needed.empty() ? "" : ", one of them " + listed(needed, " or ")) + ", and a model " + std::to_string(o.min_total) +
         " to " + std::to_string(o.max_total) + " in all its blocks";
}

GENOFORM_SEARCH_INLINE Result<NamedGenes::Values> NamedGenes::encode(const std::string& text) const {
  const Result<Genome> genome = Genome::parse(text, space_.options().names);
  if (!genome) return genome.error();
  const Result<BlockGenes> genes = space_.genes_of(genome->tree());
  if (!genes) return genes.error();
  const auto layers = static_cast<int>(genes->layers.size());
  if (layers > max_layers_)
    return Error{ErrorKind::input, text + " has " + std::to_string(layers) +
                                       " sub-layers; the parameters reach blocks of at most " + std::to_string(max_layers_)};
  Values values;
  const auto put = [&](const std::string& name, std::size_t index) {
    if (const auto found = indices_.find(name); found != indices_.end()) values[name] = genes_[found->second].values[index];
  };
  put("width", genes->width);
  put("blocks", genes->repeats - 1);
  put("sub_layers", static_cast<std::size_t>(layers - min_layers_));
  for (std::size_t g = 0; g < genes->model.size(); ++g) put(model_name(space_.options().model.genes[g]), genes->model[g]);
  for (std::size_t i = 0; i < genes->layers.size(); ++i) {
    const SubLayerGenes& layer = genes->layers[i];
    const KindGenes& kind = space_.options().kinds[layer.kind];
    put(kind_name(i), layer.kind);  // where there is a pattern, this is no parameter
    for (std::size_t g = 0; g < kind.genes.size(); ++g) put(name_of(space_, i, layer.kind, kind.genes[g]), layer.values[g]);
  }
  return values;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
