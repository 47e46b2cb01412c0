#pragma once
#include "genoform/backend/reference.hpp"
#include "genoform/compiled/layers.hpp"
#include "genoform/compiled/operations.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/module.hpp"

namespace genoform::inner {

#define GENOFORM_REFERENCE_OPERATION(Op) GENOFORM_BACK_END_OPERATION(extern template, Reference, Op)
GENOFORM_EACH_OPERATION(GENOFORM_REFERENCE_OPERATION)
#undef GENOFORM_REFERENCE_OPERATION
#define GENOFORM_REFERENCE_LAYER(Layer) GENOFORM_BACK_END_LAYER(extern template, Reference, Layer)
GENOFORM_EACH_LAYER(GENOFORM_REFERENCE_LAYER)
#undef GENOFORM_REFERENCE_LAYER
extern template class model::NetworkOf<Reference, DecoderNetwork<AnyBlocks<Reference>>>;
extern template class model::NetworkOf<Reference, PartNetwork<AnyBlocks<Reference>>>;
extern template class model::Engine<Reference>;
extern template class model::BasicModel<Reference>;
extern template class model::BasicModule<Reference>;

}  // namespace genoform::inner
