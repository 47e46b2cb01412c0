#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/core/part.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

enum class PositionKind : std::uint8_t { open, rope, bias, none };

struct Rope : Word<"Rope"> {
  static constexpr PositionKind kind = PositionKind::rope;
};
struct NoPos : Word<"NoPos"> {
  static constexpr PositionKind kind = PositionKind::none;
};
/// A learned bias of the scores by distance, T5's: a table of `Buckets` numbers a head, all distances from `Distance` on in one.
template <int Buckets, int Distance>
struct RelBias : Numbers<"RelBias", Buckets, Distance> {};

}  // namespace genoform::inner::layers

namespace genoform::inner::rules {
GENOFORM_RULE(BiasDistance, "the distance of a relative bias must be more than half its buckets, as in RelBias<32, 128>");
GENOFORM_RULE(HeadDimEven, "Rope rotates pairs of channels, so HeadDim must be even; give an even HeadDim or NoPos");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

/// Reads the two numbers of a relative bias; its distance lies past the buckets of single distances.
constexpr CheckResult read_relative_bias(Tree tree, int node, int& buckets, int& distance) {
  const CheckResult check_result = option_rows::read_numbers(tree, node, {2, max_number}, {1, max_number}, buckets, distance);
  if (!check_result.fine()) return check_result;
  return {distance > buckets / 2 ? Rule::none : rules::BiasDistance{}, node};
}

/// The words of a choice type that are plain, or a relative bias W<buckets, distance> with the kind `bias`. Value has members
/// kind, buckets and distance.
template <class Value, auto bias, template <int, int> class W, class... Tags>
struct PlainOrBias {
  using refuses = List<rules::BiasDistance>;
  using Plain = OneOf<Value, Tags...>;
  static constexpr std::string_view bias_word = W<32, 128>::word;

  static constexpr bool names(std::string_view word) { return word == bias_word || Plain::names(word); }
  static constexpr void each_word(auto visit) {
    Plain::each_word(visit);
    visit(bias_word);
  }
  static constexpr bool is_open(const Value& value) { return value.kind != bias && Plain::is_open(value); }
  static constexpr CheckResult read(Tree tree, int node, Value& value) {
    if (node_at(tree, node).word != bias_word) return Plain::read(tree, node, value);
    value.kind = bias;
    return read_relative_bias(tree, node, value.buckets, value.distance);
  }
  static constexpr void print(const Value& value, auto& out) {
    if (value.kind != bias) return Plain::print(value, out);
    const int node = out.open(bias_word);
    out.number(value.buckets);
    out.number(value.distance);
    out.close(node);
  }
  template <auto V>
  static constexpr auto find() {
    if constexpr (V.kind == bias)
      return Type<W<V.buckets, V.distance>>{};
    else
      return Type<typename Plain::template tag<V>>{};
  }
  template <auto V>
  using tag = typename decltype(find<V>())::type;
};

struct PositionWords;

/// How attention knows positions; open until the model around it is known.
struct Position {
  PositionKind kind = PositionKind::open;
  int buckets = 0, distance = 0;  ///< of a relative bias

  using choices = PositionWords;
  friend constexpr bool operator==(const Position&, const Position&) = default;
};

/// How they are written: Rope, NoPos or RelBias<buckets, distance>.
struct PositionWords : PlainOrBias<Position, PositionKind::bias, RelBias, Rope, NoPos> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::NoPos;
using inner::layers::RelBias;
using inner::layers::Rope;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
