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

namespace genoform::inner::layers {

template <class... Options>
struct TokenMix;

/// MLP-Mixer's token mixing in causal form, y = Wdown act(Wup x) with lower triangular matrices over positions, the same for all
/// channels of a head; x, y: [N, D]. Tolstikhin et al. 2021; docs/formats/model.md section 7.6.
struct TokenMixLayer : Normed {
  static constexpr std::string_view name = "TokenMix";
  template <class... Options>
  using type = TokenMix<Options...>;

  Activation activation{ActivationKind::gelu};
  int heads = 1;
  bool bias = false;

  static constexpr auto options() {
    using L = TokenMixLayer;
    return Table{choice<&L::activation, Show::always>(), count<Heads, &L::heads>(), flag<Bias, &L::bias>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double positions = larger_of(a.context, 1);
    return Violations{refuse_if<rules::HeadsDivideChannels>(a.width % heads != 0, "Heads"),
                      too_many_parameters(heads * positions * positions, "Heads")};
  }
  friend constexpr bool operator==(const TokenMixLayer&, const TokenMixLayer&) = default;

  struct Weights {
    op::Grouped up, gate, down;            ///< [H, P, P]
    Tensor up_bias, gate_bias, down_bias;  ///< [H, P]
  };
  struct Saved {
    Tensor u;          ///< before the activation [N, D], or up and gate [N, 2D]; the same as `activated` when that is enough
    Tensor activated;  ///< [N, D]
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    over_positions::require_context(d, name);
    const std::int64_t P = d.context();
    const auto table = [&](TensorName tensor) {
      return op::Grouped{d.tables(tensor, heads, P, P, Initializer::fan_in(P)), heads, P};
    };
    const auto vector = [&](TensorName tensor) {
      return bias ? d.undecayed_matrix(tensor, heads, P, Initializer::constant(0)) : Tensor{};
    };
    w.up = table("token_mix.up.weight");
    w.up_bias = vector("token_mix.up.bias");
    if (activation.gated) {
      w.gate = table("token_mix.gate.weight");
      w.gate_bias = vector("token_mix.gate.bias");
    }
    w.down = table("token_mix.down.weight");
    w.down_bias = vector("token_mix.down.bias");
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const HiddenActivation act(activation);
    const std::int64_t T = ops.shape().context;
    over_positions::require_fit(ops, w.up, name);
    s.activated = ops.keep(x.rows, x.columns);
    s.u = act.from_output() ? s.activated : ops.keep(x.rows, (activation.gated ? 2 : 1) * x.columns);
    ops(op::CausalMix{.x = grouped(x), .w = w.up, .bias = w.up_bias, .y = ups(s.u, x), .context = T});
    if (activation.gated) ops(op::CausalMix{.x = grouped(x), .w = w.gate, .bias = w.gate_bias, .y = gates(s.u, x), .context = T});
    ops(op::Activate{.f = act.f, .u = ups(s.u, x), .gate = gates(s.u, x), .y = s.activated});
    ops(op::CausalMix{.x = grouped(s.activated), .w = w.down, .bias = w.down_bias, .y = grouped(y), .context = T});
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const HiddenActivation act(activation);
    const std::int64_t T = ops.shape().context;
    const Tensor d_activated = ops.scratch(x.rows, x.columns);
    ops(op::CausalMixGradient{.x = grouped(s.activated),
                              .w = w.down,
                              .dy = grouped(dy),
                              .dx = grouped(d_activated),
                              .dw = gradient(w.down),
                              .dbias = gradient(w.down_bias),
                              .context = T});
    const Tensor d_u = activation.gated ? ops.scratch(x.rows, 2 * x.columns) : d_activated;
    ops(op::ActivateGradient{.f = act.f,
                             .u = ups(s.u, x),
                             .gate = gates(s.u, x),
                             .y = s.activated,
                             .dy = d_activated,
                             .du = ups(d_u, x),
                             .dgate = gates(d_u, x)});
    ops(op::CausalMixGradient{.x = grouped(x),
                              .w = w.up,
                              .dy = ups(d_u, x),
                              .dx = grouped(dx),
                              .dw = gradient(w.up),
                              .dbias = gradient(w.up_bias),
                              .context = T});
    if (activation.gated)
      ops(op::CausalMixGradient{.x = grouped(x),
                                .w = w.gate,
                                .dy = gates(d_u, x),
                                .dx = grouped(dx),
                                .dw = gradient(w.gate),
                                .dbias = gradient(w.gate_bias),
                                .context = T,
                                .accumulate = true});
  }

 private:
  constexpr op::Grouped grouped(Tensor x) const { return op::of_tokens(x, heads); }
  constexpr op::Grouped ups(Tensor u, Tensor x) const { return grouped(u.column_range(0, x.columns)); }
  constexpr op::Grouped gates(Tensor u, Tensor x) const {
    return activation.gated ? grouped(u.column_range(x.columns, x.columns)) : op::Grouped{};
  }
};

template <class... Options>
struct TokenMix : Part<TokenMixLayer, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::TokenMix;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
