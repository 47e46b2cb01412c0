// Every operation and built-in layer on the reference back end, and the models that run them.
#include "genoform/compiled/reference.hpp"

namespace genoform::inner {

#define GENOFORM_REFERENCE_OPERATION(Op) GENOFORM_BACK_END_OPERATION(template, Reference, Op)
GENOFORM_EACH_OPERATION(GENOFORM_REFERENCE_OPERATION)
#define GENOFORM_REFERENCE_LAYER(Layer) GENOFORM_BACK_END_LAYER(template, Reference, Layer)
GENOFORM_EACH_LAYER(GENOFORM_REFERENCE_LAYER)
template class model::NetworkOf<Reference, DecoderNetwork<AnyBlocks<Reference>>>;
template class model::NetworkOf<Reference, PartNetwork<AnyBlocks<Reference>>>;
template class model::Engine<Reference>;
template class model::BasicModel<Reference>;
template class model::BasicModule<Reference>;

}  // namespace genoform::inner
