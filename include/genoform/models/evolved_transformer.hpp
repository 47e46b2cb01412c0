#pragma once
#include "genoform/layers/conv.hpp"
#include "genoform/models/transformer.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// Evolved Transformer's decoder layer (So et al., 2019) as Primer compares with it: attention with twice the heads of half the
/// width, the convolution block, attention, an FFN with Swish. Choices of ours: heads differ, so each attention layer has a table
/// of relative positions of its own.
template <Size S>
using EvolvedTransformer =
    Repeated<S, S.layers,
             Block<Attention<Heads<2 * S.heads>, HeadDim<S.head_dim / 2>, RelBias<32, 128>, Pre<LayerNorm>>, Conv<Pre<LayerNorm>>,
                   Heading<S, RelBias<32, 128>, Pre<LayerNorm>>, Ffn<Swish, Hidden<S.hidden>, Pre<LayerNorm>>>,
             FinalNorm<LayerNorm>>;

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
