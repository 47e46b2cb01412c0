// Every operation on the reference back end, and the models that run them.
#include "genoform/compiled/reference.hpp"

namespace genoform::inner {

#define GENOFORM_REFERENCE_OPERATION(Op) GENOFORM_BACK_END_OPERATION(template, Reference, Op)
GENOFORM_EACH_OPERATION(GENOFORM_REFERENCE_OPERATION)
template class model::Engine<Reference>;
template class model::BasicModel<Reference>;
template class model::BasicModule<Reference>;

}  // namespace genoform::inner
