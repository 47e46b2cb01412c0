#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genoform/model/declaration.hpp"

namespace genoform {

/// Names the first tensor of `memory` with numbers that are not finite: `blocks.0.1.ffn.up.weight (3 of 65536 numbers)`; empty
/// when all are. `flat`: parameters or gradients (Memory::weights), or state.
template <class Real>
std::string first_not_finite(const std::vector<TensorInfo>& tensors, std::span<const Real> flat,
                             Memory memory = Memory::weights) {
  for (const TensorInfo& info : tensors) {
    if (info.tensor.memory != memory || info.tensor.element_type != ElementType::real) continue;
    std::int64_t bad = 0;
    for (const Real x : flat.subspan(static_cast<std::size_t>(info.tensor.offset), static_cast<std::size_t>(info.tensor.size())))
      bad += std::isfinite(x) ? 0 : 1;
    if (bad > 0) return info.name + " (" + std::to_string(bad) + " of " + std::to_string(info.tensor.size()) + " numbers)";
  }
  return {};
}

}  // namespace genoform
