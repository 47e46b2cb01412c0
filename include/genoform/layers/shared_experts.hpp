#pragma once
#include <cstdint>

#include "genoform/layers/activation.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// n experts that every token uses with weight 1 (DeepSeekMoE). Together they are one feed-forward layer of width n*F, but for
/// the columns of `down`, which lie expert after expert. x, y: [N, D].
struct SharedExperts {
  Activation activation{};
  std::int64_t count = 0, hidden = 0;

  struct Weights {
    Tensor up;    ///< [n*F, D]; with a gate up and gate as one matrix, they are declared one after the other
    Tensor down;  ///< [n*D, F]
  };
  struct Saved {
    Tensor u, activated;  ///< [N, n*F]; u as in FfnLayer, with a gate twice as wide
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    if (count == 0) return;
    const std::int64_t D = d.width();
    w.up = d.experts("moe.shared.up.weight", count, hidden, D, Initializer::fan_in(D), 100 * count);
    if (activation.gated) d.experts("moe.shared.gate.weight", count, hidden, D, Initializer::fan_in(D), 100 * count);
    w.up.rows = up_columns();
    w.down = d.experts("moe.shared.down.weight", count, D, hidden, Initializer::fan_in(hidden), 100 * count);
  }

  /// Adds to y.
  constexpr void forward(auto& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    if (count == 0) return;
    const HiddenActivation act(activation);
    s.activated = ops.keep(x.rows, count * hidden, ops.activations());
    s.u = act.from_output() ? s.activated : ops.keep(x.rows, up_columns(), ops.activations());
    ops(op::Linear{.x = x, .w = w.up, .y = s.u, .f = act.epilogue()});
    if (!act.from_output())
      ops(op::Activate{.f = act.f, .u = ups(s.u), .gate = gates(s.u), .y = s.activated, .derivative = act.derivative_of(s.u)});
    const Tensor one = ops.scratch(x.rows, x.columns);
    for (std::int64_t e = 0; e < count; ++e) {
      ops(op::Linear{.x = of(s.activated, e), .w = down_of(w, e), .y = one});
      ops(op::Add{.x = one, .y = y});
    }
  }
  /// Adds to dx.
  constexpr void backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    if (count == 0) return;
    const HiddenActivation act(activation);
    const Tensor d_activated = ops.scratch(x.rows, count * hidden, ops.activations());
    for (std::int64_t e = 0; e < count; ++e) {
      ops(op::LinearWeightGradient{.x = of(s.activated, e), .dy = dy, .dw = gradient(down_of(w, e))});
      ops(op::LinearInputGradient{
          .dy = dy, .w = down_of(w, e), .dx = of(d_activated, e), .output = act.derivative_of(of(s.u, e)), .f = act.undone()});
    }
    const Tensor d_u = activation.gated ? ops.scratch(x.rows, up_columns(), ops.activations()) : d_activated;
    if (activation.gated)
      ops(op::ActivateGradient{.f = act.f,
                               .u = ups(s.u),
                               .gate = gates(s.u),
                               .y = s.activated,
                               .dy = d_activated,
                               .du = ups(d_u),
                               .dgate = gates(d_u)});
    ops(op::LinearWeightGradient{.x = x, .dy = d_u, .dw = gradient(w.up)});
    ops(op::LinearInputGradient{.dy = d_u, .w = w.up, .dx = dx, .accumulate = true});
  }

 private:
  constexpr std::int64_t up_columns() const { return (activation.gated ? 2 : 1) * count * hidden; }
  constexpr Tensor ups(Tensor u) const { return u.column_range(0, count * hidden); }
  constexpr Tensor gates(Tensor u) const { return activation.gated ? u.column_range(count * hidden, count * hidden) : Tensor{}; }
  constexpr Tensor of(Tensor activated, std::int64_t e) const { return activated.column_range(e * hidden, hidden); }
  constexpr Tensor down_of(const Weights& w, std::int64_t e) const {
    return w.down.row_range(e * (w.down.rows / count), w.down.rows / count);
  }
};

}  // namespace genoform::inner::layers

#include "genoform/core/restore_macros.hpp"
