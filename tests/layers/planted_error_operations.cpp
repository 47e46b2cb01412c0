// Every operation and built-in layer on the back end of the gradient checks, compiled once and optimised; check.hpp declares
// them.
#include "tests/layers/check.hpp"

namespace genoform::inner {

#define GENOFORM_PLANTED_OPERATION(Op) GENOFORM_BACK_END_OPERATION(template, tests::Planted, Op)
GENOFORM_EACH_OPERATION(GENOFORM_PLANTED_OPERATION)
#define GENOFORM_PLANTED_LAYER(Layer) GENOFORM_BACK_END_LAYER(template, tests::Planted, Layer)
GENOFORM_EACH_LAYER(GENOFORM_PLANTED_LAYER)
template class model::NetworkOf<tests::Planted, DecoderNetwork<AnyBlocks<tests::Planted>>>;
template class model::NetworkOf<tests::Planted, PartNetwork<AnyBlocks<tests::Planted>>>;
template class model::Engine<tests::Planted>;
template class model::BasicModel<tests::Planted>;
template class model::BasicModule<tests::Planted>;

}  // namespace genoform::inner

namespace genoform::testing {
template class BasicSubject<tests::Planted, BasicModel>;
template class BasicSubject<tests::Planted, BasicModule>;
template GradientCheck check_gradients(BasicSubject<tests::Planted, BasicModel>&, std::size_t);
template GradientCheck check_gradients(BasicSubject<tests::Planted, BasicModule>&, std::size_t);
}  // namespace genoform::testing
