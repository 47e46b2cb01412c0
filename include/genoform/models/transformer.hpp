#pragma once
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// T5's relative positions, one table for all layers.
using T5Positions = Positions<SharedRelBias<32, 128>>;

/// The decoder that Primer starts from: layer norms before both sub-layers, T5's relative positions, tied embeddings.
/// Source: So et al., 2021 (Primer), baselines; FFN with ReLU or GELU, no biases here (the paper's counts have none).
template <Size S, class Activation = ReLU>
using Transformer = Repeated<S, S.layers, Block<Heading<S, Pre<LayerNorm>>, Ffn<Activation, Hidden<S.hidden>, Pre<LayerNorm>>>,
                             T5Positions, FinalNorm<LayerNorm>>;

/// Transformer++: RMS norms and SwiGLU of two thirds of the hidden width (T5++ at 537M).
template <Size S>
using TransformerPlus = Repeated<S, S.layers, Block<Heading<S>, Ffn<SwiGlu, Hidden<S.hidden>>>, T5Positions>;

/// The decoder half of T5 1.0: RMS norms, ReLU.
template <Size S>
using T5Decoder = Repeated<S, S.layers, Block<Heading<S>, Ffn<ReLU, Hidden<S.hidden>>>, T5Positions>;

// Primer's tables; vocabularies of the T5 code base.
inline constexpr Size transformer_35m{
    .layers = 6, .width = 512, .hidden = 2048, .heads = 8, .head_dim = 64, .vocab = 32128, .context = 64};
inline constexpr Size transformer_110m{
    .layers = 12, .width = 768, .hidden = 3072, .heads = 12, .head_dim = 64, .vocab = 32128, .context = 512};
inline constexpr Size transformer_537m{
    .layers = 24, .width = 1024, .hidden = 8192, .heads = 16, .head_dim = 64, .vocab = 32128, .context = 512};
inline constexpr Size transformer_1_9b{
    .layers = 24, .width = 2048, .hidden = 12288, .heads = 24, .head_dim = 128, .vocab = 32128, .context = 1024};
inline constexpr Size transformer_plus_35m{
    .layers = 6, .width = 512, .hidden = 1364, .heads = 8, .head_dim = 64, .vocab = 32128, .context = 64};
inline constexpr Size transformer_plus_110m{
    .layers = 12, .width = 768, .hidden = 2048, .heads = 12, .head_dim = 64, .vocab = 32128, .context = 512};
inline constexpr Size transformer_plus_537m{
    .layers = 24, .width = 1024, .hidden = 5462, .heads = 16, .head_dim = 64, .vocab = 32128, .context = 512};

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
