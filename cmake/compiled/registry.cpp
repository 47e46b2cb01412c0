// The built-in kinds of layers on the CPU back end.
#include "genoform/compiled/registry.hpp"

namespace genoform {

template class NetworkOf<Cpu, DecoderNetwork<GenomeBlocks<Cpu>>>;
template class Kinds<Cpu>;
template Kinds<Cpu> builtin_kinds<Cpu>();

}  // namespace genoform
