#pragma once
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// Gopher and Chinchilla: RMS norms, a plain FFN of four times the width. Choices of ours: the relative positions of
/// Transformer-XL, which cost a matrix [D, H*K] in each layer, are a T5 bias in each layer here.
template <Size S>
using Gopher = Repeated<S, S.layers, Block<Heading<S, RelBias<32, 128>>, Ffn<GeLU, Hidden<S.hidden>>>>;

// Rae et al., 2021, table 1, and Hoffmann et al., 2022, table 4.
constexpr Size gopher(int layers, int width, int heads, int head_dim) {
  return {.layers = layers,
          .width = width,
          .hidden = 4 * width,
          .heads = heads,
          .head_dim = head_dim,
          .vocab = 32000,
          .context = 2048};
}
inline constexpr Size gopher_44m = gopher(8, 512, 16, 32), gopher_117m = gopher(12, 768, 12, 64),
                      gopher_417m = gopher(12, 1536, 12, 128), gopher_1_4b = gopher(24, 2048, 16, 128),
                      gopher_7_1b = gopher(32, 4096, 32, 128), gopher_280b = gopher(80, 16384, 128, 128),
                      chinchilla_70b = gopher(80, 8192, 64, 128);

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
