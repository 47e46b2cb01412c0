#pragma once
#include "genoform/core/part.hpp"
#include "genoform/layers/activation.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/routers/routing.hpp"
#include "genoform/layers/routers/words.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/routing.hpp"
#include "genoform/ops/stream.hpp"

namespace genoform {

template <int N>
struct Experts : Numbers<"Experts", N> {};
/// Percent of the slots that an even load needs; 0: no token is dropped.
template <int Percent>
struct Capacity : Numbers<"Capacity", Percent> {};

template <class... Options>
struct Moe;

/// Mixture of experts: a router sends each token to some of E feed-forward layers, y = sum of g_e expert_e(x). x, y: [N, D].
/// spec/model.md sections 1.2 and 4.
struct MoeLayer : Normed {
  static constexpr std::string_view name = "Moe";
  template <class... Options>
  using type = Moe<Options...>;

  Router router{};
  Activation activation{};
  int experts = 8, hidden = by_width;
  int capacity = 0;  ///< percent; 0: no limit

  static constexpr auto options() {
    using L = MoeLayer;
    return Table{choice<&L::router, Show::must_be_given>(), count<Experts, &L::experts>(), choice<&L::activation>(),
                 count<Hidden, &L::hidden>([](const L& l, const Around& a) { return default_hidden(l.activation, a); }),
                 count<Capacity, &L::capacity, 0>(
                     [](const L& l, const Around&) { return l.router.kind == RouterKind::expert_choice ? 100 : 0; })};
  }

  constexpr Broken broken(const Around& a) const {
    if (router.kind == RouterKind::expert_choice && capacity == 0) return {Rule::capacity_of_expert_choice, {"Capacity"}};
    if (router.k > experts) return {Rule::choices_of_router, {"TopK", "Top2"}};
    const double rows = static_cast<double>(experts) * std::max(hidden, 1);
    if (rows * std::max(a.width, 1) >= largest_parameters) return {Rule::too_many_parameters, {"Experts", "Hidden"}};
    return {};
  }
  friend constexpr bool operator==(const MoeLayer&, const MoeLayer&) = default;

  struct Weights {
    Tensor router, up, gate, down;  ///< [E, D], [E*F, D], [E*F, D], [E*D, F]
    RouterState state;
  };
  struct Saved {
    Tensor p;  ///< probabilities [N, E]
    op::Assignment to;
    Tensor noted;               // what the router adds to its state when the way back comes
    Tensor gathered;            ///< what the experts read [S, D]
    Tensor u, gate, activated;  ///< [S, F]
    Tensor out;                 ///< what they say, before the weights [S, D]
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    const std::int64_t D = d.width();
    w.router = d.matrix("moe.router.weight", experts, D, Start::fan_in(D), true);
    with_routing(router, capacity, [&](const auto& routing) {
      const std::int64_t percent = std::min<std::int64_t>(routing.activated_percent(), 100 * std::int64_t{experts});
      w.up = d.experts("moe.up.weight", experts, hidden, D, Start::fan_in(D), percent);
      if (activation.gated) w.gate = d.experts("moe.gate.weight", experts, hidden, D, Start::fan_in(D), percent);
      w.down = d.experts("moe.down.weight", experts, D, hidden, Start::fan_in(hidden), percent);
      routing.declare(w.state, d, experts);
    });
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    s.p = ops.keep(x.rows, experts);
    ops(op::Linear{.x = x, .w = w.router, .bias = {}, .y = s.p});
    ops(op::Softmax{s.p, s.p});
    with_routing(router, capacity, [&](const auto& routing) {
      if (routing.evaluates_by_threshold && !ops.training()) return evaluate_by_threshold(ops, w, s.p, x, y);
      s.to = make_assignment(ops, x.rows, experts, routing.slots(x.rows, experts, ops.training()), routing.choice_columns());
      s.noted = routing.choose(ops, s.p, s.to);
      run_experts(ops, w, s, x);
      ops(op::CombineRows{s.out, s.to, y});
    });
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d_out = ops.scratch(s.out.rows, s.out.columns), d_weight = ops.scratch(s.out.rows, 1);
    ops(op::CombineRowsGradient{s.out, s.to, dy, d_out, d_weight});
    const Tensor d_gathered = ops.scratch(s.gathered.rows, s.gathered.columns);
    run_experts_back(ops, w, s, d_out, d_gathered);
    const Tensor dp = ops.scratch(s.p.rows, s.p.columns);
    with_routing(router, capacity,
                 [&](const auto& routing) { routing.backward(ops, w.state, s.noted, s.p, s.to, d_weight, dp); });
    ops(op::SoftmaxGradient{s.p, dp, dp});
    ops(op::LinearWeightGradient{.x = x, .dy = dp, .dw = gradient(w.router), .dbias = {}});
    ops(op::LinearInputGradient{.dy = dp, .w = w.router, .dx = dx});
    ops(op::GatherRowsGradient{d_gathered, s.to, dx});
  }

