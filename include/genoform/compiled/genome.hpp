#pragma once
#include "genoform/genome/genome.hpp"

#include "genoform/core/hide_macros.hpp"

/// The layers of the built-in kinds by name; a kind that is missing here works as well.
#define GENOFORM_EACH_LAYER(X) \
  X(AttentionLayer)            \
  X(FfnLayer)                  \
  X(MoeLayer) X(LinearAttentionLayer) X(SynthesizerLayer) X(GauLayer) X(SpatialGateLayer) X(TokenMixLayer) X(ConvLayer)

namespace genoform::inner {

extern template genome::KindNames::KindNames();
extern template std::span<const Kind> genome::run_time_kinds_of<BuiltinLayers>();
#define GENOFORM_LAYER_VALUES(Layer) extern template const SubLayerKind genome::sub_layer_kind<layers::Layer>;
GENOFORM_EACH_LAYER(GENOFORM_LAYER_VALUES)
#undef GENOFORM_LAYER_VALUES

}  // namespace genoform::inner

#include "genoform/core/restore_macros.hpp"
