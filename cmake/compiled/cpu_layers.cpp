// The built-in layers on the CPU back end, and the networks of any layers.
#include "genoform/compiled/cpu.hpp"

namespace genoform::inner {

#define GENOFORM_CPU_LAYER(Layer) GENOFORM_BACK_END_LAYER(template, Cpu, Layer)
GENOFORM_EACH_LAYER(GENOFORM_CPU_LAYER)
template class model::NetworkOf<Cpu, DecoderNetwork<AnyBlocks<Cpu>>>;
template class model::NetworkOf<Cpu, PartNetwork<AnyBlocks<Cpu>>>;

}  // namespace genoform::inner
