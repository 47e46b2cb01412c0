#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/layers/position.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

enum class InputPositionsKind : std::uint8_t { none, sinusoid, learned, shared_bias };

struct None : Word<"None"> {
  static constexpr InputPositionsKind kind = InputPositionsKind::none;
};
struct Sinusoid : Word<"Sinusoid"> {
  static constexpr InputPositionsKind kind = InputPositionsKind::sinusoid;
};
struct Learned : Word<"Learned"> {
  static constexpr InputPositionsKind kind = InputPositionsKind::learned;
};
/// One table of relative biases that is added in every attention layer.
template <int Buckets, int Distance>
struct SharedRelBias : Numbers<"SharedRelBias", Buckets, Distance> {};
template <class P>
struct Positions : Words<"Positions", P> {};

struct InputPositionsWords;

/// The positions of a model: added at its input, or in every attention layer.
struct InputPositions {
  InputPositionsKind kind = InputPositionsKind::none;
  int buckets = 0, distance = 0;  ///< of a shared bias

  using choices = InputPositionsWords;
  friend constexpr bool operator==(const InputPositions&, const InputPositions&) = default;
};

/// How they are written: None, Sinusoid, Learned or SharedRelBias<buckets, distance>.
struct InputPositionsWords
    : PlainOrBias<InputPositions, InputPositionsKind::shared_bias, SharedRelBias, None, Sinusoid, Learned> {};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Learned;
using inner::model::None;
using inner::model::Positions;
using inner::model::SharedRelBias;
using inner::model::Sinusoid;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
