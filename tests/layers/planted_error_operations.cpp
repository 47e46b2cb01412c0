// Every operation on the back end of the gradient checks, compiled once and optimised; check.hpp declares them.
#include "tests/layers/check.hpp"

namespace genoform::inner {

#define GENOFORM_PLANTED_OPERATION(Op) GENOFORM_BACK_END_OPERATION(template, tests::Planted, Op)
GENOFORM_EACH_OPERATION(GENOFORM_PLANTED_OPERATION)
template class model::Engine<tests::Planted>;
template class model::BasicModel<tests::Planted>;

}  // namespace genoform::inner
