#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/core/result.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/plain_activation.hpp"
#include "genoform/layers/rotary_position.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/attention.hpp"
#include "genoform/ops/gated_attention.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// What the scores of a Gau are divided by.
template <int N>
struct Length : Numbers<"Length", N> {};

template <class... Options>
struct Gau;

/// Gated attention unit: one head of attention by squared ReLU inside a gated layer, y = Wo (act(Wu x) * A act(Wv x)); x, y:
/// [N, D]. Hua et al., arXiv 2202.10447; docs/formats/model.md section 7.2.
struct GauLayer : Normed {
  static constexpr std::string_view name = "Gau";
  template <class... Options>
  using type = Gau<Options...>;

  PlainActivation activation{ActivationKind::swish};
  int hidden = by_width, head_dim = 128;
  int length = by_width;  ///< the Context of the model unless written
  bool bias = false;
  RotaryPosition position{};

  static constexpr auto options() {
    using L = GauLayer;
    return Table{choice<&L::activation>(),
                 count<Hidden, &L::hidden>([](const L&, const ModelContext& a) {
                   return static_cast<int>(smaller_of<std::int64_t>(2 * std::int64_t{a.width}, max_number));
                 }),
                 count<HeadDim, &L::head_dim>(),
                 count<Length, &L::length>([](const L&, const ModelContext& a) { return a.context; }),
                 flag<Bias, &L::bias>(),
                 choice<&L::position>([](const L&, const ModelContext& a) { return default_rotary_position(a); })};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double rows = 2.0 * hidden + head_dim;
    return Violations{refuse_if<rules::HeadDimEven>(position.rotates() && head_dim % 2 != 0, "HeadDim", "Rope"),
                      too_many_parameters(rows * larger_of(a.width, 1), "Hidden", "HeadDim")};
  }
  friend constexpr bool operator==(const GauLayer&, const GauLayer&) = default;

