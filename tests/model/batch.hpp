#pragma once
#include <cstdint>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/core/tensor.hpp"

/// Three sequences of twelve random tokens below 64, and their targets: others for each step.
struct Batch {
  std::vector<genoform::Token> inputs, targets;
};
inline Batch batch_of(std::uint64_t step) {
  Batch batch;
  const genoform::inner::Random random(7, step);
  for (std::uint64_t i = 0; i < 36; ++i) {
    batch.inputs.push_back(static_cast<genoform::Token>(random.below(2 * i, 64)));
    batch.targets.push_back(static_cast<genoform::Token>(random.below(2 * i + 1, 64)));
  }
  return batch;
}
