#pragma once
#include <algorithm>
#include <cstdint>

#include "genoform/core/part.hpp"
#include "genoform/layers/norm.hpp"

namespace genoform {

template <int N>
struct Heads : Numbers<"Heads", N> {};
template <int N>
struct HeadDim : Numbers<"HeadDim", N> {};
template <int N>
struct KvHeads : Numbers<"KvHeads", N> {};
template <int N>
struct DConv : Numbers<"DConv", N> {};

enum class PositionKind : std::uint8_t { open, rope, none };

struct Rope : Word<"Rope"> {
  static constexpr PositionKind kind = PositionKind::rope;
};
struct NoPos : Word<"NoPos"> {
  static constexpr PositionKind kind = PositionKind::none;
};

/// How attention knows positions; open until the model around it is known.
struct Position {
  PositionKind kind = PositionKind::open;

  using choices = OneOf<Position, Rope, NoPos>;
  friend constexpr bool operator==(const Position&, const Position&) = default;
};

template <class... Options>
struct Attention;

/// Causal multi-head self-attention, y = Wo attend(Wq x, Wk x, Wv x); x, y: [N, D]. spec/model.md sections 1.2 and 2;
/// DConv is Primer's multi-dconv-head attention.
struct AttentionLayer : Normed {
  static constexpr std::string_view name = "Attention";
  template <class... Options>
  using type = Attention<Options...>;

  int heads = by_width, head_dim = by_width, kv_heads = by_width, dconv = absent;
  Position position{};

  static constexpr auto options() {
    using L = AttentionLayer;
    return std::tuple{
        count<Heads, &L::heads>([](const L&, const Around& a) { return a.width > 0 ? std::max(1, a.width / 64) : by_width; }),
        count<HeadDim, &L::head_dim>([](const L& l, const Around& a) {
          return a.width > 0 && l.heads > 0 && a.width % l.heads == 0 ? a.width / l.heads : by_width;
        }),
        count<KvHeads, &L::kv_heads>([](const L& l, const Around&) { return l.heads; }),
        count<DConv, &L::dconv>(),
        choice<&L::position>([](const L&, const Around& a) {
          if (!a.whole && a.width == 0) return Position{};
          return Position{a.positions ? PositionKind::none : PositionKind::rope};
        })};
  }

  constexpr Broken broken(const Around& a) const {
    if (a.width > 0 && head_dim == by_width) return {Rule::heads_divide_width, {"Heads"}};
    if (heads > 0 && kv_heads > 0 && heads % kv_heads != 0) return {Rule::kv_heads_divide_heads, {"KvHeads", "Heads"}};
    if (position.kind == PositionKind::rope && head_dim % 2 != 0) return {Rule::head_dim_even, {"HeadDim", "Rope", "Heads"}};
    const double channels = static_cast<double>(std::max(heads, kv_heads)) * head_dim;
    if (channels * (4.0 * a.width + 3.0 * dconv) >= largest_parameters) return {Rule::too_many_parameters, {"Heads", "HeadDim"}};
    return {};
  }
  friend constexpr bool operator==(const AttentionLayer&, const AttentionLayer&) = default;
};

template <class... Options>
struct Attention : Part<AttentionLayer, Options...> {};
using Attn = Attention<>;

}  // namespace genoform
