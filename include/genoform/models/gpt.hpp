#pragma once
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::models {

/// GPT-2 and GPT-3: learned positions, layer norms, GELU, tied embeddings. Choices of ours: attention has no biases, and GPT-3's
/// alternating banded attention, whose band the paper does not give, is dense here.
template <Size S>
using Gpt = Repeated<S, S.layers, Block<Heading<S, Pre<LayerNorm>>, Ffn<GeLU, Hidden<S.hidden>, Bias, Pre<LayerNorm>>>,
                     Positions<Learned>, FinalNorm<LayerNorm>>;

// Radford et al., 2019, table 2, with the head width of 64 of the released models.
constexpr Size gpt2(int layers, int width) {
  return {.layers = layers,
          .width = width,
          .hidden = 4 * width,
          .heads = width / 64,
          .head_dim = 64,
          .vocab = 50257,
          .context = 1024};
}
inline constexpr Size gpt2_124m = gpt2(12, 768), gpt2_355m = gpt2(24, 1024), gpt2_774m = gpt2(36, 1280),
                      gpt2_1558m = gpt2(48, 1600);

// Brown et al., 2020, table 2.1, as printed: heads times head width is not always the width.
constexpr Size gpt3(int layers, int width, int heads, int head_dim) {
  return {.layers = layers,
          .width = width,
          .hidden = 4 * width,
          .heads = heads,
          .head_dim = head_dim,
          .vocab = 50257,
          .context = 2048};
}
inline constexpr Size gpt3_125m = gpt3(12, 768, 12, 64), gpt3_350m = gpt3(24, 1024, 16, 64), gpt3_760m = gpt3(24, 1536, 16, 96),
                      gpt3_1_3b = gpt3(24, 2048, 24, 128), gpt3_2_7b = gpt3(32, 2560, 32, 80),
                      gpt3_6_7b = gpt3(32, 4096, 32, 128), gpt3_13b = gpt3(40, 5140, 40, 128),
                      gpt3_175b = gpt3(96, 12288, 96, 128);

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
