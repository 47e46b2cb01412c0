#pragma once

// Names for headers that only mention the library's types.

namespace genoform {

template <class... Options>
struct Attention;
template <class... Options>
struct Ffn;
template <class... Options>
struct Moe;
template <class... Args>
struct Parallel;
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
template <class... Parts>
struct Block;
template <class B, int N>
struct Stack;
template <class... Stacks>
struct Body;
template <class B, class... Options>
struct Decoder;

struct AttentionLayer;
struct FfnLayer;
struct SynthesizerLayer;
struct SpatialGateLayer;
struct TokenMixLayer;
struct LinearAttentionLayer;
struct GauLayer;
struct ConvLayer;
struct DecoderLayer;
struct BuiltinRouters;
template <class Routers>
struct MoeLayerOf;
using MoeLayer = MoeLayerOf<BuiltinRouters>;

class Genome;
class KindNames;

}  // namespace genoform
