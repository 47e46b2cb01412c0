#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/attention.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/over_positions.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/mixing.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(HiddenEven, "SpatialGate splits its hidden channels in halves; Hidden must be even");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

template <class... Options>
struct SpatialGate;

/// gMLP's block, y = Wdown (a * (Wpos norm(b) + bias)) with a and b the halves of act(Wup x) and Wpos lower triangular over
/// positions; x, y: [N, D]. Liu et al. 2021; docs/formats/model.md section 7.5.
struct SpatialGateLayer : Normed {
  static constexpr std::string_view name = "SpatialGate";
  template <class... Options>
  using type = SpatialGate<Options...>;

  Activation activation{ActivationKind::gelu};
  int hidden = by_width, heads = 1;
  bool bias = false;

  static constexpr auto options() {
    using L = SpatialGateLayer;
    return Table{choice<&L::activation, Show::always>(), count<Hidden, &L::hidden>([](const L&, const ModelContext& a) {
                   return static_cast<int>(smaller_of<std::int64_t>(6 * std::int64_t{a.width}, max_number - 1));
                 }),
                 count<Heads, &L::heads>(), flag<Bias, &L::bias>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double positions = larger_of(a.context, 1);
    return Violations{refuse_if<rules::HiddenEven>(hidden % 2 != 0, "Hidden"),
                      refuse_if<rules::HeadsDivideChannels>(hidden / 2 % heads != 0, "Heads", "Hidden"),
                      too_many_parameters(static_cast<double>(hidden) * larger_of(a.width, 1), "Hidden"),
                      too_many_parameters(heads * positions * positions, "Heads")};
  }
  friend constexpr bool operator==(const SpatialGateLayer&, const SpatialGateLayer&) = default;

  struct Weights {
    Tensor up, up_bias;  ///< with a Glu: up and gate as one matrix, they are declared one after the other
    Tensor norm, norm_bias;
    op::Grouped positions;  ///< [H, P, P]
    Tensor positions_bias;  ///< [H, P]
    Tensor down, down_bias;
  };
  struct Saved {
    Tensor u;          ///< before the activation [N, F], or up and gate [N, 2F]; the same as `activated` when that is enough
    Tensor activated;  ///< [N, F]: a and b
    Tensor statistics, normed, mixed, gated;  ///< [N, 2], then [N, F/2] each
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    over_positions::require_context(d, name);
    const std::int64_t D = d.width(), P = d.context();
    w.up = d.matrix("spatial_gate.up.weight", hidden, D, Initializer::fan_in(D));
    if (activation.gated) d.matrix("spatial_gate.gate.weight", hidden, D, Initializer::fan_in(D));
    w.up.rows = up_columns();
    if (bias) {
      w.up_bias = d.vector("spatial_gate.up.bias", hidden, Initializer::constant(0));
      if (activation.gated) d.vector("spatial_gate.gate.bias", hidden, Initializer::constant(0));
      w.up_bias.columns = w.up_bias.stride = up_columns();
    }
    w.norm = d.vector("spatial_gate.norm.weight", half(), Initializer::constant(1));
    w.norm_bias = d.vector("spatial_gate.norm.bias", half(), Initializer::constant(0));
    // Near 0 with a bias of 1: a block starts as a feed-forward layer.
    const Initializer near_zero = Initializer::normal(1e-3 / static_cast<double>(larger_of<std::int64_t>(P, 1)));
    w.positions = {d.tables("spatial_gate.positions.weight", heads, P, P, near_zero), heads, P};
    w.positions_bias = d.undecayed_matrix("spatial_gate.positions.bias", heads, P, Initializer::constant(1));
    w.down = d.matrix("spatial_gate.down.weight", D, half(), Initializer::fan_in(half()));
    if (bias) w.down_bias = d.vector("spatial_gate.down.bias", D, Initializer::constant(0));
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const HiddenActivation act(activation);
    over_positions::require_fit(ops, w.positions, name);
    s.activated = ops.keep(x.rows, hidden);
    s.u = act.from_output() ? s.activated : ops.keep(x.rows, up_columns());
    ops(op::Linear{.x = x, .w = w.up, .bias = w.up_bias, .y = s.u, .f = act.epilogue()});
    if (!act.from_output()) ops(op::Activate{.f = act.f, .u = ups(s.u), .gate = gates(s.u), .y = s.activated});
    s.statistics = ops.keep(x.rows, 2);
    s.normed = ops.keep(x.rows, half());
    ops(op::Normalize{.statistic = op::Statistic::layer,
                      .x = b(s.activated),
                      .w = w.norm,
                      .b = w.norm_bias,
                      .statistics = s.statistics,
                      .y = s.normed});
    s.mixed = ops.keep(x.rows, half());
    ops(op::CausalMix{.x = grouped(s.normed),
                      .w = w.positions,
                      .bias = w.positions_bias,
                      .y = grouped(s.mixed),
                      .context = ops.shape().context});
    s.gated = ops.keep(x.rows, half());
    ops(op::Activate{.f = op::Function::identity, .u = a(s.activated), .gate = s.mixed, .y = s.gated});
    ops(op::Linear{.x = s.gated, .w = w.down, .bias = w.down_bias, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const HiddenActivation act(activation);
    ops(op::LinearWeightGradient{.x = s.gated, .dy = dy, .dw = gradient(w.down), .dbias = gradient(w.down_bias)});
    const Tensor d_gated = ops.scratch(x.rows, half()), d_mixed = ops.scratch(x.rows, half()),
                 d_activated = ops.scratch(x.rows, hidden);
    ops(op::LinearInputGradient{.dy = dy, .w = w.down, .dx = d_gated});
    ops(op::ActivateGradient{.f = op::Function::identity,
                             .u = a(s.activated),
                             .gate = s.mixed,
                             .y = s.gated,
                             .dy = d_gated,
                             .du = a(d_activated),
                             .dgate = d_mixed});
    const Tensor d_normed = d_gated;  // read for the last time just above
    ops(op::CausalMixGradient{.x = grouped(s.normed),
                              .w = w.positions,
                              .dy = grouped(d_mixed),
                              .dx = grouped(d_normed),
                              .dw = gradient(w.positions),
                              .dbias = gradient(w.positions_bias),
                              .context = ops.shape().context});
    ops(op::NormalizeGradient{.statistic = op::Statistic::layer,
                              .x = b(s.activated),
                              .w = w.norm,
                              .statistics = s.statistics,
                              .dy = d_normed,
                              .dx = b(d_activated),
                              .dw = gradient(w.norm),
                              .db = gradient(w.norm_bias)});
    const Tensor d_u = activation.gated ? ops.scratch(x.rows, up_columns()) : d_activated;
    ops(op::ActivateGradient{
        .f = act.f, .u = ups(s.u), .gate = gates(s.u), .y = s.activated, .dy = d_activated, .du = ups(d_u), .dgate = gates(d_u)});
    ops(op::LinearWeightGradient{.x = x, .dy = d_u, .dw = gradient(w.up), .dbias = gradient(w.up_bias)});
    ops(op::LinearInputGradient{.dy = d_u, .w = w.up, .dx = dx});
  }

 private:
  constexpr std::int64_t half() const { return hidden / 2; }
  constexpr std::int64_t up_columns() const { return activation.gated ? 2 * std::int64_t{hidden} : hidden; }
  constexpr Tensor ups(Tensor u) const { return u.column_range(0, hidden); }
  constexpr Tensor gates(Tensor u) const { return activation.gated ? u.column_range(hidden, hidden) : Tensor{}; }
  constexpr Tensor a(Tensor z) const { return z.column_range(0, half()); }
  constexpr Tensor b(Tensor z) const { return z.column_range(half(), half()); }
  constexpr op::Grouped grouped(Tensor x) const { return op::of_tokens(x, heads); }
};

template <class... Options>
struct SpatialGate : Part<SpatialGateLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::SpatialGate;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
