#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/genome/layer_text.hpp"
#include "genoform/genome/sub_layer.hpp"
#include "genoform/genome/tree.hpp"

namespace genoform::search {

/// One value of a gene: what it sets in a sub-layer, and its name in the description of a space.
struct GeneValue {
  std::string name;
  std::function<void(SubLayer&)> set;
  /// False where setting it would change the sub-layer for certain, which is faster to see than to try; none: it must be tried.
  std::function<bool(const SubLayer&)> may_be_set = nullptr;
};

/// One choice in a sub-layer. `ordered`: the values are a scale.
struct Gene {
  std::string name;
  std::vector<GeneValue> values;
  bool ordered = false;
  std::size_t part = 0;  ///< of a Parallel: the part that the gene belongs to, from 1; 0: the sub-layer itself
};

/// The options of a model that differ from their defaults, as in "Width<64>, Untied".
inline std::string options_text(const DecoderLayer& model) {
  return written([&](TextWriter& out) { print_options(model, ModelContext{}, out); });
}

/// A kind of sub-layer and its genes, set in their order. `weight`: how often a random sub-layer is of this kind.
struct KindGenes {
  SubLayer plain;  ///< what the genes are set in; options without a gene stay as they are here
  double weight = 1;
  std::vector<Gene> genes;

  /// As in "Moe"; of sub-layers side by side "Parallel<Attention, Ffn>".
  std::string name() const {
    std::string name(plain.name());
    for (const SubLayer& part : plain.parts) name += (&part == &plain.parts.front() ? "<" : ", ") + std::string(part.name());
    return plain.parts.empty() ? name : name + ">";
  }
  /// Is it, or has it a part, of the kind that is named?
  bool has(std::string_view kind) const {
    const auto is_named = [&](const SubLayer& part) { return part.name() == kind; };
    return name() == kind || std::any_of(plain.parts.begin(), plain.parts.end(), is_named);
  }
  /// The text of `plain`; of a model its options alone.
  std::string plain_text() const {
    if (const DecoderLayer* model = plain.get_if<DecoderLayer>()) return options_text(*model);
    NodeList nodes;
    plain.spell(ModelContext{}, nodes);
    return text_of_nodes(nodes.tree());
  }
};

/// Are they of one kind, and their parts too?
inline bool is_alike(const SubLayer& a, const SubLayer& b) {
  return &a.kind() == &b.kind() && std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), b.parts.end(), is_alike);
}

/// A value that a function sets: `value_of<FfnLayer>("Bias", [](FfnLayer& l) { l.bias = true; })`.
template <class Layer, class Set>
GeneValue value_of(std::string name, Set set) {
  return {std::move(name), [set](SubLayer& sub_layer) { set(sub_layer.get<Layer>()); }, nullptr};
}

namespace gene_options {

/// Calls f(row) with the row of the table that has this member.
template <auto Member>
void with_row(auto f) {
  each_row<option_rows::layer_of<Member>>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if constexpr (std::is_same_v<std::remove_cv_t<decltype(Row::member)>, std::remove_cv_t<decltype(Member)>>)
      if (Row::member == Member) f(row);
  });
}

/// How the text writes the member; empty where it writes nothing.
template <auto Member>
std::string name_of(const option_rows::value_of<Member>& value) {
  std::string name;
  with_row<Member>([&](const auto& row) {
    if constexpr (std::is_same_v<option_rows::value_of<Member>, bool>)
      if (!value) return;
    if (!row.is_open(value)) name = written([&](TextWriter& out) { row.print(value, out); });
  });
  return name;
}

}  // namespace gene_options

/// A gene whose values are those of one option: `option_gene<&AttentionLayer::heads>("heads", {1, 2, 4}, true)`.
template <auto Member>
Gene option_gene(std::string name, std::initializer_list<option_rows::value_of<Member>> values, bool ordered = false) {
  using Layer = option_rows::layer_of<Member>;
  Gene gene{std::move(name), {}, ordered};
  for (const auto& value : values) {
    gene.values.push_back(
        value_of<Layer>(gene_options::name_of<Member>(value), [value](Layer& layer) { layer.*Member = value; }));
    gene_options::with_row<Member>([&](const auto& row) {
      if (!row.is_open(value))
        gene.values.back().may_be_set = [value](const SubLayer& whole) { return whole.get<Layer>().*Member == value; };
    });
  }
  return gene;
}
/// The same with the option left to its default as the first value.
template <auto Member>
Gene optional_gene(std::string name, std::initializer_list<option_rows::value_of<Member>> values, bool ordered = false) {
  using Layer = option_rows::layer_of<Member>;
  Gene gene = option_gene<Member>(std::move(name), values, ordered);
  gene.values.insert(
      gene.values.begin(), value_of<Layer>("", [](Layer& layer) {
        gene_options::with_row<Member>([&](const auto& row) { layer.*Member = row.otherwise(layer, ModelContext{}); });
      }));
  return gene;
}

/// A sub-layer as indices into the tables: its kind, and the value of each gene of that kind.
struct SubLayerGenes {
  std::size_t kind = 0;
  std::vector<std::size_t> values;
  friend bool operator==(const SubLayerGenes&, const SubLayerGenes&) = default;
};

/// A stack of equal blocks as indices into the tables.
struct BlockGenes {
  std::size_t width = 0;
  std::size_t repeats = 1;  ///< the number of blocks itself
  std::vector<SubLayerGenes> layers;
  std::vector<std::size_t> model{};  ///< the value of each gene of the model's own options
  friend bool operator==(const BlockGenes&, const BlockGenes&) = default;
};

/// The sub-layer of a kind with these values of its genes.
inline SubLayer sub_layer_of(const KindGenes& kind, const std::vector<std::size_t>& values) {
  SubLayer sub_layer = kind.plain;
  for (std::size_t g = 0; g < kind.genes.size(); ++g) kind.genes[g].values[values[g]].set(sub_layer);
  return sub_layer;
}

/// The first value of a gene that changes nothing when it is set. `whole`: a sub-layer of the kind with all its sizes.
inline std::optional<std::size_t> value_in(const Gene& gene, const SubLayer& whole, const ModelContext& model_context) {
  for (std::size_t v = 0; v < gene.values.size(); ++v) {
    const GeneValue& value = gene.values[v];
    if (value.may_be_set && !value.may_be_set(whole)) continue;
    SubLayer changed = whole;
    value.set(changed);
    if (changed == whole || changed.resolved(model_context) == whole) return v;
  }
  return std::nullopt;
}

}  // namespace genoform::search
