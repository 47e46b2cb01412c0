#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/layers/activation.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/routing.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// E feed-forward layers and the way of tokens to them and back, y = sum of g_e expert_e(x) by an assignment that a router has
/// made: what a sparse layer has besides its router, for layers of one's own too. x, y: [N, D], slots [S, ...].
struct ExpertLayers {
  Activation activation{};
  std::int64_t experts = 8, hidden = 0;

  struct Weights {
    Tensor up, gate, down;  ///< [E*F, D], [E*F, D], [E*D, F]
  };
  struct Saved {
    Tensor gathered;            ///< what the experts read [S, D]
    Tensor u, gate, activated;  ///< [S, F]
    Tensor out;                 ///< what they say, before the weights [S, D]
  };

  /// A token uses `activated_percent` / 100 experts, for counting.
  constexpr void declare(Weights& w, Declaration& d, std::int64_t activated_percent) const {
    const std::int64_t D = d.width(), percent = smaller_of(activated_percent, 100 * experts);
    w.up = d.experts("moe.up.weight", experts, hidden, D, Initializer::fan_in(D), percent);
    if (activation.gated) w.gate = d.experts("moe.gate.weight", experts, hidden, D, Initializer::fan_in(D), percent);
    w.down = d.experts("moe.down.weight", experts, D, hidden, Initializer::fan_in(hidden), percent);
  }
  /// The weights of one expert.
  constexpr Weights one(const Weights& w, std::int64_t e) const {
    const std::int64_t width = w.down.rows / experts;
    return {.up = w.up.row_range(e * hidden, hidden),
            .gate = w.gate.exists() ? w.gate.row_range(e * hidden, hidden) : Tensor{},
            .down = w.down.row_range(e * width, width)};
  }

  /// y = the weighted sum, or added to y when `accumulate`.
  constexpr void forward(auto& ops, const Weights& w, Saved& s, const op::Assignment& to, Tensor x, Tensor y,
                         bool accumulate = false) const {
    run(ops, w, s, to, x);
    ops(op::CombineRows{.x = s.out, .to = to, .y = y, .accumulate = accumulate});
  }
  /// The gradients of what the experts said, d_out [S, D], and of the slots' weights, d_weight [S, 1].
  constexpr void combine_backward(auto& ops, const Saved& s, const op::Assignment& to, Tensor dy, Tensor d_out,
                                  Tensor d_weight) const {
    ops(op::CombineRowsGradient{.x = s.out, .to = to, .dy = dy, .dx = d_out, .dweight = d_weight});
  }
  /// From d_out through the experts; adds to dx [N, D].
  constexpr void backward(auto& ops, const Weights& w, const Saved& s, const op::Assignment& to, Tensor d_out, Tensor dx) const {
    const Tensor d_gathered = ops.scratch(s.gathered.rows, s.gathered.columns, ops.activations());
    run_backward_experts(ops, w, s, to, d_out, d_gathered);
    ops(op::GatherRowsGradient{.dy = d_gathered, .to = to, .dx = dx});
  }

  /// Gathers the slots' tokens and sends them through their experts: fills s.
  constexpr void run(auto& ops, const Weights& w, Saved& s, const op::Assignment& to, Tensor x) const {
    const HiddenActivation act(activation);
    const std::int64_t slots = to.slot_token.rows;
    s.gathered = ops.keep(slots, x.columns, ops.activations());
    ops(op::GatherRows{.x = x, .to = to, .y = s.gathered});
    s.activated = ops.keep(slots, hidden, ops.activations());
    s.u = act.from_output() ? s.activated : ops.keep(slots, hidden, ops.activations());
    ops(op::ExpertLinear{.x = s.gathered, .w = w.up, .to = to, .y = s.u, .f = act.epilogue()});
    s.gate = activation.gated ? ops.keep(slots, hidden, ops.activations()) : Tensor{};
    if (activation.gated) ops(op::ExpertLinear{.x = s.gathered, .w = w.gate, .to = to, .y = s.gate});
    if (!act.from_output())
      ops(op::Activate{.f = act.f, .u = s.u, .gate = s.gate, .y = s.activated, .derivative = act.derivative_of(s.u)});
    s.out = ops.keep(slots, x.columns, ops.activations());
    ops(op::ExpertLinear{.x = s.activated, .w = w.down, .to = to, .y = s.out});
  }

 private:
  constexpr void run_backward_experts(auto& ops, const Weights& w, const Saved& s, const op::Assignment& to, Tensor d_out,
                                      Tensor d_gathered) const {
    const HiddenActivation act(activation);
    ops(op::ExpertLinearWeightGradient{.x = s.activated, .dy = d_out, .to = to, .dw = gradient(w.down)});
    const Tensor d_u = ops.scratch(s.activated.rows, hidden, ops.activations());
    ops(op::ExpertLinearInputGradient{
        .dy = d_out, .w = w.down, .to = to, .dx = d_u, .output = act.derivative_of(s.u), .f = act.undone()});
    const Tensor d_gate = activation.gated ? ops.scratch(s.activated.rows, hidden, ops.activations()) : Tensor{};
    if (activation.gated)
      ops(op::ActivateGradient{.f = act.f, .u = s.u, .gate = s.gate, .y = s.activated, .dy = d_u, .du = d_u, .dgate = d_gate});
    ops(op::ExpertLinearWeightGradient{.x = s.gathered, .dy = d_u, .to = to, .dw = gradient(w.up)});
    ops(op::ExpertLinearInputGradient{.dy = d_u, .w = w.up, .to = to, .dx = d_gathered});
    if (!activation.gated) return;
    ops(op::ExpertLinearWeightGradient{.x = s.gathered, .dy = d_gate, .to = to, .dw = gradient(w.gate)});
    ops(op::ExpertLinearInputGradient{.dy = d_gate, .w = w.gate, .to = to, .dx = d_gathered, .accumulate = true});
  }
};

}  // namespace genoform::inner::layers

namespace genoform::extend {
using inner::layers::ExpertLayers;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
