#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/activation.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

template <int N>
struct Hidden : Numbers<"Hidden", N> {};
struct Bias : Word<"Bias"> {};

/// The hidden width that a text leaves out: 4 D; with Glu 8 D / 3 rounded up to a multiple of 8. 0 where D is not known.
constexpr int default_hidden(Activation activation, const ModelContext& model_context) {
  const std::int64_t width = model_context.width;
  const std::int64_t hidden = activation.gated ? ((8 * width + 2) / 3 + 7) / 8 * 8 : 4 * width;
  return static_cast<int>(smaller_of<std::int64_t>(hidden, max_number));
}

template <class... Options>
struct Ffn;

/// Position-wise feed-forward sub-layer, y = Wdown act(Wup x); with Glu<A>, y = Wdown (A(Wgate x) * (Wup x)). x, y: [N, D].
/// docs/formats/model.md sections 1.2 and 2.
struct FfnLayer : Normed {
  static constexpr std::string_view name = "Ffn";
  static constexpr bool reads_bf16 = true;
  template <class... Options>
  using type = Ffn<Options...>;

  Activation activation{};
  int hidden = by_width;
  bool bias = false;

  static constexpr auto options() {
    using L = FfnLayer;
    return Table{choice<&L::activation, Show::always>(),
                 count<Hidden, &L::hidden>([](const L& l, const ModelContext& a) { return default_hidden(l.activation, a); }),
                 flag<Bias, &L::bias>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    return Violations{too_many_parameters(static_cast<double>(hidden) * larger_of(a.width, 1), "Hidden")};
  }
  friend constexpr bool operator==(const FfnLayer&, const FfnLayer&) = default;

  struct Weights {
    Tensor up, up_bias;  ///< with a gate: up and gate as one matrix, they are declared one after the other
    Tensor down, down_bias;
  };
  struct Saved {
    Tensor u;  ///< what undoes the activation [N, F]: `activated` itself or its derivative; with a gate up and gate [N, 2F]
    Tensor activated;  ///< [N, F]
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    w.up = d.matrix("ffn.up.weight", hidden, D, Initializer::fan_in(D));
    if (activation.gated) d.matrix("ffn.gate.weight", hidden, D, Initializer::fan_in(D));
    if (bias) {
      w.up_bias = d.vector("ffn.up.bias", hidden, Initializer::constant(0));
      if (activation.gated) d.vector("ffn.gate.bias", hidden, Initializer::constant(0));
      w.up_bias.columns = w.up_bias.stride = up_columns();
    }
    w.up.rows = up_columns();
    w.down = d.matrix("ffn.down.weight", D, hidden, Initializer::fan_in(hidden));
    if (bias) w.down_bias = d.vector("ffn.down.bias", D, Initializer::constant(0));
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const HiddenActivation act(activation);
    s.activated = ops.keep(x.rows, hidden, ops.activations());
    s.u = act.from_output() ? s.activated : ops.keep(x.rows, up_columns(), ops.activations());
    ops(op::Linear{.x = x, .w = w.up, .bias = w.up_bias, .y = s.u, .f = act.epilogue()});
    if (!act.from_output())
      ops(op::Activate{.f = act.f, .u = ups(s.u), .gate = gates(s.u), .y = s.activated, .derivative = act.derivative_of(s.u)});
    ops(op::Linear{.x = s.activated, .w = w.down, .bias = w.down_bias, .y = y});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const HiddenActivation act(activation);
    ops(op::LinearWeightGradient{.x = s.activated, .dy = dy, .dw = gradient(w.down), .dbias = gradient(w.down_bias)});
    const Tensor d_activated = ops.scratch(x.rows, hidden, ops.activations());
    ops(op::LinearInputGradient{.dy = dy, .w = w.down, .dx = d_activated, .output = act.derivative_of(s.u), .f = act.undone()});
    const Tensor d_u = activation.gated ? ops.scratch(x.rows, up_columns(), ops.activations()) : d_activated;
    if (activation.gated)
      ops(op::ActivateGradient{.f = act.f,
                               .u = ups(s.u),
                               .gate = gates(s.u),
                               .y = s.activated,
                               .dy = d_activated,
                               .du = ups(d_u),
                               .dgate = gates(d_u)});
    ops(op::LinearWeightGradient{.x = x, .dy = d_u, .dw = gradient(w.up), .dbias = gradient(w.up_bias)});
    ops(op::LinearInputGradient{.dy = d_u, .w = w.up, .dx = dx});
  }

 private:
  constexpr std::int64_t up_columns() const { return activation.gated ? 2 * std::int64_t{hidden} : hidden; }
  constexpr Tensor ups(Tensor u) const { return u.column_range(0, hidden); }
  constexpr Tensor gates(Tensor u) const { return activation.gated ? u.column_range(hidden, hidden) : Tensor{}; }
};

template <class... Options>
struct Ffn : Part<FfnLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Bias;
using inner::layers::Ffn;
using inner::layers::Hidden;
}  // namespace genoform

namespace genoform::extend {
using inner::layers::FfnLayer;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
