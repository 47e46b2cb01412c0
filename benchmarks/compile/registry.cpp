// The compile time of all kinds: the built-in registry on the CPU back end.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/registry/kinds.hpp>
using namespace genoform;

BasicModel<Cpu> build(const Genome& genome) { return builtin_kinds<Cpu>().build(genome); }
