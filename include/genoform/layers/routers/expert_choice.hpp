#pragma once
#include "genoform/layers/routers/router.hpp"
#include "genoform/layers/routers/routing.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// In training each expert takes its C tokens of largest p out of the pool; in evaluation a token goes to every expert whose
/// running threshold its p exceeds, which is causal.
struct ExpertChoiceRouting : SoftmaxRouting {
  static constexpr int default_percent = 100;

  constexpr std::int64_t activated_percent() const { return percent; }
  constexpr std::int64_t choice_columns(std::int64_t) const { return 0; }
  constexpr std::int64_t slots(std::int64_t tokens, std::int64_t experts, bool) const {
    return experts * expert_capacity(1, tokens, percent, experts);
  }
  constexpr bool by_threshold(bool training) const { return !training; }
  constexpr void declare(RouterWeights& w, Declaration& d, std::int64_t experts) const {
    LogitRouting::declare(w, d, experts);
    w.threshold = d.state("moe.threshold", experts, Initializer::constant(1.0 / static_cast<double>(experts)), true, false);
    w.cuts = d.state("moe.cuts", experts + 1, Initializer::constant(0), true, true);
  }
  constexpr void choose(auto& ops, const RouterWeights&, RouterSaved& s, const op::Assignment& to) const {
    s.cuts = ops.keep(to.experts + 1, 1);
    ops(op::Clear{.y = s.cuts});
    ops(op::RouteExpertChoice{.p = s.scores,
                              .to = to,
                              .capacity = expert_capacity(1, s.scores.rows, percent, to.experts),
                              .cuts = s.cuts,
                              .tokens = ops.step.tokens});
  }
  /// The cuts of this pool count only when the backward pass follows: a loss that is merely looked at must not move the
  /// thresholds.
  constexpr void choose_backward(auto& ops, const RouterWeights& w, const RouterSaved& s, const op::Assignment& to,
                                 Tensor d_weight, Tensor dp) const {
    ops(op::RouteExpertChoiceGradient{.to = to, .dweight = d_weight, .dp = dp});
    if (!ops.checking()) ops(op::Add{.x = s.cuts, .y = w.cuts});
  }
  constexpr void after_step(auto& ops, const RouterWeights& w) const {
    ops(op::UpdateThreshold{.cuts = w.cuts, .threshold = w.threshold});
  }
};

}  // namespace genoform::inner::layers

namespace genoform::inner::rules {
GENOFORM_RULE(CapacityOfExpertChoice, "ExpertChoice fills a fixed capacity; Capacity must be at least 1 (100 when left out)");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

/// Each expert takes its capacity of tokens, those of largest probability (Zhou et al., 2022).
struct ExpertChoice : Word<"ExpertChoice"> {
  static constexpr int choices = 1;
  static constexpr ExpertChoiceRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}}; }
  static constexpr auto violation(std::int64_t percent) {
    return Violations{refuse_if<rules::CapacityOfExpertChoice>(percent < 1, "Capacity")};
  }
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::ExpertChoice;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
