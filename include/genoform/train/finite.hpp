#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/model/declaration.hpp"

namespace genoform::inner::train {

/// Names the first tensor of a model with numbers that are not finite: `blocks.0.1.ffn.up.weight (3 of 65536 numbers)`; empty
/// when all are. `memory`: weights, state, or gradients as the last backward pass left them.
template <class Model>
std::string first_not_finite(const Model& model, Memory memory) {
  std::vector<typename Model::Real> values;
  for (const TensorInfo& info : model.tensors()) {
    const Memory declared = memory == Memory::gradients ? Memory::weights : memory;
    if (info.tensor.memory != declared || info.tensor.element_type != ElementType::real) continue;
    values.resize(static_cast<std::size_t>(info.tensor.size()));
    memory == Memory::gradients ? model.read_last_gradient(info, values) : model.read(info, values);
    std::int64_t bad = 0;
    for (const auto x : values) bad += math::is_finite(x) ? 0 : 1;
    if (bad > 0) return info.name + " (" + std::to_string(bad) + " of " + std::to_string(info.tensor.size()) + " numbers)";
  }
  return {};
}

}  // namespace genoform::inner::train
