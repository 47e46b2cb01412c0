#pragma once
#include "genoform/layers/routers/router.hpp"
#include "genoform/layers/routers/routing.hpp"

namespace genoform::inner::layers {

/// In training the balanced assignment with the largest sum of l, floor or ceil of N / E tokens an expert; else the largest l.
struct BaseRouting : SigmoidRouting {
  constexpr void choose(auto& ops, const RouterWeights&, RouterSaved& s, const op::Assignment& to) const {
    if (ops.training() && !ops.checking())
      ops(op::ChooseBalanced{.scores = s.logits, .tokens = ops.step.tokens, .to = to});
    else
      ops(op::ChooseTopK{.scores = s.logits, .tokens = ops.step.tokens, .to = to});
    ops(op::AssignSlots{.scores = s.scores, .to = to, .capacity = capacity(s.scores.rows, to.experts, ops.training())});
  }
  constexpr void choose_backward(auto& ops, const RouterWeights&, const RouterSaved& s, const op::Assignment& to, Tensor d_weight,
                                 Tensor d_scores) const {
    ops(op::RouteTokenChoiceGradient{.p = s.scores, .to = to, .dweight = d_weight, .dp = d_scores});
  }
};

/// Tokens are dealt out evenly, each to an expert that suits it (Lewis et al., 2021).
struct Base : Word<"Base"> {
  static constexpr int choices = 1;
  static constexpr BaseRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}}; }
};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Base;
}  // namespace genoform
