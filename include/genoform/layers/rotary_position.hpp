#pragma once
#include "genoform/layers/attention.hpp"

namespace genoform::inner::layers {

/// How a mixer without a bias of scores knows positions; open until the model around it is known.
struct RotaryPosition {
  PositionKind kind = PositionKind::open;

  using choices = OneOf<RotaryPosition, Rope, NoPos>;
  constexpr bool rotates() const { return kind == PositionKind::rope; }
  friend constexpr bool operator==(const RotaryPosition&, const RotaryPosition&) = default;
};

/// Rope, or NoPos in a model with positions of its own; open in a part alone.
constexpr RotaryPosition default_rotary_position(const ModelContext& model_context) {
  if (!model_context.whole && model_context.width == 0) return {};
  return {model_context.positions ? PositionKind::none : PositionKind::rope};
}

}  // namespace genoform::inner::layers
