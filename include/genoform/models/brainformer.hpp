#pragma once
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

/// The blocks of Zhou et al., 2023. The paper shows them as pictures that cannot be read as text: these are reconstructed from
/// its parameter counts, as the only combinations of sub-layers, widths and heads of its search space that match them, and say
/// so wherever they are listed. The order, which the paper's ablation finds nearly irrelevant, is ours.
namespace genoform::models {

namespace brainformer_parts {

template <Size S>
using Sparse1 = Moe<ExpertChoice, Experts<S.experts>, GeGlu, Hidden<2 * S.width>>;
template <Size S>
using Dense1 = Ffn<GeGlu, Hidden<3 * S.width>>;
template <Size S>
using Sparse2 = Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<4 * S.width>, Capacity<200>>;
template <Size S>
using Dense2 = Ffn<GeLU, Hidden<3 * S.width>>;

}  // namespace brainformer_parts

/// Block 1, a g f g f g a f: two attention layers of 20 heads, three sparse layers of gated experts of 2 D that take one token's
/// worth each, three gated FFNs of 3 D.
template <Size S>
using BrainformerBlock1 =
    Block<Heading<S>, brainformer_parts::Sparse1<S>, brainformer_parts::Dense1<S>, brainformer_parts::Sparse1<S>,
          brainformer_parts::Dense1<S>, brainformer_parts::Sparse1<S>, Heading<S>, brainformer_parts::Dense1<S>>;
/// Block 2, a g f g a g f g: two attention layers of 16 heads, four sparse layers of plain experts of 4 D that take two tokens'
/// worth each, two FFNs of 3 D.
template <Size S>
using BrainformerBlock2 =
    Block<Heading<S>, brainformer_parts::Sparse2<S>, brainformer_parts::Dense2<S>, brainformer_parts::Sparse2<S>, Heading<S>,
          brainformer_parts::Sparse2<S>, brainformer_parts::Dense2<S>, brainformer_parts::Sparse2<S>>;

template <Size S>
using Brainformer1 = Repeated<S, S.layers, BrainformerBlock1<S>>;
template <Size S>
using Brainformer2 = Repeated<S, S.layers, BrainformerBlock2<S>>;

/// The block that figure 2 of the paper stacks as a scheme: a g f g f g.
template <Size S>
using Agfgfg = Repeated<S, S.layers,
                        Block<Heading<S>, Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<S.hidden>>,
                              Ffn<GeGlu, Hidden<S.hidden>>, Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<S.hidden>>,
                              Ffn<GeGlu, Hidden<S.hidden>>, Moe<ExpertChoice, Experts<S.experts>, GeLU, Hidden<S.hidden>>>>;

/// `layers` counts blocks of eight: 3, 6 and 8 of them, widths times 1, 2 and 4. That the heads grow in width, not in number, is
/// ours.
constexpr Size brainformer(int blocks, int times, int heads, int experts) {
  return {.layers = blocks,
          .width = 1024 * times,
          .hidden = 2048 * times,
          .heads = heads,
          .head_dim = 64 * times,
          .vocab = 256000,
          .context = 1024,
          .experts = experts};
}
inline constexpr Size brainformer1_100m_32e = brainformer(3, 1, 20, 32), brainformer1_1b_64e = brainformer(6, 2, 20, 64),
                      brainformer1_8b_64e = brainformer(8, 4, 20, 64), brainformer2_100m_32e = brainformer(3, 1, 16, 32),
                      brainformer2_1b_64e = brainformer(6, 2, 16, 64);

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
