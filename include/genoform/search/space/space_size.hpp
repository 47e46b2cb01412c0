#pragma once
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "genoform/search/space/block_space.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// How many genomes a space has.
struct SpaceSize {
  long double genomes = 0;
  bool is_exact = true;  ///< else it is at most so many: rules of the language between options were not all counted

  /// "1764", "2.1e+19", "at most 5.6e+83".
  std::string text() const;
};

inline std::string SpaceSize::text() const {
  char digits[64];
  const bool is_short = genomes < 1e15L;
  std::snprintf(digits, sizeof digits, is_short ? "%.0Lf" : "%.1Le", genomes);
  return (is_exact ? "" : "at most ") + std::string(digits);
}

namespace space_size {

/// Steps to the next setting of the genes; false after the last.
inline bool next(std::vector<std::size_t>& values, const KindGenes& kind) {
  for (std::size_t g = 0; g < values.size(); ++g) {
    if (++values[g] < kind.genes[g].values.size()) return true;
    values[g] = 0;
  }
  return false;
}
inline long double settings_of(const KindGenes& kind) {
  long double settings = 1;
  for (const Gene& gene : kind.genes) settings *= static_cast<long double>(gene.values.size());
  return settings;
}

class Counter {
 public:
  Counter(const BlockSpace& space, std::size_t max_counted)
      : space_(space), options_(space.options()), max_counted_(static_cast<long double>(max_counted)) {}

  SpaceSize count() {
    std::set<std::string> models;
    for (std::size_t width = 0; width < options_.widths.size(); ++width) {
      BlockGenes genes{
          .width = width, .repeats = 1, .layers = {}, .model = std::vector<std::size_t>(options_.model.genes.size())};
      do {
        const DecoderLayer model = space_.model_options(genes);
        if (!models.insert(options_text(model)).second) continue;
        size_.is_exact = size_.is_exact && !model.shares_bias();
        add_blocks(model);
      } while (next(genes.model, options_.model));
    }
    return size_;
  }

 private:
  void add_blocks(const DecoderLayer& model) {
    std::vector<long double> layers;
    for (const KindGenes& kind : options_.kinds) layers.push_back(layers_of(kind, model));
    for (int count = options_.min_layers; count <= options_.max_layers; ++count) {
      long double stacks = 0;  // numbers of blocks within the bounds
      for (int blocks = 1; blocks <= options_.max_repeats; ++blocks)
        if (const int total = count * blocks; total >= options_.min_total && total <= options_.max_total) ++stacks;
      size_.genomes += stacks * blocks_of(layers, count);
    }
  }
  /// All sequences of so many sub-layers, less those without one that is needed.
  long double blocks_of(const std::vector<long double>& layers, int count) const {
    if (!options_.pattern.empty()) return blocks_of_pattern(layers);
    long double all = 0, not_needed = 0;
    for (std::size_t kind = 0; kind < layers.size(); ++kind)
      (all += layers[kind], not_needed += space_.is_needed(kind) ? 0 : layers[kind]);
    return std::pow(all, static_cast<long double>(count)) - std::pow(not_needed, static_cast<long double>(count));
  }
  long double blocks_of_pattern(const std::vector<long double>& layers) const {
    long double all = 1;
    bool has_needed = false;
    for (const std::string& name : options_.pattern) {
      long double of_name = 0;
      for (std::size_t kind = 0; kind < layers.size(); ++kind) {
        if (options_.kinds[kind].name() != name) continue;
        of_name += layers[kind];
        has_needed = has_needed || space_.is_needed(kind);
      }
      all *= of_name;
    }
    return has_needed ? all : 0;
  }
  /// Sub-layers of a kind that are legal in the model and have texts of their own.
  long double layers_of(const KindGenes& kind, const DecoderLayer& model) {
    const long double settings = settings_of(kind);
    const long double models = settings_of(options_.model) * static_cast<long double>(options_.widths.size());
    if (settings * models > max_counted_ || model.shares_bias()) {
      size_.is_exact = false;
      return settings;
    }
    std::set<std::string> texts;
    std::vector<std::size_t> values(kind.genes.size());
    do {
      const GenomeTree tree{.options = model, .stacks = {{.count = 1, .sub_layers = {sub_layer_of(kind, values)}}}};
      if (const auto genome = Genome::if_legal(tree, options_.names.all())) texts.insert(genome->text());
    } while (next(values, kind));
    return static_cast<long double>(texts.size());
  }

  const BlockSpace& space_;
  const BlockSpaceOptions& options_;
  long double max_counted_;
  SpaceSize size_;
};

}  // namespace space_size

/// Counts the texts of the space. Exact where the settings of the genes of each kind, at each width and with all settings of the
/// model's own genes, are at most `max_counted`, as they are tried one by one; and where no positions are shared by all attention
/// layers, which then must have equal heads.
inline SpaceSize size_of(const BlockSpace& space, std::size_t max_counted = 50000) {
  return space_size::Counter(space, max_counted).count();
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
