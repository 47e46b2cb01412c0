#pragma once
#include "genoform/layers/routers/router.hpp"
#include "genoform/layers/routers/routing.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// Each token takes its k experts of largest sigmoid(l) + b; b moves against the loads after each step and enters nothing else.
struct LossFreeRouting : SigmoidRouting {
  constexpr void declare(RouterWeights& w, Declaration& d, std::int64_t experts) const {
    LogitRouting::declare(w, d, experts);
    w.bias = d.state("moe.bias", experts, Initializer::constant(0), false, false);
  }
  constexpr void score(auto& ops, const RouterWeights& w, RouterSaved& s, Tensor x) const {
    SigmoidRouting::score(ops, w, s, x, true);
  }
  constexpr void choose(auto& ops, const RouterWeights& w, RouterSaved& s, const op::Assignment& to) const {
    ops(op::RouteTokenChoice{.p = s.scores,
                             .to = to,
                             .choices = choices,
                             .capacity = capacity(s.scores.rows, to.experts, ops.training()),
                             .normalise = true,
                             .tokens = ops.step.tokens,
                             .bias = w.bias,
                             .epsilon = 0});
  }
  constexpr void choose_backward(auto& ops, const RouterWeights&, const RouterSaved& s, const op::Assignment& to, Tensor d_weight,
                                 Tensor d_scores) const {
    ops(op::RouteTokenChoiceGradient{
        .p = s.scores, .to = to, .dweight = d_weight, .dp = d_scores, .choices = choices, .normalise = true, .epsilon = 0});
  }
  constexpr void after_step(auto& ops, const RouterWeights& w) const { ops(op::UpdateBias{.load = w.load, .bias = w.bias}); }
};

/// Balanced without a loss: a bias of each expert steers the choice (Wang et al., 2024; DeepSeek-V3).
template <int K>
struct LossFree : Numbers<"LossFree", K> {
  template <int N>
  using with = LossFree<N>;
  static constexpr LossFreeRouting routing(int k, std::int64_t percent) { return {{{{k, percent}}}}; }
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::LossFree;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
