#pragma once
#include "genoform/layers/routers/router.hpp"
#include "genoform/layers/routers/routing.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

/// Each token takes its k experts of largest p; their p or their shares of it are the weights. A balance loss keeps the loads
/// even.
struct TopKRouting : SoftmaxRouting {
  bool normalise = true;  ///< Switch weighs by p alone

  static constexpr double balance_coefficient = 0.01;

  constexpr void score(auto& ops, const RouterWeights& w, RouterSaved& s, Tensor x) const {
    SoftmaxRouting::score(ops, w, s, x, true);
  }
  constexpr void choose(auto& ops, const RouterWeights&, RouterSaved& s, const op::Assignment& to) const {
    const Tensor p = s.scores;
    ops(op::RouteTokenChoice{.p = p,
                             .to = to,
                             .choices = choices,
                             .capacity = capacity(p.rows, to.experts, ops.training()),
                             .normalise = normalise,
                             .tokens = ops.step.tokens});
    if (ops.training())
      ops(op::BalanceLoss{.p = p,
                          .first_share = to.first_share,
                          .loss = ops.step.aux_loss,
                          .coefficient = balance_coefficient,
                          .tokens = ops.step.tokens});
  }
  constexpr void choose_backward(auto& ops, const RouterWeights&, const RouterSaved& s, const op::Assignment& to, Tensor d_weight,
                                 Tensor dp) const {
    ops(op::RouteTokenChoiceGradient{
        .p = s.scores, .to = to, .dweight = d_weight, .dp = dp, .choices = choices, .normalise = normalise});
    ops(op::BalanceLossGradient{.first_share = to.first_share,
                                .scale = ops.step.scale,
                                .dp = dp,
                                .coefficient = balance_coefficient,
                                .tokens = ops.step.tokens});
  }
};

/// Each token takes the expert of largest probability (Switch).
struct Top1 : Word<"Top1"> {
  static constexpr int choices = 1;
  static constexpr TopKRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}, false}; }
};
/// Each token takes its two experts of largest probability (GShard, GLaM).
struct Top2 : Word<"Top2"> {
  static constexpr int choices = 2;
  static constexpr TopKRouting routing(int, std::int64_t percent) { return {{{{2, percent}}}, true}; }
};
/// Each token takes its K experts of largest probability.
template <int K>
struct TopK : Numbers<"TopK", K> {
  template <int N>
  using with = TopK<N>;
  static constexpr TopKRouting routing(int k, std::int64_t percent) { return {{{{k, percent}}}, true}; }
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Top1;
using inner::layers::Top2;
using inner::layers::TopK;
}  // namespace genoform

namespace genoform::extend {
using inner::layers::TopKRouting;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
