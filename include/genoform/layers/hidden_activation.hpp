#pragma once
#include <cstdint>

#include "genoform/layers/activation.hpp"
#include "genoform/ops/dense.hpp"

namespace genoform::inner::layers {

/// The function of an activation as the operations know it.
constexpr op::Function function_of(Activation a) {
  switch (a.kind) {
    case ActivationKind::relu: return op::Function::relu;
    case ActivationKind::gelu: return op::Function::gelu;
    case ActivationKind::swish: return op::Function::swish;
    case ActivationKind::sqrelu: return op::Function::squared_relu;
    case ActivationKind::identity: return op::Function::identity;
  }
  return op::Function::identity;
}

/// The hidden part of an FFN or of experts: what has to be kept of it, and the backward pass through the activation.
/// Functions that can be undone from their output ride on the product before them and keep nothing else; of others without a gate
/// their derivative is kept in the place of their argument, so that what is costly is done once, on the way there.
struct HiddenActivation {
  op::Function f = op::Function::identity;
  bool gated = false;

  constexpr explicit HiddenActivation(Activation a) : f(function_of(a)), gated(a.gated) {}

  constexpr bool from_output() const { return !gated && f != op::Function::gelu && f != op::Function::swish; }
  /// Where the product on the backward pass finds what it undoes the activation by, of what is kept in u: the output or the
  /// derivative; nowhere if there is nothing to undo, or a gate.
  constexpr Tensor derivative_of(Tensor u) const { return gated || f == op::Function::identity ? Tensor{} : u; }
  /// The function that the product on the backward pass undoes.
  constexpr op::Function undone() const { return gated ? op::Function::identity : f; }
  /// What the product before may do itself.
  constexpr op::Function epilogue() const { return from_output() ? f : op::Function::identity; }
};

}  // namespace genoform::inner::layers
