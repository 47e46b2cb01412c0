#pragma once
#include "genoform/models/size.hpp"

#include "genoform/core/hide_macros.hpp"

/// GLaM (Du et al., 2022) and the models that differ from it by the router: every other FFN is a mixture of experts. Choices of
/// ours: experts have GELU, as in the Expert Choice paper; the vocabulary is that of the text, 256K, though published counts
/// leave all but about 32K of its rows out.
namespace genoform::models {

/// Two layers, the sparse one first: a g a f.
template <Size S, class... Routing>
using GlamBlock = Block<Heading<S, RelBias<32, 128>>, Moe<Routing..., Experts<S.experts>, GeLU, Hidden<S.hidden>>,
                        Heading<S, RelBias<32, 128>>, Ffn<GeGlu, Hidden<S.hidden>>>;

template <Size S, class... Routing>
using GlamWith = Repeated<S, S.layers / 2, GlamBlock<S, Routing...>, LogitScale<WidthRsqrt>>;

/// Top-2 routing; the paper's capacity factor of 2.0 counts both choices: 100 here.
template <Size S>
using Glam = GlamWith<S, Top2, Capacity<100>>;
/// GLaM's dense relatives: every FFN is a gated one.
template <Size S>
using GlamDense =
    Repeated<S, S.layers, Block<Heading<S, RelBias<32, 128>>, Ffn<GeGlu, Hidden<S.hidden>>>, LogitScale<WidthRsqrt>>;
/// Experts that choose their tokens, two a token on average (Zhou et al., 2022).
template <Size S>
using GlamExpertChoice = GlamWith<S, ExpertChoice, Capacity<200>>;
/// Experts by token id (Roller et al., 2021).
template <Size S>
using GlamHash = GlamWith<S, Hash>;
/// Balanced assignment (Lewis et al., 2021).
template <Size S>
using GlamBase = GlamWith<S, Base>;

constexpr Size glam(int layers, int width, int hidden, int heads, int head_dim, int experts) {
  return {.layers = layers,
          .width = width,
          .hidden = hidden,
          .heads = heads,
          .head_dim = head_dim,
          .vocab = 256000,
          .context = 1024,
          .experts = experts};
}
constexpr Size glam_0_1b(int experts) { return glam(12, 768, 3072, 12, 64, experts); }
constexpr Size glam_1_7b(int experts) { return glam(24, 2048, 8192, 16, 128, experts); }
constexpr Size glam_8b(int experts) { return glam(32, 4096, 16384, 32, 128, experts); }
inline constexpr Size glam_137b = glam(64, 8192, 65536, 128, 128, 0), glam_64b_64e = glam(64, 8192, 32768, 128, 128, 64);

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
