#pragma once
#include "genoform/compiled/cpu.hpp"
#include "genoform/registry/kinds.hpp"

namespace genoform {

extern template class NetworkOf<Cpu, DecoderNetwork<GenomeBlocks<Cpu>>>;
extern template class Kinds<Cpu>;
extern template Kinds<Cpu> builtin_kinds<Cpu>();

}  // namespace genoform
