#pragma once
#include <algorithm>
#include <cstdint>

#include "genoform/layers/routers/router.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/routing.hpp"

/// How routers turn the probabilities p [N, E] into an assignment, and the way back. Every routing offers the same functions, so
/// MoeLayer knows none of them; with_routing is the one place that names them all. spec/model.md section 4.
namespace genoform {

/// C = ceil(choices * N * percent / (100 E)), at most N; percent 0: no limit.
constexpr std::int64_t expert_capacity(std::int64_t choices, std::int64_t tokens, std::int64_t percent, std::int64_t experts) {
  if (percent == 0) return tokens;
  const std::int64_t whole = 100 * experts;
  return std::min(tokens, (choices * tokens * percent + whole - 1) / whole);
}

/// What a routing remembers between steps; absent tensors for most.
struct RouterState {
  Tensor threshold, cuts;
};

/// Top1, Top2, TopK<k>: each token takes its k experts of largest probability.
struct TokenChoiceRouting {
  std::int64_t choices = 1, percent = 0;
  bool normalise = true;  ///< Top1 weighs by p alone

  static constexpr bool evaluates_by_threshold = false;
  static constexpr double balance_coefficient = 0.01;

  constexpr std::int64_t activated_percent() const { return 100 * choices; }
  constexpr std::int64_t choice_columns() const { return choices; }
  /// The slots that can be filled; in evaluation the capacity is lifted.
  constexpr std::int64_t slots(std::int64_t tokens, std::int64_t experts, bool training) const {
    return std::min(choices * tokens, experts * capacity(tokens, experts, training));
  }
  constexpr void declare(RouterState&, Declaration&, std::int64_t) const {}
  constexpr Tensor choose(auto& ops, Tensor p, const op::Assignment& to) const {
    ops(op::RouteTokenChoice{p, to, choices, capacity(p.rows, to.experts, ops.training()), normalise});
    if (ops.training()) ops(op::BalanceLoss{p, to.first_share, ops.step.aux_loss, balance_coefficient});
    return {};
  }
  constexpr void backward(auto& ops, const RouterState&, Tensor, Tensor p, const op::Assignment& to, Tensor d_weight,
                          Tensor dp) const {
    ops(op::RouteTokenChoiceGradient{p, to, d_weight, dp, choices, normalise});
    ops(op::BalanceLossGradient{to.first_share, ops.step.scale, dp, balance_coefficient});
  }
  constexpr void after_step(auto&, const RouterState&) const {}

 private:
  constexpr std::int64_t capacity(std::int64_t tokens, std::int64_t experts, bool training) const {
    return training ? expert_capacity(choices, tokens, percent, experts) : tokens;
  }
};

/// ExpertChoice: in training each expert takes its C tokens of largest probability out of the pool; in evaluation a token goes to
/// every expert whose running threshold its probability exceeds, which is causal.
struct ExpertChoiceRouting {
  std::int64_t percent = 100;

  static constexpr bool evaluates_by_threshold = true;

  constexpr std::int64_t activated_percent() const { return percent; }
  constexpr std::int64_t choice_columns() const { return 0; }
  constexpr std::int64_t slots(std::int64_t tokens, std::int64_t experts, bool) const {
    return experts * expert_capacity(1, tokens, percent, experts);
  }
  constexpr void declare(RouterState& s, Declaration& d, std::int64_t experts) const {
    s.threshold = d.state("moe.threshold", experts, Start::constant(1.0 / static_cast<double>(experts)), true, false);
    s.cuts = d.state("moe.cuts", experts + 1, Start::constant(0), true, true);
  }
  /// The cuts of this pool count only when the way back follows: a loss that is merely looked at must not move the thresholds.
  constexpr Tensor choose(auto& ops, Tensor p, const op::Assignment& to) const {
    const Tensor cuts = ops.keep(to.experts + 1, 1);
    ops(op::Clear{cuts});
    ops(op::RouteExpertChoice{p, to, expert_capacity(1, p.rows, percent, to.experts), cuts});
    return cuts;
  }
  constexpr void backward(auto& ops, const RouterState& s, Tensor cuts, Tensor, const op::Assignment& to, Tensor d_weight,
                          Tensor dp) const {
    ops(op::RouteExpertChoiceGradient{to, d_weight, dp});
    ops(op::Add{cuts, s.cuts});
  }
  constexpr void after_step(auto& ops, const RouterState& s) const { ops(op::UpdateThreshold{s.cuts, s.threshold}); }
};

/// Calls f with the routing of a router.
template <class F>
constexpr decltype(auto) with_routing(const Router& router, std::int64_t percent, F&& f) {
  if (router.kind == RouterKind::expert_choice) return f(ExpertChoiceRouting{percent});
  return f(TokenChoiceRouting{router.k, percent, router.kind != RouterKind::top1});
}

/// The tensors of an assignment of `filled` slots over the experts, kept for the way back.
constexpr op::Assignment make_assignment(auto& ops, std::int64_t tokens, std::int64_t experts, std::int64_t filled,
                                         std::int64_t choices) {
  const std::int64_t slots = op::slots_bound(filled, experts);
  const auto index = [&](std::int64_t rows, std::int64_t columns) { return ops.keep(rows, columns, Element::index); };
  op::Assignment to;
  to.expert_first = index(experts + 1, 1);
  to.expert_count = index(experts, 1);
  to.slot_token = index(slots, 1);
  to.slot_weight = ops.keep(slots, 1);
  to.token_first = index(tokens + 1, 1);
  to.token_slots = index(slots, 1);
  if (choices > 0) {
    to.choice_slot = index(tokens, choices);
    to.choice_expert = index(tokens, choices);
    to.first_share = ops.keep(experts, 1);
  }
  to.experts = experts;
  to.useful_slots = filled;
  return to;
}

}  // namespace genoform
