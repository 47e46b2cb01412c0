// The built-in kinds, for texts.
#include "genoform/compiled/genome.hpp"

namespace genoform::inner {

template genome::KindNames::KindNames();
template std::span<const Kind> genome::run_time_kinds_of<BuiltinLayers>();
#define GENOFORM_LAYER_VALUES(Layer) template const SubLayerKind genome::sub_layer_kind<layers::Layer>;
GENOFORM_EACH_LAYER(GENOFORM_LAYER_VALUES)

}  // namespace genoform::inner
