#pragma once
#include <algorithm>
#include <cstdint>

#include "genoform/core/part.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/attention.hpp"
#include "genoform/ops/stream.hpp"

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
    return Table{
        count<Heads, &L::heads>([](const L&, const Around& a) { return a.width > 0 ? std::max(1, a.width / 64) : by_width; }),
        count<HeadDim, &L::head_dim>([](const L& l, const Around& a) {
          return a.width > 0 && l.heads > 0 && a.width % l.heads == 0 ? a.width / l.heads : by_width;
        }),
        count<KvHeads, &L::kv_heads>([](const L& l, const Around&) { return l.heads; }), count<DConv, &L::dconv>(),
        choice<&L::position>([](const L&, const Around& a) {
          if (!a.whole && a.width == 0) return Position{};
          return Position{a.positions ? PositionKind::none : PositionKind::rope};
        })};
  }

  constexpr Broken broken(const Around& a) const {
    if (a.width > 0 && head_dim == by_width) return {Rule::heads_divide_width, {"Heads"}};
    if (heads > 0 && kv_heads > 0 && heads % kv_heads != 0) return {Rule::kv_heads_divide_heads, {"KvHeads", "Heads"}};
    if (position.kind == PositionKind::rope && head_dim % 2 != 0) return {Rule::head_dim_even, {"HeadDim", "Rope", "Heads"}};
    const double channels = static_cast<double>(heads) * head_dim;
    if (channels * std::max(a.width, 1) >= largest_parameters) return {Rule::too_many_parameters, {"Heads", "HeadDim"}};
    if (channels * dconv >= largest_parameters) return {Rule::too_many_parameters, {"DConv"}};
    return {};
  }
  friend constexpr bool operator==(const AttentionLayer&, const AttentionLayer&) = default;

  struct Weights {
    Tensor q, k, v, o;
    Tensor qkv;    ///< q, k and v as one matrix: they are declared one after the other
    Tensor dconv;  ///< their convolutions as one [channels, k]
  };
  struct Saved {
    Tensor projected;  ///< before the convolution (only with DConv)
    Tensor qkv;        ///< as attention reads it
    Tensor mixed, log_sums;
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    w.q = d.matrix("attention.q.weight", query_columns(), D, Start::fan_in(D));
    w.k = d.matrix("attention.k.weight", key_columns(), D, Start::fan_in(D));
    w.v = d.matrix("attention.v.weight", key_columns(), D, Start::fan_in(D));
    w.qkv = w.q;
    w.qkv.rows = columns();
    if (dconv > 0) {
      w.dconv = d.undecayed_matrix("attention.q.dconv", query_columns(), dconv, Start::dconv());
      d.undecayed_matrix("attention.k.dconv", key_columns(), dconv, Start::dconv());
      d.undecayed_matrix("attention.v.dconv", key_columns(), dconv, Start::dconv());
      w.dconv.rows = columns();
    }
    w.o = d.matrix("attention.o.weight", D, query_columns(), Start::fan_in(query_columns()));
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const std::int64_t context = ops.shape().context;
    s.qkv = ops.keep(x.rows, columns());
    s.projected = dconv > 0 ? ops.keep(x.rows, columns()) : s.qkv;
    ops(op::Linear{.x = x, .w = w.qkv, .bias = {}, .y = s.projected});
    if (dconv > 0) ops(op::CausalConvolution{s.projected, w.dconv, s.qkv, context});
    if (rotates()) ops(op::Rotate{rotated(s.qkv), head_dim, context, false});
    s.mixed = ops.keep(x.rows, query_columns());
    s.log_sums = ops.keep(x.rows, heads);
    ops(op::Attend{queries(s.qkv), keys(s.qkv), values(s.qkv), s.mixed, s.log_sums, heads, kv_heads, head_dim, context});
    ops(op::Linear{.x = s.mixed, .w = w.o, .bias = {}, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const std::int64_t context = ops.shape().context;
    const Tensor d_mixed = ops.scratch(x.rows, query_columns());
    ops(op::LinearWeightGradient{.x = s.mixed, .dy = dy, .dw = gradient(w.o), .dbias = {}});
    ops(op::LinearInputGradient{.dy = dy, .w = w.o, .dx = d_mixed});
    const Tensor d_qkv = ops.scratch(x.rows, columns());
    ops(op::AttendGradient{queries(s.qkv), keys(s.qkv), values(s.qkv), s.mixed, s.log_sums, d_mixed, queries(d_qkv), keys(d_qkv),
                           values(d_qkv), heads, kv_heads, head_dim, context});
    if (rotates()) ops(op::Rotate{rotated(d_qkv), head_dim, context, true});
    Tensor d_projected = d_qkv;
    if (dconv > 0) {
      d_projected = ops.scratch(x.rows, columns());
      ops(op::CausalConvolutionGradient{s.projected, w.dconv, d_qkv, d_projected, gradient(w.dconv), context});
    }
    ops(op::LinearWeightGradient{.x = x, .dy = d_projected, .dw = gradient(w.qkv), .dbias = {}});
    ops(op::LinearInputGradient{.dy = d_projected, .w = w.qkv, .dx = dx});
  }

 private:
  constexpr bool rotates() const { return position.kind == PositionKind::rope; }
  constexpr std::int64_t query_columns() const { return std::int64_t{heads} * head_dim; }
  constexpr std::int64_t key_columns() const { return std::int64_t{kv_heads} * head_dim; }
  constexpr std::int64_t columns() const { return query_columns() + 2 * key_columns(); }
  constexpr Tensor queries(Tensor qkv) const { return qkv.column_range(0, query_columns()); }
  constexpr Tensor keys(Tensor qkv) const { return qkv.column_range(query_columns(), key_columns()); }
  constexpr Tensor values(Tensor qkv) const { return qkv.column_range(query_columns() + key_columns(), key_columns()); }
  /// Queries and keys lie side by side and turn alike.
  constexpr Tensor rotated(Tensor qkv) const { return qkv.column_range(0, query_columns() + key_columns()); }
};

template <class... Options>
struct Attention : Part<AttentionLayer, Options...> {};
using Attn = Attention<>;

}  // namespace genoform
