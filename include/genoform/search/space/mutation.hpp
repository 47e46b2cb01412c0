#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/space/genes.hpp"
#include "genoform/search/strategy/random_stream.hpp"

namespace genoform::search {

/// What mutations may choose from.
struct GeneTables {
  const std::vector<KindGenes>& kinds;
  std::size_t widths = 1, max_repeats = 1;
  const KindGenes* model = nullptr;  ///< the model's own options; null: they have no genes

  bool has_model_genes() const { return model != nullptr && !model->genes.empty(); }
};

inline std::vector<std::size_t> random_values(const KindGenes& kind, RandomStream& samples) {
  std::vector<std::size_t> values;
  for (const Gene& gene : kind.genes) values.push_back(samples.below(gene.values.size()));
  return values;
}

inline SubLayerGenes random_layer(const GeneTables& tables, RandomStream& samples) {
  std::vector<double> weights;
  for (const KindGenes& kind : tables.kinds) weights.push_back(kind.weight);
  const std::size_t kind = samples.weighted(weights);
  return {kind, random_values(tables.kinds[kind], samples)};
}

/// Another value in [0, count): a neighbour on a scale, any other one else. False when there is no other.
inline bool move_value(std::size_t& value, std::size_t count, bool ordered, RandomStream& samples) {
  if (count < 2) return false;
  if (!ordered) {
    value = (value + 1 + samples.below(count - 1)) % count;
    return true;
  }
  const bool up = value == 0 || (value + 1 < count && samples.below(2) == 1);
  value += up ? std::size_t{1} : std::size_t(-1);
  return true;
}

/// Moves the value of one of the genes; false when there is none, or no other value.
inline bool move_gene(const KindGenes& kind, std::vector<std::size_t>& values, RandomStream& samples) {
  if (kind.genes.empty()) return false;
  const std::size_t g = samples.below(kind.genes.size());
  return move_value(values[g], kind.genes[g].values.size(), kind.genes[g].ordered, samples);
}

/// The ways to change a genome. The order of sub-layers matters little (Brainformer's ablation), so swaps are rare.
enum class Mutation { gene, kind, swap, insert, remove, width, repeats, model };
inline const std::vector<double>& mutation_weights(bool has_model_genes) {
  static const std::vector<double> weights{0.46, 0.12, 0.05, 0.13, 0.10, 0.07, 0.07};
  static const std::vector<double> with_model{0.46, 0.12, 0.05, 0.13, 0.10, 0.07, 0.07, 0.05};
  return has_model_genes ? with_model : weights;
}

/// A layer of another kind keeps the values of genes that both kinds have, by name and value.
inline SubLayerGenes changed_kind(const SubLayerGenes& from, const GeneTables& tables, std::size_t kind, RandomStream& samples) {
  SubLayerGenes to{kind, random_values(tables.kinds[kind], samples)};
  for (std::size_t g = 0; g < to.values.size(); ++g) {
    const Gene& gene = tables.kinds[kind].genes[g];
    const std::vector<Gene>& old_genes = tables.kinds[from.kind].genes;
    for (std::size_t o = 0; o < old_genes.size(); ++o) {
      if (old_genes[o].name != gene.name) continue;
      const std::string& old_value = old_genes[o].values[from.values[o]].name;
      const auto same =
          std::find_if(gene.values.begin(), gene.values.end(), [&](const GeneValue& v) { return v.name == old_value; });
      if (same != gene.values.end()) to.values[g] = static_cast<std::size_t>(same - gene.values.begin());
    }
  }
  return to;
}

/// Changes the genes by one mutation; false when it does not apply to them.
inline bool apply_mutation(Mutation mutation, BlockGenes& genes, const GeneTables& tables, RandomStream& samples) {
  std::vector<SubLayerGenes>& layers = genes.layers;
  const std::size_t at = samples.below(layers.size());
  const auto place = layers.begin() + static_cast<std::ptrdiff_t>(at);
  switch (mutation) {
    case Mutation::gene: return move_gene(tables.kinds[place->kind], place->values, samples);
    case Mutation::model: return tables.has_model_genes() && move_gene(*tables.model, genes.model, samples);
    case Mutation::kind: {
      std::size_t kind = place->kind;
      if (!move_value(kind, tables.kinds.size(), false, samples)) return false;
      *place = changed_kind(*place, tables, kind, samples);
      return true;
    }
    case Mutation::swap: {
      if (layers.size() < 2) return false;
      std::swap(layers[at], layers[(at + 1 + samples.below(layers.size() - 1)) % layers.size()]);
      return true;
    }
    case Mutation::insert: layers.insert(place, random_layer(tables, samples)); return true;
    case Mutation::remove: layers.erase(place); return !layers.empty();
    case Mutation::width: return move_value(genes.width, tables.widths, true, samples);
    case Mutation::repeats: {
      std::size_t value = genes.repeats - 1;
      const bool moved = move_value(value, tables.max_repeats, true, samples);
      genes.repeats = value + 1;
      return moved;
    }
  }
  return false;
}

/// Samples a mutation and applies it.
inline bool mutate_genes(BlockGenes& genes, const GeneTables& tables, RandomStream& samples) {
  return apply_mutation(static_cast<Mutation>(samples.weighted(mutation_weights(tables.has_model_genes()))), genes, tables,
                        samples);
}

}  // namespace genoform::search
