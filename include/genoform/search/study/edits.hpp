#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/space/genes.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// An architecture with the learning rate and the batch that it is trained at.
struct Candidate {
  std::string text;  ///< canonical
  double learning_rate = 0;
  int batch = 0;  ///< sequences of a training step; 0: the evaluator's own number

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("text", self.text);
    visit("learning_rate", self.learning_rate);
    visit("batch", self.batch);
  }
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

/// What two candidates of a BlockSpace differ in, one gene an edit: applying all edits to the first gives the second.
///
/// Sub-layers are aligned by an edit script over their kinds: as few as possible are put in, left out or exchanged for another
/// kind, and of such scripts the one whose pairs differ in the fewest genes, all of them where the kinds do. A sub-layer that is
/// put in, left out or exchanged is one edit, with all its genes; a pair of equal kind has one edit for each gene that differs.
/// Names count sub-layers along the aligned pairs, from 1.
class Edits {
 public:
  /// Throws Exception (input) where a candidate is no genome of the space.
  Edits(const BlockSpace& space, const Candidate& from, const Candidate& to);

  std::size_t size() const { return edits_.size(); }
  /// As in "sub-layer 2, Ffn: activation ReLU -> SqReLU".
  const std::string& name(std::size_t edit) const { return edits_[edit].name; }

  /// The first candidate with the edits for which applied[i]; an Error that says which rule of the language they break. It may
  /// lie beyond the bounds of the space, which say what is searched and not what is a model.
  Result<Candidate> with(const std::vector<bool>& applied) const;
  Result<Candidate> with_only(std::size_t edit) const { return with(mask(edit, true)); }
  Result<Candidate> with_all_but(std::size_t edit) const { return with(mask(edit, false)); }

 private:
  /// Sub-layers that stand for each other; one is none where the other was put in or left out.
  struct Pair {
    std::optional<SubLayerGenes> from, to;
  };
  struct Edit {
    enum class What { learning_rate, batch, width, repeats, model, sub_layer, gene };
    std::string name;
    What what;
    std::size_t pair = 0, gene = 0;
  };
  using What = Edit::What;

  std::vector<bool> mask(std::size_t edit, bool value) const {
    std::vector<bool> applied(edits_.size(), !value);
    applied[edit] = value;
    return applied;
  }
  BlockGenes genes_of(const Candidate& candidate) const;
  void align(const std::vector<SubLayerGenes>& from, const std::vector<SubLayerGenes>& to);
  void list_edits(const BlockGenes& from, const BlockGenes& to);
  void list_edits(std::size_t pair, const BlockGenes& from, const BlockGenes& to);
  std::string text_of(const std::optional<SubLayerGenes>& layer, std::size_t width) const;

