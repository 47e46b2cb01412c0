#pragma once
#include "genoform/models/transformer.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

namespace switch_parts {

template <Size S, class Activation, class... Options>
using Mixer = Heading<S, Options..., Pre<LayerNorm>>;
template <Size S, class Activation>
using Dense = Ffn<Activation, Hidden<S.hidden>, Pre<LayerNorm>>;
template <Size S, class Activation>
using Sparse = Moe<Top1, Experts<S.experts>, Activation, Hidden<S.hidden>, Capacity<120>, Pre<LayerNorm>>;

/// Three dense layers and a sparse one.
template <Size S, class A, class... Options>
using Group = Block<Mixer<S, A, Options...>, Dense<S, A>, Mixer<S, A, Options...>, Dense<S, A>, Mixer<S, A, Options...>,
                    Dense<S, A>, Mixer<S, A, Options...>, Sparse<S, A>>;
template <Size S, class A, class... Options>
using Model = Repeated<S, S.layers / 4, Group<S, A, Options...>, T5Positions, FinalNorm<LayerNorm>>;

}  // namespace switch_parts

/// Switch Transformer as Primer's experiments have it: every fourth FFN is a mixture with one expert a token.
template <Size S>
using Switch = switch_parts::Model<S, ReLU>;
/// The same with both of Primer-EZ's changes.
template <Size S>
using SwitchPrimer = switch_parts::Model<S, SqReLU, DConv<3>>;

inline constexpr Size switch_550m{
    .layers = 12, .width = 768, .hidden = 3072, .heads = 12, .head_dim = 64, .vocab = 32128, .context = 512, .experts = 32};

/// GShard-style decoder: every other FFN is a mixture with two experts a token, experts with ReLU (Lepikhin et al., 2021, whose
/// own models translate; choices of ours: the size is GLaM's smallest).
template <Size S>
using Gshard = Repeated<
    S, S.layers / 2,
    Block<Heading<S, Pre<LayerNorm>>, Moe<Top2, Experts<S.experts>, ReLU, Hidden<S.hidden>, Capacity<100>, Pre<LayerNorm>>,
          Heading<S, Pre<LayerNorm>>, Ffn<ReLU, Hidden<S.hidden>, Pre<LayerNorm>>>,
    T5Positions, FinalNorm<LayerNorm>>;

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
