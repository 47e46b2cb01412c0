#pragma once
#include "genoform/compiled/cpu.hpp"
#include "genoform/registry/kinds.hpp"

namespace genoform::inner {

extern template class registry::Kinds<Cpu>;
extern template Kinds<Cpu> registry::builtin_kinds<Cpu>();

}  // namespace genoform::inner
