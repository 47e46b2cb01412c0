#pragma once
#include "genoform/layers/routers/router.hpp"
#include "genoform/layers/routers/routing.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// A token goes to every expert whose threshold its p exceeds; thresholds follow the C-th largest p of the pools. Without a
/// capacity tokens have no bound on their experts, so experts run one after the other.
struct ExpertThresholdRouting : SoftmaxRouting {
  constexpr std::int64_t activated_percent() const { return percent == 0 ? 100 : percent; }
  constexpr std::int64_t choice_columns(std::int64_t experts) const { return experts; }
  constexpr std::int64_t slots(std::int64_t tokens, std::int64_t experts, bool) const {
    return percent == 0 ? tokens : experts * expert_capacity(1, tokens, percent, experts);
  }
  constexpr bool by_threshold(bool training) const { return !training || percent == 0; }
  constexpr void declare(RouterWeights& w, Declaration& d, std::int64_t experts) const {
    LogitRouting::declare(w, d, experts);
    w.threshold = d.state("moe.threshold", experts, Initializer::constant(1.0 / static_cast<double>(experts)), false, false);
    w.cuts = d.state("moe.cuts", experts + 1, Initializer::constant(0), true, true);
  }
  constexpr void choose(auto& ops, const RouterWeights& w, RouterSaved& s, const op::Assignment& to) const {
    ops(op::ChooseAbove{.scores = s.scores, .threshold = w.threshold, .tokens = ops.step.tokens, .to = to});
    ops(op::AssignSlots{.scores = s.scores, .to = to, .capacity = capacity(s.scores.rows, to.experts, ops.training())});
  }
  constexpr void choose_backward(auto& ops, const RouterWeights&, const RouterSaved& s, const op::Assignment& to, Tensor d_weight,
                                 Tensor dp) const {
    ops(op::RouteTokenChoiceGradient{.p = s.scores, .to = to, .dweight = d_weight, .dp = dp, .choices = to.experts});
  }
  constexpr void score_backward(auto& ops, const RouterWeights& w, const RouterSaved& s, Tensor x, Tensor dp, Tensor dx) const {
    const std::int64_t cut = expert_capacity(1, s.scores.rows, activated_percent(), s.scores.columns);
    if (!ops.checking()) ops(op::RecordCuts{.scores = s.scores, .tokens = ops.step.tokens, .cuts = w.cuts, .capacity = cut});
    SoftmaxRouting::score_backward(ops, w, s, x, dp, dx);
  }
  constexpr void after_step(auto& ops, const RouterWeights& w) const {
    ops(op::UpdateThreshold{.cuts = w.cuts, .threshold = w.threshold});
  }
};

/// Expert choice without the pool: causal in training too.
struct ExpertThreshold : Word<"ExpertThreshold"> {
  static constexpr int choices = 1;
  static constexpr ExpertThresholdRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}}; }
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::ExpertThreshold;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
