#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "genoform/genome/genome.hpp"
#include "genoform/search/space/baseline.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// The size of the models that a search compares: a Transformer of that many layers of attention and FFN.
struct Proxy {
  int vocab = 256, context = 64, width = 64, heads = 2, layers = 4;
};

/// The baselines of a study, the plain Transformer first. All have the library's defaults (pre-RMSNorm, rotary positions), so the
/// plain ones lack only what the named architectures brought. The last two stand for GLaM (a g a f) and Brainformer (8
/// sub-layers, experts choose).
inline std::vector<Baseline> proxy_baselines(const Proxy& p) {
  AttentionLayer attention, convolved;
  attention.heads = convolved.heads = p.heads;
  convolved.dconv = 3;
  const auto ffn = [](Activation activation, int hidden = by_width) {
    FfnLayer layer;
    layer.activation = activation;
    layer.hidden = hidden;
    return layer;
  };
  constexpr MoeLayer top2 = Moe<Top2, Experts<8>, GeLU, Capacity<100>>::value;
  MoeLayer experts = Moe<ExpertChoice, Experts<8>, GeLU>::value;
  experts.hidden = 2 * p.width;
  const FfnLayer gated = ffn({ActivationKind::gelu, true}), narrow = ffn({ActivationKind::gelu, true}, 2 * p.width);
  const auto model = [&](std::vector<SubLayer> block, int repeats) {
    const GenomeTree tree{.options = {.vocab = p.vocab, .width = p.width, .context = p.context},
                          .stacks = {{.count = repeats, .sub_layers = std::move(block)}}};
    return Genome::from_tree(tree)->text();
  };
  const int pairs = std::max(1, p.layers / 2), eights = std::max(1, p.layers / 4);
  return {{"Transformer ReLU", model({attention, ffn({ActivationKind::relu})}, p.layers), true},
          {"Transformer GELU", model({attention, ffn({ActivationKind::gelu})}, p.layers), true},
          {"Transformer++", model({attention, ffn({ActivationKind::swish, true})}, p.layers), false},
          {"Primer-EZ", model({convolved, ffn({ActivationKind::sqrelu})}, p.layers), false},
          {"GLaM-like", model({attention, top2, attention, gated}, pairs), false},
          {"Brainformer-like", model({attention, experts, narrow, experts, narrow, experts, attention, narrow}, eights), false}};
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
