#pragma once
#include "genoform/genome/kind.hpp"
#include "genoform/model/any_layer.hpp"

#include "genoform/core/hide_macros.hpp"

/// The layers of the built-in kinds by name; a kind that is missing here works as well.
#define GENOFORM_EACH_LAYER(X)                                                                                          \
  X(AttentionLayer) X(FfnLayer) X(MoeLayer) X(LinearAttentionLayer) X(SynthesizerLayer) X(GauLayer) X(SpatialGateLayer) \
  X(TokenMixLayer) X(ConvLayer)

/// Explicit instantiations of a layer on a back end; `keyword` as in compiled/operations.hpp.
#define GENOFORM_BACK_END_LAYER(keyword, Backend, Layer) keyword class model::TypedLayer<Backend, layers::Layer>;

#include "genoform/core/restore_macros.hpp"
