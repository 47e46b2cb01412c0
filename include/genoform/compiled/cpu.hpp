#pragma once
#include "genoform/backend/cpu.hpp"
#include "genoform/compiled/layers.hpp"
#include "genoform/compiled/operations.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/module.hpp"

namespace genoform::inner {

#define GENOFORM_CPU_OPERATION(Op) GENOFORM_BACK_END_OPERATION(extern template, Cpu, Op)
GENOFORM_EACH_OPERATION(GENOFORM_CPU_OPERATION)
#undef GENOFORM_CPU_OPERATION
#define GENOFORM_CPU_LAYER(Layer) GENOFORM_BACK_END_LAYER(extern template, Cpu, Layer)
GENOFORM_EACH_LAYER(GENOFORM_CPU_LAYER)
#undef GENOFORM_CPU_LAYER
extern template class model::NetworkOf<Cpu, DecoderNetwork<AnyBlocks<Cpu>>>;
extern template class model::NetworkOf<Cpu, PartNetwork<AnyBlocks<Cpu>>>;
extern template class model::Engine<Cpu>;
extern template class model::BasicModel<Cpu>;
extern template class model::BasicModule<Cpu>;

}  // namespace genoform::inner
