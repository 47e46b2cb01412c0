#pragma once
#include "genoform/layers/activation.hpp"

namespace genoform::inner::layers {

/// An activation that cannot be gated: for layers with a gate, or a form, of their own.
struct PlainActivation {
  ActivationKind kind = ActivationKind::sqrelu;

  using choices = OneOf<PlainActivation, ReLU, GeLU, Swish, SqReLU, Identity>;
  constexpr operator Activation() const { return {.kind = kind, .gated = false}; }
  friend constexpr bool operator==(const PlainActivation&, const PlainActivation&) = default;
};

}  // namespace genoform::inner::layers
