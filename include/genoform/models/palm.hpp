#pragma once
#include "genoform/model/parallel.hpp"
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// PaLM: attention with one key head and a SwiGLU FFN side by side behind one norm, rotary positions, no biases, tied embeddings
/// (Chowdhery et al., 2022). A difference: its layer norms have no bias, ours do.
template <Size S>
using Palm = Repeated<S, S.layers, Block<Parallel<Heading<S, KvHeads<1>>, Ffn<SwiGlu, Hidden<S.hidden>>, Pre<LayerNorm>>>,
                      FinalNorm<LayerNorm>>;

constexpr Size palm(int layers, int width, int heads) {
  return {
      .layers = layers, .width = width, .hidden = 4 * width, .heads = heads, .head_dim = 256, .vocab = 256000, .context = 2048};
}
inline constexpr Size palm_8b = palm(32, 4096, 16), palm_62b = palm(64, 8192, 32), palm_540b = palm(118, 18432, 48);

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
