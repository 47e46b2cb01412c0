// The CPU back end's kernels, compiled once for a program of many translation units: target genoform_compiled_kernels.
#define GENOFORM_COMPILE_KERNELS
#include "genoform/backend/cpu/kernels.hpp"
