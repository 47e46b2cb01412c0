#pragma once
#include <cstdint>

#include "genoform/layers/moe.hpp"

/// A router of a user's own: nothing here stands in the library. Its word is Fair, as in Moe<Fair<2>, Experts<4>>.
namespace mine {

using namespace genoform;
using namespace genoform::extend;

/// What it remembers besides what routers of the library do.
struct FairWeights : RouterWeights {
  Tensor debt;  ///< [E, 1]
};

/// Each token takes its k experts of largest sigmoid(l) + debt, l = Wr x, and weighs them by sigmoid(l) as it is; after each step
/// the debt of an expert moves against its load. Nothing is lost in a balance loss.
struct FairRouting : SigmoidRouting {
  using Weights = FairWeights;

  constexpr void declare(Weights& w, Declaration& d, std::int64_t experts) const {
    LogitRouting::declare(w, d, experts);
    w.debt = d.state("moe.debt", experts, Initializer::constant(0), false, false);
  }
  constexpr void choose(auto& ops, const Weights& w, RouterSaved& s, const op::Assignment& to) const {
    ops(op::RouteTokenChoice{.p = s.scores,
                             .to = to,
                             .choices = choices,
                             .capacity = capacity(s.scores.rows, to.experts, ops.training()),
                             .normalise = false,
                             .tokens = ops.step.tokens,
                             .bias = w.debt});
  }
  constexpr void choose_backward(auto& ops, const Weights&, const RouterSaved& s, const op::Assignment& to, Tensor d_weight,
                                 Tensor d_scores) const {
    ops(op::RouteTokenChoiceGradient{
        .p = s.scores, .to = to, .dweight = d_weight, .dp = d_scores, .choices = choices, .normalise = false});
  }
  constexpr void after_step(auto& ops, const Weights& w) const { ops(op::UpdateBias{.load = w.load, .bias = w.debt}); }
};

GENOFORM_RULE(FairCapacity, "Fair drops no token; leave Capacity out");

template <int K>
struct Fair : Numbers<"Fair", K> {
  template <int N>
  using with = Fair<N>;
  static constexpr FairRouting routing(int k, std::int64_t percent) { return {{{{k, percent}}}}; }
  static constexpr auto violation(std::int64_t percent) { return Violations{refuse_if<FairCapacity>(percent != 0, "Capacity")}; }
};

/// A second one, without a number: each token takes one expert, by the library's softmax.
struct Plain : Word<"Plain"> {
  static constexpr int choices = 1;
  static constexpr TopKRouting routing(int, std::int64_t percent) { return {{{{1, percent}}}, false}; }
};

}  // namespace mine
