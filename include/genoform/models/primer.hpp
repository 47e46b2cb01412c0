#pragma once
#include "genoform/models/transformer.hpp"

#include "genoform/core/hide_macros.hpp"

/// The architectures of So et al., 2021. Both leave the FFN's biases out, as the paper's counts do, but full Primer, whose
/// released code has them.
namespace genoform::models {

/// The Transformer with the two changes that carry the gain: squared ReLU, and a causal convolution of width 3 after the query,
/// key and value projections.
template <Size S>
using PrimerEz = Repeated<S, S.layers, Block<Heading<S, DConv<3>, Pre<LayerNorm>>, Ffn<SqReLU, Hidden<S.hidden>, Pre<LayerNorm>>>,
                          T5Positions, FinalNorm<LayerNorm>>;

/// Full Primer of the released code: queries made from the convolved keys, its own norm before attention and, inside the branch,
/// after the FFN.
template <Size S>
using Primer =
    Repeated<S, S.layers,
             Block<Heading<S, DConv<3>, SharedQk, Pre<PrimerNorm>>, Ffn<SqReLU, Hidden<S.hidden>, Bias, Inner<PrimerNorm>>>,
             T5Positions, FinalNorm<PrimerNorm>>;

// The sizes of its experiments are those of the Transformer beside it.
inline constexpr Size primer_35m = transformer_35m, primer_110m = transformer_110m, primer_537m = transformer_537m,
                      primer_1_9b = transformer_1_9b;

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
