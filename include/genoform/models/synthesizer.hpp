#pragma once
#include "genoform/layers/synthesizer.hpp"
#include "genoform/models/transformer.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// Synthesizer as Primer's experiments have it: learned random logits are added to those of the dot products (Tay et al., 2021,
/// "random plus") with T5's relative positions, at T5's base size.
template <Size S, class Activation = ReLU>
using SynthesizerDecoder = Repeated<S, S.layers,
                                    Block<Synthesizer<RandomPlus, Heads<S.heads>, HeadDim<S.head_dim>, Pre<LayerNorm>>,
                                          Ffn<Activation, Hidden<S.hidden>, Pre<LayerNorm>>>,
                                    T5Positions, FinalNorm<LayerNorm>>;

inline constexpr Size synthesizer_145m = transformer_110m;

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
