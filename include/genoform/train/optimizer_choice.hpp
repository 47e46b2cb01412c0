#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <variant>

#include "genoform/train/adafactor.hpp"
#include "genoform/train/adamw.hpp"
#include "genoform/train/optimizer.hpp"

namespace genoform {

/// The settings of one of the library's optimizers: `{.optimizer = Adafactor{.beta2 = 0.99}}`. One of the caller's own derives
/// from Optimizer<Backend> and is given to the Trainer.
using OptimizerChoice = std::variant<AdamW, Adafactor>;

/// The chosen optimizer, for one model.
template <class Backend>
std::unique_ptr<Optimizer<Backend>> make_optimizer(const OptimizerChoice& choice, BasicModel<Backend>& model) {
  return std::visit([&](const auto& settings) { return settings.bind(model); }, choice);
}

/// Numbers of memory that it needs beside the parameters and gradients of a model of these tensors.
inline std::int64_t optimizer_elements(const OptimizerChoice& choice, std::span<const TensorInfo> tensors) {
  return std::visit([&](const auto& settings) { return settings.elements(tensors); }, choice);
}

}  // namespace genoform
