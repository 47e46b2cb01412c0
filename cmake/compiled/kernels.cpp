// The CPU back end's kernels: target genoform_compiled_kernels.
#define GENOFORM_COMPILE_KERNELS
#include "genoform/backend/cpu/kernels.hpp"
