#pragma once
#include <string>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/space/block_space.hpp"

namespace genoform::search {

/// The space as the text of a file (docs/formats/space.md), from which read_space() makes it again. Context and vocabulary are
/// not in it: they belong to the text that a study trains on. Kinds of your own are printed, but a file cannot name them.
GENOFORM_SEARCH_INLINE std::string toml_of(const BlockSpaceOptions& options);

#if GENOFORM_SEARCH_BODIES

namespace space_text {

/// Strings of JSON without control characters are those of TOML.
inline std::string list(const nlohmann::json& values) {
  std::string text = "[";
  for (const nlohmann::json& value : values) text += (text.size() > 1 ? ", " : "") + value.dump();
  return text + "]";
}

inline std::string genes(const KindGenes& kind) {
  if (kind.genes.empty()) return "genes = []\n";
  std::string text = "genes = [\n";
  for (const Gene& gene : kind.genes) {
    nlohmann::json values = nlohmann::json::array();
    for (const GeneValue& value : gene.values) values.push_back(value.name);
    text += "  {name = " + nlohmann::json(gene.name).dump();
    if (gene.part > 0) text += ", part = " + std::to_string(gene.part);
    if (gene.ordered) text += ", scale = true";
    text += ", values = " + list(values) + "},\n";
  }
  return text + "]\n";
}

}  // namespace space_text

GENOFORM_SEARCH_INLINE std::string toml_of(const BlockSpaceOptions& options) {
  using space_text::list;
  std::string text = "widths = " + list(options.widths) + "\n";
  if (options.pattern.empty())
    text += "sub_layers = " + list({options.min_layers, options.max_layers}) + "\n";
  else
    text += "pattern = " + list(options.pattern) + "\n";
  text += "max_blocks = " + std::to_string(options.max_repeats) + "\n";
  text += "model_sub_layers = " + list({options.min_total, options.max_total}) + "\n";
  if (!options.needed_kinds.empty()) text += "needs = " + list(options.needed_kinds) + "\n";
  if (!options.seeds.empty()) text += "seeds = " + list(options.seeds) + "\n";
  const std::string of_model = options.model.plain_text();
  if (!of_model.empty() || !options.model.genes.empty())
    text += "\n[model]\noptions = " + nlohmann::json(of_model).dump() + "\n" + space_text::genes(options.model);
  for (const KindGenes& kind : options.kinds)
    text += "\n[[kinds]]\nlayer = " + nlohmann::json(kind.plain_text()).dump() +
            "\nweight = " + nlohmann::json(kind.weight).dump() + "\n" + space_text::genes(kind);
  return text;
}

#endif

}  // namespace genoform::search
