#pragma once
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/space/block_space.hpp"

#include "genoform/core/hide_macros.hpp"

/// Known architectures as spaces, whose options are free: what tuning them finds is what a search must beat.
namespace genoform::search {

namespace presets {

/// The genes of a kind of the block space, all but one.
inline KindGenes without(KindGenes kind, const char* gene) {
  std::erase_if(kind.genes, [&](const Gene& g) { return g.name == gene; });
  return kind;
}
/// The kinds of the block space, Attention, Ffn and Moe, with the scales (heads, hidden widths, experts) of `sizes` where that
/// has genes of the same names.
inline std::vector<KindGenes> kinds_of_sizes(const BlockSpaceOptions& sizes) {
  std::vector<KindGenes> kinds = BlockSpaceOptions::default_kinds();
  for (KindGenes& kind : kinds)
    for (const KindGenes& other : sizes.kinds)
      for (const Gene& theirs : other.genes)
        for (Gene& gene : kind.genes)
          if (is_alike(kind.plain, other.plain) && gene.name == theirs.name && gene.ordered && theirs.ordered) gene = theirs;
  return kinds;
}
/// Blocks of that pattern, as many as the models of `sizes` have room for.
inline BlockSpaceOptions of_pattern(BlockSpaceOptions sizes, std::vector<KindGenes> kinds, std::vector<std::string> pattern) {
  const int layers = static_cast<int>(pattern.size());
  sizes.kinds = std::move(kinds);
  sizes.pattern = std::move(pattern);
  sizes.needed_kinds.clear();
  sizes.seeds.clear();
  sizes.min_layers = sizes.max_layers = layers;
  sizes.max_total = std::max(sizes.max_total, layers);
  sizes.max_repeats = sizes.max_total / layers;
  return sizes;
}

}  // namespace presets

/// Attention and FFN in turn, all blocks alike (Vaswani et al. 2017): depth, width, heads, key heads, hidden width, activation,
/// positions and norms are free. `sizes`: the space whose widths, scales and bounds it has, as all spaces of this file.
inline BlockSpaceOptions transformer_space(const BlockSpaceOptions& sizes = {}) {
  const std::vector<KindGenes> kinds = presets::kinds_of_sizes(sizes);
  return presets::of_pattern(sizes, {presets::without(kinds[0], "convolution"), kinds[1]}, {"Attention", "Ffn"});
}

/// The same with a convolution of 3 positions after the projections and squared ReLU (Primer-EZ, So et al. 2021).
inline BlockSpaceOptions primer_ez_space(const BlockSpaceOptions& sizes = {}) {
  std::vector<KindGenes> kinds = presets::kinds_of_sizes(sizes);
  kinds[0].plain.get<AttentionLayer>().dconv = 3;
  kinds[1].plain.get<FfnLayer>().activation = {ActivationKind::sqrelu};
  return presets::of_pattern(sizes, {presets::without(kinds[0], "convolution"), presets::without(kinds[1], "activation")},
                             {"Attention", "Ffn"});
}

/// Attention and feed-forward layers in turn, every other of which is sparse (GLaM, Du et al. 2022).
inline BlockSpaceOptions glam_space(const BlockSpaceOptions& sizes = {}) {
  const std::vector<KindGenes> kinds = presets::kinds_of_sizes(sizes);
  return presets::of_pattern(sizes, {presets::without(kinds[0], "convolution"), kinds[1], kinds[2]},
                             {"Attention", "Moe", "Attention", "Ffn"});
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
