#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/position.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/attention.hpp"
#include "genoform/ops/positions.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

template <int N>
struct Heads : Numbers<"Heads", N> {};
template <int N>
struct HeadDim : Numbers<"HeadDim", N> {};
template <int N>
struct KvHeads : Numbers<"KvHeads", N> {};
template <int N>
struct DConv : Numbers<"DConv", N> {};

struct SharedQk : Word<"SharedQk"> {};
struct QkNorm : Word<"QkNorm"> {};
template <int N>
struct Window : Numbers<"Window", N> {};

}  // namespace genoform::inner::layers

namespace genoform::inner::rules {
GENOFORM_RULE(HeadsDivideWidth, "Heads must divide Width when HeadDim is left out; give HeadDim or another Heads");
GENOFORM_RULE(KvHeadsDivideHeads, "KvHeads must divide Heads");
GENOFORM_RULE(SharedQkHeads, "SharedQk makes the queries from the keys, so KvHeads must equal Heads; leave KvHeads out");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

template <class... Options>
struct Attention;

/// Causal multi-head self-attention, y = Wo attend(Wq x, Wk x, Wv x); x, y: [N, D]. docs/formats/model.md sections 1.2 and 2;
/// DConv is Primer's multi-dconv-head attention, SharedQk its shared representation: r = dconv(Wk x), k = r, q = Wqs r.
struct AttentionLayer : Normed {
  static constexpr std::string_view name = "Attention";
  static constexpr bool reads_bf16 = true;
  template <class... Options>
  using type = Attention<Options...>;

  int heads = by_width, head_dim = by_width, kv_heads = by_width, dconv = absent;
  bool shared_qk = false;
  Position position{};
  int window = absent;
  bool qk_norm = false;