  const BlockSpace& space_;
  double from_rate_, to_rate_;
  int from_batch_, to_batch_;
  std::size_t from_width_ = 0, to_width_ = 0, from_repeats_ = 1, to_repeats_ = 1;
  std::vector<std::size_t> from_model_, to_model_;
  std::vector<Pair> pairs_;
  std::vector<Edit> edits_;
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE Edits::Edits(const BlockSpace& space, const Candidate& from, const Candidate& to)
    : space_(space), from_rate_(from.learning_rate), to_rate_(to.learning_rate), from_batch_(from.batch), to_batch_(to.batch) {
  const BlockGenes first = genes_of(from), second = genes_of(to);
  from_width_ = first.width, to_width_ = second.width;
  from_repeats_ = first.repeats, to_repeats_ = second.repeats;
  from_model_ = first.model, to_model_ = second.model;
  align(first.layers, second.layers);
  list_edits(first, second);
}

GENOFORM_SEARCH_INLINE BlockGenes Edits::genes_of(const Candidate& candidate) const {
  const Genome genome = Genome::parse(candidate.text, space_.options().names).value();
  return space_.genes_of(genome.tree()).value();
}

namespace edits {

inline std::string name_of(const Gene& gene, std::size_t value) {
  const std::string& name = gene.values[value].name;
  return name.empty() ? "default" : name;
}
inline std::size_t differing_genes(const SubLayerGenes& a, const SubLayerGenes& b) {
  std::size_t count = 0;
  for (std::size_t g = 0; g < a.values.size(); ++g) count += a.values[g] != b.values[g] ? 1 : 0;
  return count;
}

inline constexpr std::size_t structural = 1000000;  ///< the cost of a sub-layer put in or left out; of a gene it is 1

/// An exchange counts all genes, so that a sub-layer that has moved is rather put in again than exchanged with its neighbour.
inline std::size_t cost_of(const SubLayerGenes& a, const SubLayerGenes& b) {
  return a.kind == b.kind ? differing_genes(a, b) : structural + b.values.size();
}

}  // namespace edits

GENOFORM_SEARCH_INLINE void Edits::align(const std::vector<SubLayerGenes>& from, const std::vector<SubLayerGenes>& to) {
  const std::size_t rows = from.size(), columns = to.size();
  // cost[i][j]: of aligning what follows the first i and j sub-layers (Wagner and Fischer 1974, from the end).
  std::vector cost(rows + 1, std::vector<std::size_t>(columns + 1, 0));
  for (std::size_t i = rows + 1; i-- > 0;)
    for (std::size_t j = columns + 1; j-- > 0;) {
      if (i == rows || j == columns) {
        cost[i][j] = edits::structural * (rows - i + columns - j);
        continue;
      }
      cost[i][j] = std::min({edits::cost_of(from[i], to[j]) + cost[i + 1][j + 1], edits::structural + cost[i + 1][j],
                             edits::structural + cost[i][j + 1]});
    }
  for (std::size_t i = 0, j = 0; i < rows || j < columns;) {
    if (i < rows && j < columns && cost[i][j] == edits::cost_of(from[i], to[j]) + cost[i + 1][j + 1])
      pairs_.push_back({from[i++], to[j++]});
    else if (i < rows && cost[i][j] == edits::structural + cost[i + 1][j])
      pairs_.push_back({from[i++], std::nullopt});
    else
      pairs_.push_back({std::nullopt, to[j++]});
  }
}

GENOFORM_SEARCH_INLINE void Edits::list_edits(const BlockGenes& from, const BlockGenes& to) {
  const auto changed = [](const std::string& what, const std::string& before, const std::string& after) {
    return what + " " + before + " -> " + after;
  };
  if (from_rate_ != to_rate_)
    edits_.push_back({changed("learning rate", general_text(from_rate_), general_text(to_rate_)), What::learning_rate});
  if (from_batch_ != to_batch_)
    edits_.push_back({changed("batch", std::to_string(from_batch_), std::to_string(to_batch_)), What::batch});
  const std::vector<int>& widths = space_.options().widths;
  if (from.width != to.width)
    edits_.push_back({changed("width", std::to_string(widths[from.width]), std::to_string(widths[to.width])), What::width});
  if (from.repeats != to.repeats)
    edits_.push_back({changed("blocks", std::to_string(from.repeats), std::to_string(to.repeats)), What::repeats});
  const std::vector<Gene>& model = space_.options().model.genes;
  for (std::size_t g = 0; g < model.size(); ++g)
    if (from.model[g] != to.model[g])
      edits_.push_back(
          {changed("model: " + model[g].name, edits::name_of(model[g], from.model[g]), edits::name_of(model[g], to.model[g])),
           What::model, 0, g});
  for (std::size_t p = 0; p < pairs_.size(); ++p) list_edits(p, from, to);
}

GENOFORM_SEARCH_INLINE void Edits::list_edits(std::size_t p, const BlockGenes& from, const BlockGenes& to) {
  const Pair& pair = pairs_[p];
  const std::string number = "sub-layer " + std::to_string(p + 1);
  if (!pair.from || !pair.to || pair.from->kind != pair.to->kind) {
    edits_.push_back({number + ": " + text_of(pair.from, from.width) + " -> " + text_of(pair.to, to.width), What::sub_layer, p});
    return;
  }
  const KindGenes& kind = space_.options().kinds[pair.from->kind];
  for (std::size_t g = 0; g < kind.genes.size(); ++g) {
    const auto value = [&](const SubLayerGenes& layer) { return edits::name_of(kind.genes[g], layer.values[g]); };
    if (pair.from->values[g] == pair.to->values[g]) continue;
    const std::string change = kind.genes[g].name + " " + value(*pair.from) + " -> " + value(*pair.to);
    edits_.push_back({number + ", " + std::string(kind.name()) + ": " + change, What::gene, p, g});
  }
}

GENOFORM_SEARCH_INLINE std::string Edits::text_of(const std::optional<SubLayerGenes>& layer, std::size_t width) const {
  if (!layer) return "none";
  const GenomeTree tree = space_.tree_of({.width = width, .repeats = 1, .layers = {*layer}, .model = from_model_});
  NodeList list;
  tree.stacks[0].sub_layers[0].spell(tree.model_context(), list);
  return text_of_nodes(list.tree());
}

GENOFORM_SEARCH_INLINE Result<Candidate> Edits::with(const std::vector<bool>& applied) const {
  BlockGenes genes{.width = from_width_, .repeats = from_repeats_, .layers = {}, .model = from_model_};
  double learning_rate = from_rate_;
  int batch_size = from_batch_;
  std::vector<std::optional<SubLayerGenes>> layers;
  for (const Pair& pair : pairs_) layers.push_back(pair.from);
  for (std::size_t e = 0; e < edits_.size(); ++e) {
    if (!applied[e]) continue;
    const Edit& edit = edits_[e];
    switch (edit.what) {
      case What::learning_rate: learning_rate = to_rate_; break;
      case What::batch: batch_size = to_batch_; break;
      case What::width: genes.width = to_width_; break;
      case What::repeats: genes.repeats = to_repeats_; break;
      case What::model: genes.model[edit.gene] = to_model_[edit.gene]; break;
      case What::sub_layer: layers[edit.pair] = pairs_[edit.pair].to; break;
      case What::gene: layers[edit.pair]->values[edit.gene] = pairs_[edit.pair].to->values[edit.gene]; break;
    }
  }
  for (const auto& layer : layers)
    if (layer) genes.layers.push_back(*layer);
  if (genes.layers.empty()) return Error{ErrorKind::input, "no sub-layer is left"};
  const Result<Genome> genome = Genome::from_tree(space_.tree_of(genes), space_.options().names);
  if (!genome) return genome.error();
  return Candidate{genome->text(), learning_rate, batch_size};
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
