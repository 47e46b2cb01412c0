#pragma once
#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

// Names for headers that only mention the library's types.

namespace genoform::inner::layers {
template <class... Options>
struct Attention;
template <class... Options>
struct Ffn;
template <class... Options>
struct Moe;
template <class... Options>
struct Synthesizer;
template <class... Options>
struct SpatialGate;
template <class... Options>
struct TokenMix;
template <class... Options>
struct LinearAttention;
template <class... Options>
struct Gau;
template <class... Options>
struct Conv;
struct AttentionLayer;
struct FfnLayer;
struct SynthesizerLayer;
struct SpatialGateLayer;
struct TokenMixLayer;
struct LinearAttentionLayer;
struct GauLayer;
struct ConvLayer;
struct BuiltinRouters;
template <class Routers>
struct MoeLayerOf;
using MoeLayer = MoeLayerOf<BuiltinRouters>;
}  // namespace genoform::inner::layers

namespace genoform::inner::model {
template <class... Args>
struct Parallel;
template <class... Parts>
struct Block;
template <class B, int N>
struct Stack;
template <class... Stacks>
struct Body;
template <class B, class... Options>
struct Decoder;
struct DecoderLayer;
}  // namespace genoform::inner::model

namespace genoform::inner::genome {
class Genome;
class KindNames;
}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::Genome;
using inner::genome::KindNames;
using inner::layers::Attention;
using inner::layers::Conv;
using inner::layers::Ffn;
using inner::layers::Gau;
using inner::layers::LinearAttention;
using inner::layers::Moe;
using inner::layers::SpatialGate;
using inner::layers::Synthesizer;
using inner::layers::TokenMix;
using inner::model::Block;
using inner::model::Body;
using inner::model::Decoder;
using inner::model::Parallel;
using inner::model::Stack;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