  static constexpr auto options() {
    using L = AttentionLayer;
    return Table{count<Heads, &L::heads>(
                     [](const L&, const ModelContext& a) { return a.width > 0 ? larger_of(1, a.width / 64) : by_width; }),
                 count<HeadDim, &L::head_dim>([](const L& l, const ModelContext& a) {
                   return a.width > 0 && l.heads > 0 && a.width % l.heads == 0 ? a.width / l.heads : by_width;
                 }),
                 count<KvHeads, &L::kv_heads>([](const L& l, const ModelContext&) { return l.heads; }),
                 count<DConv, &L::dconv>(),
                 flag<SharedQk, &L::shared_qk>(),
                 choice<&L::position>([](const L&, const ModelContext& a) {
                   if (!a.whole && a.width == 0) return Position{};
                   return Position{a.positions ? PositionKind::none : PositionKind::rope};
                 }),
                 count<Window, &L::window>(),
                 flag<QkNorm, &L::qk_norm>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double channels = static_cast<double>(heads) * head_dim;
    const double max_side = shared_qk ? larger_of<double>(a.width, channels) : a.width;
    return Violations{
        refuse_if<rules::HeadsDivideWidth>(a.width > 0 && head_dim == by_width, "Heads"),
        refuse_if<rules::KvHeadsDivideHeads>(heads > 0 && kv_heads > 0 && heads % kv_heads != 0, "KvHeads", "Heads"),
        refuse_if<rules::SharedQkHeads>(shared_qk && kv_heads != heads, "KvHeads", "SharedQk"),
        refuse_if<rules::HeadDimEven>(rotates() && head_dim % 2 != 0, "HeadDim", "Rope", "Heads"),
        too_many_parameters(channels * larger_of(max_side, 1.0), "Heads", "HeadDim"),
        too_many_parameters(channels * dconv, "DConv"),
        too_many_parameters(static_cast<double>(heads) * position.buckets, "RelBias")};
  }
  friend constexpr bool operator==(const AttentionLayer&, const AttentionLayer&) = default;

  struct Weights {
    Tensor o;
    Tensor projection;  ///< q, k and v as one matrix, without q where it is made from k: they are declared one after the other
    Tensor qs;          ///< makes q from k [H*K, H*K] (only with SharedQk)
    Tensor dconv;       ///< the convolutions of the projection's channels as one [channels, k]
    Tensor bias;        ///< [H, buckets]
  };
  struct Saved {
    Tensor projected;  ///< before the convolution (only with DConv)
    Tensor qkv;        ///< as attention reads it
    Tensor shared;     ///< what q and k are made of [N, H*K] (only with SharedQk)
    Tensor scales;     ///< of the norms of q and k [N, H + G] (only with QkNorm)
    Tensor bias;       ///< by distance [H, T]
    Tensor mixed, log_sum_exps;
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    d.attends(heads);
    if (!shared_qk) w.projection = d.matrix("attention.q.weight", query_columns(), D, Initializer::fan_in(D));
    const Tensor k = d.matrix("attention.k.weight", key_columns(), D, Initializer::fan_in(D));
    d.matrix("attention.v.weight", key_columns(), D, Initializer::fan_in(D));
    if (shared_qk) w.projection = k;
    w.projection.rows = projected_columns();
    if (shared_qk) w.qs = d.matrix("attention.qs.weight", query_columns(), query_columns(), Initializer::fan_in(query_columns()));
    if (dconv > 0) {
      if (!shared_qk) w.dconv = d.undecayed_matrix("attention.q.dconv", query_columns(), dconv, Initializer::dconv());
      const Tensor filter_width = d.undecayed_matrix("attention.k.dconv", key_columns(), dconv, Initializer::dconv());
      d.undecayed_matrix("attention.v.dconv", key_columns(), dconv, Initializer::dconv());
      if (shared_qk) w.dconv = filter_width;
      w.dconv.rows = projected_columns();
    }
    if (has_own_bias()) w.bias = d.undecayed_matrix("attention.bias", heads, position.buckets, Initializer::fan_in(D));
    w.o = d.matrix("attention.o.weight", D, query_columns(), Initializer::fan_in(query_columns()));
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const std::int64_t context = ops.shape().context;
    s.qkv = ops.keep(x.rows, columns(), ops.activations());
    s.projected = dconv > 0 ? ops.keep(x.rows, projected_columns(), ops.activations()) : projected(s.qkv);
    ops(op::Linear{.x = x, .w = w.projection, .y = s.projected});
    if (dconv > 0)
      ops(op::CausalConvolution{
          .x = s.projected, .w = w.dconv, .y = projected(s.qkv), .context = context, .rotation = fused_rotation()});
    if (shared_qk) {
      s.shared = keys(s.qkv);
      if (rotates() || qk_norm) {  // both change the keys in their place
        s.shared = ops.keep(x.rows, key_columns(), ops.activations());
        ops(op::Copy{.x = keys(s.qkv), .y = s.shared});
      }
      ops(op::Linear{.x = s.shared, .w = w.qs, .y = queries(s.qkv)});
    }
    if (qk_norm) {
      s.scales = ops.keep(x.rows, heads + kv_heads);
      ops(op::NormalizeHeads{.x = queries_and_keys(s.qkv), .scales = s.scales, .head_dim = head_dim});
    }
    if (rotates_separately()) ops(op::Rotate{.x = queries_and_keys(s.qkv), .head_dim = head_dim, .context = context});
    s.bias = has_bias(ops) ? ops.keep(heads, context) : Tensor{};
    if (has_own_bias()) ops(op::RelativeBias{.table = w.bias, .y = s.bias, .distance = position.distance});
    if (ops.shared_bias.exists())
      ops(op::RelativeBias{
          .table = ops.shared_bias.table, .y = s.bias, .distance = ops.shared_bias.distance, .accumulate = has_own_bias()});
    s.mixed = ops.keep(x.rows, query_columns(), ops.activations());
    s.log_sum_exps = ops.keep(x.rows, heads);
    ops(op::Attend{.q = queries(s.qkv),
                   .k = keys(s.qkv),
                   .v = values(s.qkv),
                   .y = s.mixed,
                   .log_sum_exps = s.log_sum_exps,
                   .bias = s.bias,
                   .sizes = sizes(context)});
    ops(op::Linear{.x = s.mixed, .w = w.o, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const std::int64_t context = ops.shape().context;
    const Tensor d_mixed = ops.scratch(x.rows, query_columns(), ops.activations());
    ops(op::LinearWeightGradient{.x = s.mixed, .dy = dy, .dw = gradient(w.o)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.o, .dx = d_mixed});
    const Tensor d_qkv = ops.scratch(x.rows, columns(), ops.activations()),
                 d_bias = has_bias(ops) ? ops.scratch(heads, context) : Tensor{};
    ops(op::AttendGradient{.q = queries(s.qkv),
                           .k = keys(s.qkv),
                           .v = values(s.qkv),
                           .y = s.mixed,
                           .log_sum_exps = s.log_sum_exps,
                           .dy = d_mixed,
                           .dq = queries(d_qkv),
                           .dk = keys(d_qkv),
                           .dv = values(d_qkv),
                           .bias = s.bias,
                           .dbias = d_bias,
                           .sizes = sizes(context)});
    if (has_own_bias()) ops(op::RelativeBiasGradient{.dy = d_bias, .dtable = gradient(w.bias), .distance = position.distance});
    if (ops.shared_bias.exists())
      ops(op::RelativeBiasGradient{
          .dy = d_bias, .dtable = gradient(ops.shared_bias.table), .distance = ops.shared_bias.distance});
    if (qk_norm)  // what is kept are the rotated queries and keys, so the rotated gradients belong to them
      ops(op::NormalizeHeadsGradient{.y = queries_and_keys(s.qkv),
                                     .scales = s.scales,
                                     .dy = queries_and_keys(d_qkv),
                                     .dx = queries_and_keys(d_qkv),
                                     .head_dim = head_dim});
    if (rotates_separately())
      ops(op::Rotate{.x = queries_and_keys(d_qkv), .head_dim = head_dim, .context = context, .inverse = true});
    if (shared_qk) {
      ops(op::LinearWeightGradient{.x = s.shared, .dy = queries(d_qkv), .dw = gradient(w.qs)});
      ops(op::LinearInputGradient{.dy = queries(d_qkv), .w = w.qs, .dx = keys(d_qkv), .accumulate = true});
    }
    const Tensor d_projected = projected(d_qkv);
    if (dconv > 0)
      ops(op::CausalConvolutionGradient{.x = s.projected,
                                        .w = w.dconv,
                                        .dy = d_projected,
                                        .dx = d_projected,
                                        .dw = gradient(w.dconv),
                                        .context = context,
                                        .rotation = fused_rotation()});
    ops(op::LinearWeightGradient{.x = x, .dy = d_projected, .dw = gradient(w.projection)});
    ops(op::LinearInputGradient{.dy = d_projected, .w = w.projection, .dx = dx});
  }

 private:
  constexpr bool rotates() const { return position.kind == PositionKind::rope; }
  /// Queries and keys are rotated in the pass of their convolution where nothing lies between.
  constexpr bool rotates_separately() const { return rotates() && (dconv <= 0 || shared_qk || qk_norm); }
  constexpr op::FusedRotation fused_rotation() const {
    if (!rotates() || rotates_separately()) return {};
    return {.channels = query_columns() + key_columns(), .head_dim = head_dim};
  }
  constexpr op::AttentionSizes sizes(std::int64_t context) const {
    return {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .context = context, .window = window};
  }
  constexpr bool has_own_bias() const { return position.kind == PositionKind::bias; }
  constexpr bool has_bias(const auto& ops) const { return has_own_bias() || ops.shared_bias.exists(); }
  constexpr std::int64_t query_columns() const { return std::int64_t{heads} * head_dim; }
  constexpr std::int64_t key_columns() const { return std::int64_t{kv_heads} * head_dim; }
  constexpr std::int64_t columns() const { return query_columns() + 2 * key_columns(); }
  /// What comes from x: q, k and v, or with SharedQk k and v.
  constexpr std::int64_t projected_columns() const { return columns() - (shared_qk ? query_columns() : 0); }
  constexpr Tensor projected(Tensor qkv) const { return qkv.column_range(columns() - projected_columns(), projected_columns()); }
  constexpr Tensor queries(Tensor qkv) const { return qkv.column_range(0, query_columns()); }
  constexpr Tensor keys(Tensor qkv) const { return qkv.column_range(query_columns(), key_columns()); }
  constexpr Tensor values(Tensor qkv) const { return qkv.column_range(query_columns() + key_columns(), key_columns()); }
  /// They lie side by side, and are rotated and normed alike.
  constexpr Tensor queries_and_keys(Tensor qkv) const { return qkv.column_range(0, query_columns() + key_columns()); }
};

template <class... Options>
struct Attention : Part<AttentionLayer, Options...> {};
using Attn = Attention<>;

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Attention;
using inner::layers::Attn;
using inner::layers::DConv;
using inner::layers::HeadDim;
using inner::layers::Heads;
using inner::layers::KvHeads;
using inner::layers::QkNorm;
using inner::layers::SharedQk;
using inner::layers::Window;
}  // namespace genoform

namespace genoform::extend {
using inner::layers::AttentionLayer;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
