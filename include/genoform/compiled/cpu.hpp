#pragma once
#include "genoform/backend/cpu.hpp"
#include "genoform/compiled/operations.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/model/module.hpp"

namespace genoform::inner {

#define GENOFORM_CPU_OPERATION(Op) GENOFORM_BACK_END_OPERATION(extern template, Cpu, Op)
GENOFORM_EACH_OPERATION(GENOFORM_CPU_OPERATION)
#undef GENOFORM_CPU_OPERATION
extern template class model::Engine<Cpu>;
extern template class model::BasicModel<Cpu>;
extern template class model::BasicModule<Cpu>;

}  // namespace genoform::inner