  constexpr void after_step(auto& ops, const Weights& w) const {
    with_routing(router, capacity, [&](const auto& routing) { routing.after_step(ops, w.state); });
  }

 private:
  /// Gathers the slots' tokens and sends them through their experts: fills s.gathered to s.out.
  template <class Ops>
  constexpr void run_experts(Ops& ops, const Weights& w, Saved& s, Tensor x) const {
    const HiddenActivation act(activation);
    const std::int64_t slots = s.to.slot_token.rows;
    s.gathered = ops.keep(slots, x.columns);
    ops(op::GatherRows{x, s.to, s.gathered});
    s.activated = ops.keep(slots, hidden);
    s.u = act.from_output() ? s.activated : ops.keep(slots, hidden);
    ops(op::ExpertLinear{s.gathered, w.up, s.to, s.u, act.epilogue()});
    s.gate = activation.gated ? ops.keep(slots, hidden) : Tensor{};
    if (activation.gated) ops(op::ExpertLinear{s.gathered, w.gate, s.to, s.gate});
    if (!act.from_output()) ops(op::Activate{act.f, s.u, s.gate, s.activated});
    s.out = ops.keep(slots, x.columns);
    ops(op::ExpertLinear{s.activated, w.down, s.to, s.out});
  }

  template <class Ops>
  constexpr void run_experts_back(Ops& ops, const Weights& w, const Saved& s, Tensor d_out, Tensor d_gathered) const {
    const HiddenActivation act(activation);
    ops(op::ExpertLinearWeightGradient{s.activated, d_out, s.to, gradient(w.down)});
    const Tensor d_u = ops.scratch(s.activated.rows, hidden);
    ops(op::ExpertLinearInputGradient{d_out, w.down, s.to, d_u});
    const Tensor d_gate = activation.gated ? ops.scratch(s.activated.rows, hidden) : Tensor{};
    ops(op::ActivateGradient{act.f, s.u, s.gate, s.activated, d_u, d_u, d_gate});
    ops(op::ExpertLinearWeightGradient{s.gathered, d_u, s.to, gradient(w.up)});
    ops(op::ExpertLinearInputGradient{d_u, w.up, s.to, d_gathered});
    if (!activation.gated) return;
    ops(op::ExpertLinearWeightGradient{s.gathered, d_gate, s.to, gradient(w.gate)});
    ops(op::ExpertLinearInputGradient{d_gate, w.gate, s.to, d_gathered, true});
  }

  /// Evaluation where the number of slots has no useful bound: expert after expert, each with at most N tokens.
  template <class Ops>
  constexpr void evaluate_by_threshold(Ops& ops, const Weights& w, Tensor p, Tensor x, Tensor y) const {
    ops(op::Clear{y});
    for (std::int64_t e = 0; e < experts; ++e) {
      const auto mark = ops.arena().mark();
      Saved one;
      one.to = make_assignment(ops, x.rows, 1, x.rows, 0);
      ops(op::RouteThreshold{p, w.state.threshold, one.to, e});
      run_experts(ops, weights_of(w, e), one, x);
      ops(op::CombineRows{one.out, one.to, y, true});
      ops.arena().release_scratch(mark);
    }
  }
  /// The weights of one expert.
  constexpr Weights weights_of(const Weights& w, std::int64_t e) const {
    Weights one = w;
    one.up = w.up.row_range(e * hidden, hidden);
    one.gate = w.gate.exists() ? w.gate.row_range(e * hidden, hidden) : Tensor{};
    one.down = w.down.row_range(e * (w.down.rows / experts), w.down.rows / experts);
    return one;
  }
};

template <class... Options>
struct Moe : Part<MoeLayer, Options...> {};

}  // namespace genoform