  struct Weights {
    Tensor uvz, uvz_bias;  ///< u, v and z as one matrix: they are declared one after the other
    Tensor scale, offset;  ///< [2, S]: of the queries, of the keys
    Tensor o, o_bias;
  };
  struct Saved {
    Tensor pre;    ///< u, v, z before the activation [N, 2E + S]
    Tensor vz;     ///< v and z behind it [N, E + S]
    Tensor qk;     ///< [N, 2S], rotated
    Tensor mixed;  ///< A v [N, E]
    Tensor gated;  ///< act(u) * A v
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width(), E = hidden, S = head_dim;
    if (d.list() != nullptr && length == by_width)
      throw Exception({ErrorKind::input, "a Gau divides its scores by the context; give a context, or write Length"});
    w.uvz = d.matrix("gau.u.weight", E, D, Initializer::fan_in(D));
    d.matrix("gau.v.weight", E, D, Initializer::fan_in(D));
    d.matrix("gau.z.weight", S, D, Initializer::fan_in(D));
    w.uvz.rows = columns();
    if (bias) {
      w.uvz_bias = d.vector("gau.u.bias", E, Initializer::constant(0));
      d.vector("gau.v.bias", E, Initializer::constant(0));
      d.vector("gau.z.bias", S, Initializer::constant(0));
      w.uvz_bias.columns = w.uvz_bias.stride = columns();
    }
    w.scale = d.vector("gau.q.scale", S, Initializer::constant(1));
    d.vector("gau.k.scale", S, Initializer::constant(1));
    w.offset = d.vector("gau.q.offset", S, Initializer::constant(0));
    d.vector("gau.k.offset", S, Initializer::constant(0));
    w.scale.rows = w.offset.rows = 2;
    w.o = d.matrix("gau.o.weight", D, E, Initializer::fan_in(E));
    if (bias) w.o_bias = d.vector("gau.o.bias", D, Initializer::constant(0));
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const std::int64_t context = ops.shape().context;
    s.pre = ops.keep(x.rows, columns());
    s.vz = ops.keep(x.rows, columns() - hidden);
    ops(op::Linear{.x = x, .w = w.uvz, .bias = w.uvz_bias, .y = s.pre});
    ops(op::Activate{.f = function(), .u = pre_vz(s.pre), .y = s.vz});
    s.qk = ops.keep(x.rows, 2 * std::int64_t{head_dim});
    ops(op::ScaleOffset{.x = z(s.vz), .w = w.scale, .b = w.offset, .y = s.qk});
    if (position.rotates()) ops(op::Rotate{.x = s.qk, .head_dim = head_dim, .context = context});
    s.mixed = ops.keep(x.rows, hidden);
    ops(op::SquaredReluAttend{
        .q = queries(s.qk), .k = keys(s.qk), .v = v(s.vz), .y = s.mixed, .length = length, .context = context});
    s.gated = ops.keep(x.rows, hidden);
    ops(op::Activate{.f = function(), .u = s.mixed, .gate = pre_u(s.pre), .y = s.gated});
    ops(op::Linear{.x = s.gated, .w = w.o, .bias = w.o_bias, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const std::int64_t context = ops.shape().context;
    ops(op::LinearWeightGradient{.x = s.gated, .dy = dy, .dw = gradient(w.o), .dbias = gradient(w.o_bias)});
    const Tensor d_gated = ops.scratch(x.rows, hidden), d_mixed = ops.scratch(x.rows, hidden);
    ops(op::LinearInputGradient{.dy = dy, .w = w.o, .dx = d_gated});
    const Tensor d_pre = ops.scratch(x.rows, columns()), d_vz = ops.scratch(x.rows, columns() - hidden);
    ops(op::ActivateGradient{
        .f = function(), .u = s.mixed, .gate = pre_u(s.pre), .y = s.gated, .dy = d_gated, .du = d_mixed, .dgate = pre_u(d_pre)});
    const Tensor d_qk = ops.scratch(x.rows, s.qk.columns);
    ops(op::SquaredReluAttendGradient{.q = queries(s.qk),
                                      .k = keys(s.qk),
                                      .v = v(s.vz),
                                      .dy = d_mixed,
                                      .dq = queries(d_qk),
                                      .dk = keys(d_qk),
                                      .dv = v(d_vz),
                                      .length = length,
                                      .context = context});
    if (position.rotates()) ops(op::Rotate{.x = d_qk, .head_dim = head_dim, .context = context, .inverse = true});
    ops(op::ScaleOffsetGradient{
        .x = z(s.vz), .w = w.scale, .dy = d_qk, .dx = z(d_vz), .dw = gradient(w.scale), .db = gradient(w.offset)});
    ops(op::ActivateGradient{.f = function(), .u = pre_vz(s.pre), .y = s.vz, .dy = d_vz, .du = pre_vz(d_pre)});
    ops(op::LinearWeightGradient{.x = x, .dy = d_pre, .dw = gradient(w.uvz), .dbias = gradient(w.uvz_bias)});
    ops(op::LinearInputGradient{.dy = d_pre, .w = w.uvz, .dx = dx});
  }

 private:
  constexpr op::Function function() const { return function_of(activation); }
  constexpr std::int64_t columns() const { return 2 * std::int64_t{hidden} + head_dim; }
  constexpr Tensor pre_u(Tensor all) const { return all.column_range(0, hidden); }
  constexpr Tensor pre_vz(Tensor all) const { return all.column_range(hidden, columns() - hidden); }
  constexpr Tensor v(Tensor vz) const { return vz.column_range(0, hidden); }
  constexpr Tensor z(Tensor vz) const { return vz.column_range(hidden, head_dim); }
  constexpr Tensor queries(Tensor qk) const { return qk.column_range(0, head_dim); }
  constexpr Tensor keys(Tensor qk) const { return qk.column_range(head_dim, head_dim); }
};

template <class... Options>
struct Gau : Part<GauLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Gau;
using inner::layers::Length;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
