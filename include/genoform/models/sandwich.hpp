#pragma once
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// Sandwich Transformer (Press et al., 2020): k attention layers, then n - k pairs, then k feed-forward layers; the parameters of
/// the plain order. 0 < k < layers. Choices of ours: a T5 bias in each layer in place of the papers' relative positions.
template <Size S, int k>
using Sandwich =
    Decoder<Body<Stack<Block<Heading<S, RelBias<32, 128>, Pre<LayerNorm>>>, k>,
                 Stack<Block<Heading<S, RelBias<32, 128>, Pre<LayerNorm>>, Ffn<ReLU, Hidden<S.hidden>, Bias, Pre<LayerNorm>>>,
                       S.layers - k>,
                 Stack<Block<Ffn<ReLU, Hidden<S.hidden>, Bias, Pre<LayerNorm>>>, k>>,
            Vocab<S.vocab>, Width<S.width>, Context<S.context>, FinalNorm<LayerNorm>>;

// The character models of enwik8 and text8.
inline constexpr Size sandwich_enwik8{
    .layers = 24, .width = 768, .hidden = 4096, .heads = 8, .head_dim = 96, .vocab = 205, .context = 512};

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
