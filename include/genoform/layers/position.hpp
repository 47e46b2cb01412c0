#pragma once
#include <cstdint>
#include <string_view>

#include "genoform/core/part.hpp"

namespace genoform {

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

/// Reads the two numbers of a relative bias; its distance lies past the buckets of single distances.
constexpr Verdict read_relative_bias(Tree tree, int node, int& buckets, int& distance) {
  const Verdict verdict = option_rows::read_numbers(tree, node, {2, largest_number}, {1, largest_number}, buckets, distance);
  if (!verdict.fine()) return verdict;
  return {distance > buckets / 2 ? Rule::none : Rule::bias_distance, node};
}

struct PositionWords;

/// How attention knows positions; open until the model around it is known.
struct Position {
  PositionKind kind = PositionKind::open;
  int buckets = 0, distance = 0;  ///< of a relative bias

  using choices = PositionWords;
  friend constexpr bool operator==(const Position&, const Position&) = default;
};

/// How they are written: Rope, RelBias<buckets, distance> or NoPos.
struct PositionWords {
  using Plain = OneOf<Position, Rope, NoPos>;
  using Bias = RelBias<32, 128>;

  static constexpr bool names(std::string_view word) { return word == Bias::word || Plain::names(word); }
  static constexpr void each_word(auto visit) {
    visit(Rope::word);
    visit(Bias::word);
    visit(NoPos::word);
  }
  static constexpr bool is_open(const Position& value) { return value.kind == PositionKind::open; }
  static constexpr Verdict read(Tree tree, int node, Position& value) {
    if (node_at(tree, node).word != Bias::word) return Plain::read(tree, node, value);
    value.kind = PositionKind::bias;
    return read_relative_bias(tree, node, value.buckets, value.distance);
  }
  static constexpr void print(const Position& value, auto& out) {
    if (value.kind != PositionKind::bias) return Plain::print(value, out);
    const int node = out.open(Bias::word);
    out.number(value.buckets);
    out.number(value.distance);
    out.close(node);
  }
  template <auto V>
  static constexpr auto find() {
    if constexpr (V.kind == PositionKind::bias)
      return Type<RelBias<V.buckets, V.distance>>{};
    else
      return Type<typename Plain::template tag<V>>{};
  }
  template <auto V>
  using tag = typename decltype(find<V>())::type;
};

}  // namespace genoform
