#pragma once
#include <cstdint>

#include "genoform/backend/cpu.hpp"
#include "genoform/genome/genome.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/train/optimizer_choice.hpp"

namespace command {

/// `inspect --memory`: what a training step on the cpu back end needs, what is kept for the backward pass and why. The genome has
/// all sizes.
void print_memory(const genoform::Genome& genome, genoform::Shape shape, bool recompute, genoform::CpuOptions cpu,
                  const genoform::inner::OptimizerChoice& optimizer, bool json);

}  // namespace command
