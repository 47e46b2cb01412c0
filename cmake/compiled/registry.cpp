// The built-in kinds of layers on the CPU back end.
#include "genoform/compiled/registry.hpp"

namespace genoform::inner {

template class registry::Kinds<Cpu>;
template Kinds<Cpu> registry::builtin_kinds<Cpu>();

}  // namespace genoform::inner
