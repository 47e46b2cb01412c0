#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/layers/position.hpp"

namespace genoform {

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
struct InputPositionsWords {
  using Plain = OneOf<InputPositions, None, Sinusoid, Learned>;
  using Bias = SharedRelBias<32, 128>;

  static constexpr bool names(std::string_view word) { return word == Bias::word || Plain::names(word); }
  static constexpr void each_word(auto visit) {
    Plain::each_word(visit);
    visit(Bias::word);
  }
  static constexpr Verdict read(Tree tree, int node, InputPositions& value) {
    if (node_at(tree, node).word != Bias::word) return Plain::read(tree, node, value);
    value.kind = InputPositionsKind::shared_bias;
    return read_relative_bias(tree, node, value.buckets, value.distance);
  }
  static constexpr void print(const InputPositions& value, auto& out) {
    if (value.kind != InputPositionsKind::shared_bias) return Plain::print(value, out);
    const int node = out.open(Bias::word);
    out.number(value.buckets);
    out.number(value.distance);
    out.close(node);
  }
  template <auto V>
  static constexpr auto find() {
    if constexpr (V.kind == InputPositionsKind::shared_bias)
      return Type<SharedRelBias<V.buckets, V.distance>>{};
    else
      return Type<typename Plain::template tag<V>>{};
  }
  template <auto V>
  using tag = typename decltype(find<V>())::type;
};

}  // namespace genoform
