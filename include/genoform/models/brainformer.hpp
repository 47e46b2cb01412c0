#pragma once
#include "genoform/models/size.hpp"

/// The blocks of Zhou et al., 2023. The paper shows them as pictures that cannot be read as text: these are reconstructed from
/// its parameter counts, and say so wherever they are listed. Two attention layers of 20 heads, three sparse layers of hidden
/// width 2 D and three gated FFNs of 3 D; the order, which the paper's ablation finds nearly irrelevant, is ours: a g f g f g a
/// f.
namespace genoform::models {

template <Size S, int percent>
using BrainformerBlock =
    Block<Heading<S>, Moe<ExpertChoice, Experts<S.experts>, GeGlu, Hidden<2 * S.width>, Capacity<percent>>,
          Ffn<GeGlu, Hidden<3 * S.width>>, Moe<ExpertChoice, Experts<S.experts>, GeGlu, Hidden<2 * S.width>, Capacity<percent>>,
          Ffn<GeGlu, Hidden<3 * S.width>>, Moe<ExpertChoice, Experts<S.experts>, GeGlu, Hidden<2 * S.width>, Capacity<percent>>,
          Heading<S>, Ffn<GeGlu, Hidden<3 * S.width>>>;

/// Block 1: experts take one token's worth; block 2: more, two here.
template <Size S>
using Brainformer1 = Repeated<S, S.layers, BrainformerBlock<S, 100>>;
template <Size S>
using Brainformer2 = Repeated<S, S.layers, BrainformerBlock<S, 200>>;

/// The block that figure 2 of the paper stacks as a scheme: a g f g f g.
template <Size S>
using Agfgfg = Repeated<S, S.layers,
                        Block<Heading<S>, Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<S.hidden>>,
                              Ffn<GeGlu, Hidden<S.hidden>>, Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<S.hidden>>,
                              Ffn<GeGlu, Hidden<S.hidden>>, Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<S.hidden>>>>;

/// `layers` counts blocks of eight: 3, 6 and 8 of them, widths times 1, 2 and 4. That the heads grow in width, not in number, is
/// ours.
constexpr Size brainformer(int blocks, int times, int experts) {
  return {.layers = blocks,
          .width = 1024 * times,
          .hidden = 2048 * times,
          .heads = 20,
          .head_dim = 64 * times,
          .vocab = 256000,
          .context = 1024,
          .experts = experts};
}
inline constexpr Size brainformer_100m_32e = brainformer(3, 1, 32), brainformer_1b_64e = brainformer(6, 2, 64),
                      brainformer_8b_64e = brainformer(8, 4, 64);

}  // namespace genoform::models
