#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/attention.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/rotary_position.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/attention.hpp"
#include "genoform/ops/linear_attention.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

template <int N>
struct Features : Numbers<"Features", N> {};

struct SoftmaxKernel : Word<"SoftmaxKernel"> {
  static constexpr op::FeatureKernel kind = op::FeatureKernel::softmax;
};
struct ReluKernel : Word<"ReluKernel"> {
  static constexpr op::FeatureKernel kind = op::FeatureKernel::relu;
};

/// Which kernel the features stand for.
struct AttentionKernel {
  op::FeatureKernel kind = op::FeatureKernel::softmax;

  using choices = OneOf<AttentionKernel, SoftmaxKernel, ReluKernel>;
  friend constexpr bool operator==(const AttentionKernel&, const AttentionKernel&) = default;
};

template <class... Options>
struct LinearAttention;

/// Causal attention in time linear in the positions, by m random features of queries and keys that are drawn once (Performer,
/// arXiv 2009.14794); x, y: [N, D]. docs/formats/model.md section 7.1.
struct LinearAttentionLayer : Normed {
  static constexpr std::string_view name = "LinearAttention";
  template <class... Options>
  using type = LinearAttention<Options...>;

  int heads = by_width, head_dim = by_width, kv_heads = by_width, features = by_width;
  AttentionKernel kernel{};
  RotaryPosition position{};

  static constexpr auto options() {
    using L = LinearAttentionLayer;
    return Table{count<Heads, &L::heads>(
                     [](const L&, const ModelContext& a) { return a.width > 0 ? larger_of(1, a.width / 64) : by_width; }),
                 count<HeadDim, &L::head_dim>([](const L& l, const ModelContext& a) {
                   return a.width > 0 && l.heads > 0 && a.width % l.heads == 0 ? a.width / l.heads : by_width;
                 }),
                 count<KvHeads, &L::kv_heads>([](const L& l, const ModelContext&) { return l.heads; }),
                 count<Features, &L::features>([](const L& l, const ModelContext&) {
                   return static_cast<int>(smaller_of<std::int64_t>(4 * std::int64_t{l.head_dim}, max_number));
                 }),
                 choice<&L::kernel>(),
                 choice<&L::position>([](const L&, const ModelContext& a) { return default_rotary_position(a); })};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double channels = static_cast<double>(heads) * head_dim;
    return Violations{
        refuse_if<rules::HeadsDivideWidth>(a.width > 0 && head_dim == by_width, "Heads"),
        refuse_if<rules::KvHeadsDivideHeads>(heads > 0 && kv_heads > 0 && heads % kv_heads != 0, "KvHeads", "Heads"),
        refuse_if<rules::HeadDimEven>(position.rotates() && head_dim % 2 != 0, "HeadDim", "Rope", "Heads"),
        too_many_parameters(channels * larger_of(a.width, 1), "Heads", "HeadDim"),
        too_many_parameters(static_cast<double>(features) * larger_of(larger_of(head_dim, heads), 1), "Features")};
  }
  friend constexpr bool operator==(const LinearAttentionLayer&, const LinearAttentionLayer&) = default;

