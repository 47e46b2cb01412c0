#pragma once
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/space/block_space.hpp"

/// A block space that is small enough to train every genome of it.
namespace small_space {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

/// One block of one to three sub-layers, at least one of them attention: attention with and without Primer's convolution, FFN
/// with three activations, four experts; two widths. 348 genomes.
inline BlockSpaceOptions options() {
  BlockSpaceOptions o;
  o.context = 32;
  o.widths = {32, 48};
  o.max_layers = 3;
  o.max_repeats = 1;
  AttentionLayer attention;
  attention.heads = 2;
  FfnLayer ffn;
  ffn.hidden = 96;
  MoeLayer experts = Moe<Top1, Experts<4>, GeLU>::value;
  experts.hidden = 64;
  constexpr Activation relu{ActivationKind::relu}, squared{ActivationKind::sqrelu}, gated{ActivationKind::swish, true};
  o.kinds = {{attention, 1.0, {optional_gene<&AttentionLayer::dconv>("convolution", {3})}},
             {ffn, 1.0, {option_gene<&FfnLayer::activation>("activation", {relu, squared, gated})}},
             {experts, 1.0, {}}};
  return o;
}

/// A genome of the space, and the part of the space that has attention without a convolution and FFN only: what a search must
/// beat.
inline constexpr const char* transformer =
    "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<96>>>, 1>, Vocab<256>, Width<32>, Context<32>>";
inline BlockSpaceOptions plain_options() {
  BlockSpaceOptions o = options();
  o.kinds.pop_back();
  o.kinds[0].genes.clear();
  return o;
}

/// All sub-layers that a space can make.
inline std::vector<SubLayerGenes> every_sub_layer(const BlockSpaceOptions& o) {
  std::vector<SubLayerGenes> all;
  for (std::size_t kind = 0; kind < o.kinds.size(); ++kind) {
    std::vector<SubLayerGenes> of_kind{{.kind = kind, .values = {}}};
    for (const Gene& gene : o.kinds[kind].genes) {
      std::vector<SubLayerGenes> longer;
      for (const SubLayerGenes& genes : of_kind)
        for (std::size_t value = 0; value < gene.values.size(); ++value) {
          longer.push_back(genes);
          longer.back().values.push_back(value);
        }
      of_kind = std::move(longer);
    }
    all.insert(all.end(), of_kind.begin(), of_kind.end());
  }
  return all;
}

/// The canonical texts of all genomes of a block space, each once, in order. Their number grows with the power of the sub-layers.
inline std::vector<std::string> every_genome(const BlockSpace& space) {
  const BlockSpaceOptions& o = space.options();
  const std::vector<SubLayerGenes> sub_layers = every_sub_layer(o);
  std::vector<std::vector<SubLayerGenes>> blocks{{}};
  std::set<std::string> texts;
  for (int layers = 1; layers <= o.max_layers; ++layers) {
    std::vector<std::vector<SubLayerGenes>> longer;
    for (const std::vector<SubLayerGenes>& block : blocks)
      for (const SubLayerGenes& sub_layer : sub_layers) {
        longer.push_back(block);
        longer.back().push_back(sub_layer);
      }
    blocks = std::move(longer);
    for (std::size_t width = 0; width < o.widths.size(); ++width)
      for (std::size_t repeats = 1; repeats <= static_cast<std::size_t>(o.max_repeats); ++repeats)
        for (const std::vector<SubLayerGenes>& block : blocks)
          if (const auto genome = space.genome_of({.width = width, .repeats = repeats, .layers = block, .model = {}}))
            texts.insert(genome->text());
  }
  return {texts.begin(), texts.end()};
}

}  // namespace small_space
