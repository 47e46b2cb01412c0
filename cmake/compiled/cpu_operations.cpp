// Every operation on the CPU back end, and the models that run them.
#include "genoform/compiled/cpu.hpp"

namespace genoform::inner {

#define GENOFORM_CPU_OPERATION(Op) GENOFORM_BACK_END_OPERATION(template, Cpu, Op)
GENOFORM_EACH_OPERATION(GENOFORM_CPU_OPERATION)
template class model::Engine<Cpu>;
template class model::BasicModel<Cpu>;
template class model::BasicModule<Cpu>;

}  // namespace genoform::inner