  struct Weights {
    Tensor qkv;  ///< q, k and v as one matrix: they are declared one after the other
    Tensor o;
    Tensor features;  ///< [m, K], state
  };
  struct Saved {
    Tensor qkv;
    Tensor q_features, k_features, shift;
    Tensor mixed, reciprocal;
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    w.qkv = d.matrix("linear_attention.q.weight", query_columns(), D, Initializer::fan_in(D));
    d.matrix("linear_attention.k.weight", key_columns(), D, Initializer::fan_in(D));
    d.matrix("linear_attention.v.weight", key_columns(), D, Initializer::fan_in(D));
    w.qkv.rows = columns();
    w.o = d.matrix("linear_attention.o.weight", D, query_columns(), Initializer::fan_in(query_columns()));
    w.features = d.state_matrix("linear_attention.features", features, head_dim, Initializer::orthogonal());
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const std::int64_t context = ops.shape().context;
    s.qkv = ops.keep(x.rows, columns());
    ops(op::Linear{.x = x, .w = w.qkv, .y = s.qkv});
    if (position.rotates()) ops(op::Rotate{.x = rotated(s.qkv), .head_dim = head_dim, .context = context});
    s.q_features = ops.keep(x.rows, std::int64_t{heads} * features);
    s.k_features = ops.keep(x.rows, std::int64_t{kv_heads} * features);
    if (shifts()) s.shift = ops.keep(x.rows, kv_heads);
    ops(op::RandomFeatures{.kernel = kernel.kind, .x = queries(s.qkv), .w = w.features, .y = s.q_features, .heads = heads});
    ops(op::RandomFeatures{
        .kernel = kernel.kind, .x = keys(s.qkv), .w = w.features, .y = s.k_features, .shift = s.shift, .heads = kv_heads});
    s.mixed = ops.keep(x.rows, query_columns());
    s.reciprocal = ops.keep(x.rows, heads);
    ops(op::LinearAttend{.q = s.q_features,
                         .k = s.k_features,
                         .shift = s.shift,
                         .v = values(s.qkv),
                         .y = s.mixed,
                         .reciprocal = s.reciprocal,
                         .sizes = sizes(context),
                         .features = features});
    ops(op::Linear{.x = s.mixed, .w = w.o, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const std::int64_t context = ops.shape().context;
    const Tensor d_mixed = ops.scratch(x.rows, query_columns()), d_qkv = ops.scratch(x.rows, columns());
    ops(op::LinearWeightGradient{.x = s.mixed, .dy = dy, .dw = gradient(w.o)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.o, .dx = d_mixed});
    const Tensor d_q = ops.scratch(x.rows, s.q_features.columns), d_k = ops.scratch(x.rows, s.k_features.columns);
    ops(op::LinearAttendGradient{.q = s.q_features,
                                 .k = s.k_features,
                                 .shift = s.shift,
                                 .v = values(s.qkv),
                                 .y = s.mixed,
                                 .reciprocal = s.reciprocal,
                                 .dy = d_mixed,
                                 .dq = d_q,
                                 .dk = d_k,
                                 .dv = values(d_qkv),
                                 .sizes = sizes(context),
                                 .features = features});
    ops(op::RandomFeaturesGradient{.kernel = kernel.kind,
                                   .x = queries(s.qkv),
                                   .w = w.features,
                                   .y = s.q_features,
                                   .dy = d_q,
                                   .dx = queries(d_qkv),
                                   .heads = heads});
    ops(op::RandomFeaturesGradient{.kernel = kernel.kind,
                                   .x = keys(s.qkv),
                                   .w = w.features,
                                   .y = s.k_features,
                                   .dy = d_k,
                                   .dx = keys(d_qkv),
                                   .heads = kv_heads,
                                   .shifted = shifts()});
    if (position.rotates()) ops(op::Rotate{.x = rotated(d_qkv), .head_dim = head_dim, .context = context, .inverse = true});
    ops(op::LinearWeightGradient{.x = x, .dy = d_qkv, .dw = gradient(w.qkv)});
    ops(op::LinearInputGradient{.dy = d_qkv, .w = w.qkv, .dx = dx});
  }

 private:
  constexpr op::AttentionSizes sizes(std::int64_t context) const {
    return {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .context = context};
  }
  constexpr bool shifts() const { return kernel.kind == op::FeatureKernel::softmax; }
  constexpr std::int64_t query_columns() const { return std::int64_t{heads} * head_dim; }
  constexpr std::int64_t key_columns() const { return std::int64_t{kv_heads} * head_dim; }
  constexpr std::int64_t columns() const { return query_columns() + 2 * key_columns(); }
  constexpr Tensor queries(Tensor qkv) const { return qkv.column_range(0, query_columns()); }
  constexpr Tensor keys(Tensor qkv) const { return qkv.column_range(query_columns(), key_columns()); }
  constexpr Tensor values(Tensor qkv) const { return qkv.column_range(query_columns() + key_columns(), key_columns()); }
  /// Queries and keys lie side by side and are rotated alike.
  constexpr Tensor rotated(Tensor qkv) const { return qkv.column_range(0, query_columns() + key_columns()); }
};

template <class... Options>
struct LinearAttention : Part<LinearAttentionLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Features;
using inner::layers::LinearAttention;
using inner::layers::ReluKernel;
using inner::layers::SoftmaxKernel;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
