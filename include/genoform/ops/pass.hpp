#pragma once
#include <cstdint>

#include "genoform/core/tensor.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::ops {

/// B sequences of T positions: one micro-batch, and one routing pool.
struct Shape {
  std::int64_t batch = 1, context = 1;
  constexpr std::int64_t tokens() const { return batch * context; }
  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

/// `train` keeps what the backward pass needs and routes by pool; `evaluate` is causal and keeps nothing
/// (docs/formats/model.md, section 4). `check` is the training pass as another program can compute it: what routers remember
/// stays fixed, Base takes the argmax, and nothing is drawn or added that the text of the model does not say (`genoform grad`,
/// docs/formats/model.md, section 5).
enum class Pass : std::uint8_t { train, evaluate, check };

/// What routers do while a model trains that its architecture does not say; all off by default and off outside Pass::train.
struct RouterTraining {
  double z_loss = 0;       ///< coefficient of the mean of logsumexp(l)^2 over the tokens, part of the auxiliary loss (ST-MoE)
  double jitter = 0;       ///< token-choice routers see their input times uniform(1 - jitter, 1 + jitter) (Switch)
  std::uint64_t seed = 1;  ///< of the jitter
  friend constexpr bool operator==(const RouterTraining&, const RouterTraining&) = default;
};

/// What a training pass keeps. `hold`: nothing that is kept is released on the backward pass, so that it can be read afterwards;
/// `recompute`: between the blocks only the residual stream, each block runs forward again before its backward pass;
/// `activations`: what tensors that only products and operations that know bf16 touch are made of; `logits`: those of a decoder.
struct PassLayout {
  bool hold = false, recompute = false;
  ElementType activations = ElementType::real;
  ElementType logits = ElementType::real;
  friend constexpr bool operator==(const PassLayout&, const PassLayout&) = default;
};

/// What every recording finds at fixed offsets: the inputs and the results of a step. A token of -1 is padding; `round` counts
/// micro-batches, for what is sampled; `zero_before` says whether the backward pass overwrites the gradients (GradientMode).
struct StepTensors {
  Tensor tokens, targets, scale, round, zero_before, loss, aux_loss;
  Tensor spare_loss;  ///< takes what a forward pass that runs again would add to aux_loss
};

constexpr std::int64_t input_elements(Shape shape) { return 2 * shape.tokens() + 3; }
inline constexpr std::int64_t result_elements = 3;
constexpr StepTensors step_tensors(Shape shape) {
  const std::int64_t n = shape.tokens();
  return {.tokens = matrix(Memory::inputs, 0, n, 1, ElementType::index),
          .targets = matrix(Memory::inputs, n, n, 1, ElementType::index),
          .scale = matrix(Memory::inputs, 2 * n, 1, 1),
          .round = matrix(Memory::inputs, 2 * n + 1, 1, 1, ElementType::index),
          .zero_before = matrix(Memory::inputs, 2 * n + 2, 1, 1, ElementType::index),
          .loss = matrix(Memory::results, 0, 1, 1),
          .aux_loss = matrix(Memory::results, 1, 1, 1),
          .spare_loss = matrix(Memory::results, 2, 1, 1)};
}

}  // namespace genoform::inner::ops

namespace genoform {
using inner::ops::Pass;
using inner::ops::Shape;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
