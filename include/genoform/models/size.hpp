#pragma once
#include "genoform/layers/attention.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/moe.hpp"
#include "genoform/model/decoder.hpp"

#include "genoform/core/hide_macros.hpp"

/// Known architectures as aliases over their sizes: `models::PrimerEz<models::primer_110m>`. A size of your own is a constant:
/// `constexpr models::Size mine{.layers = 4, .width = 128, ...}; using Net = models::PrimerEz<mine>;`
namespace genoform::models {

/// The sizes of a member of a family, as the papers' tables give them. The channels of all heads, heads * head_dim, need not be
/// the width.
struct Size {
  int layers = 0;  ///< pairs of attention and feed-forward layer, sparse ones included
  int width = 0, hidden = 0;
  int heads = 0, head_dim = 0;
  int vocab = 0, context = 0;
  int experts = 0;  ///< of each sparse layer
};

/// The same structure at a very small size: for tests, and for a first run on a text.
constexpr Size reduced(Size s) {
  s.layers = s.layers > 4 ? 4 : s.layers;
  s.width = 32;
  s.hidden = 64;
  s.heads = 2;
  s.head_dim = 16;
  s.vocab = 256;
  s.context = 32;
  s.experts = s.experts > 4 ? 4 : s.experts;
  return s;
}

/// Attention with the heads of a size.
template <Size S, class... Options>
using Heading = Attention<Heads<S.heads>, HeadDim<S.head_dim>, Options...>;

/// A whole model of `count` blocks.
template <Size S, int count, class B, class... Options>
using Repeated = Decoder<Stack<B, count>, Vocab<S.vocab>, Width<S.width>, Context<S.context>, Options...>;

}  // namespace genoform::models

#include "genoform/core/restore_macros.hpp"
