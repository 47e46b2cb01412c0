#pragma once
#include <cstdint>

#include "genoform/core/bounds.hpp"
#include "genoform/core/random.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/pass.hpp"
#include "genoform/ops/router.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

/// What routers are made of. Each router is one file beside this one: its word, and its routing, which turns the input x [N, D]
/// into scores [N, E] and these into an assignment, and brings the gradients back. MoeLayer knows none of them;
/// builtin_routers.hpp lists those of the library, and one of your own may stand in any header: docs/routers.md.
namespace genoform::inner::layers {

/// C = ceil(choices * N * percent / (100 E)), at most N; percent 0: no limit.
constexpr std::int64_t expert_capacity(std::int64_t choices, std::int64_t tokens, std::int64_t percent, std::int64_t experts) {
  if (percent == 0) return tokens;
  const std::int64_t whole = 100 * experts;
  return smaller_of(tokens, (choices * tokens * percent + whole - 1) / whole);
}

/// The tensors of a router: its matrix [E, D], and what it remembers between steps. Absent tensors for most.
struct RouterWeights {
  Tensor matrix;
  Tensor threshold, cuts;  ///< [E, 1], [E + 1, 1]
  Tensor bias;             ///< [E, 1]
  Tensor table;            ///< [V, 1] of experts
  Tensor load;             ///< what op::RecordLoad measures, for every router
};

/// What a router keeps for its backward pass.
struct RouterSaved {
  Tensor logits;      ///< l [N, E], until the end of the forward pass of the layer only
  Tensor scores;      ///< what weights are made of [N, E]
  Tensor input;       ///< what the router read instead of x, with jitter
  Tensor derivative;  ///< of the z-loss by the logits [N, E]
  Tensor cuts;        ///< of this pool
};

/// What most routers have in common. A routing derives from it, hides what is different with it, and adds choose() and its
/// backward pass:
///   declare(w, d, experts), score(ops, w, s, x), choose(ops, w, s, to), choose_backward(ops, w, s, to, d_weight, d_scores),
///   score_backward(ops, w, s, x, d_scores, dx) [dx is overwritten], after_step(ops, w).
/// w: Weights, s: Saved. A routing with more tensors derives its own Weights or Saved from those here.
struct Routing {
  using Weights = RouterWeights;
  using Saved = RouterSaved;

  std::int64_t choices = 1, percent = 0;  ///< `percent`: the Capacity

  static constexpr int default_percent = 0;  ///< the Capacity when it is left out
  static constexpr bool has_scores = true;

  /// What a token uses of the experts, for counting.
  constexpr std::int64_t activated_percent() const { return 100 * choices; }
  /// The columns of the assignment's choices; 0 where experts choose.
  constexpr std::int64_t choice_columns(std::int64_t) const { return choices; }
  /// In evaluation the capacity is lifted.
  constexpr std::int64_t capacity(std::int64_t tokens, std::int64_t experts, bool training) const {
    return training ? expert_capacity(choices, tokens, percent, experts) : tokens;
  }
  /// The most slots that can be filled, which is also what counts as filled at even load.
  constexpr std::int64_t slots(std::int64_t tokens, std::int64_t experts, bool training) const {
    return smaller_of(choices * tokens, experts * capacity(tokens, experts, training));
  }
  /// Are tokens sent by thresholds, expert after expert, since the number of slots has no useful bound?
  constexpr bool by_threshold(bool) const { return false; }
  constexpr void after_step(auto&, const RouterWeights&) const {}
};

/// Routers whose scores come from l = Wr x.
struct LogitRouting : Routing {
  static constexpr bool jitters = false;

  constexpr void declare(RouterWeights& w, Declaration& d, std::int64_t experts) const {
    w.matrix = d.matrix("moe.router.weight", experts, d.width(), Initializer::fan_in(d.width()), true);
  }

 protected:
  /// l [N, E] into `l`, with the noise and the loss that training may add.
  constexpr void logits(auto& ops, const RouterWeights& w, RouterSaved& s, Tensor x, Tensor l, bool with_jitter) const {
    const RouterTraining& t = ops.routers();
    s.input = s.derivative = {};
    if (with_jitter && t.jitter > 0) {
      s.input = ops.keep(x.rows, x.columns);
      ops(op::Jitter{.x = x,
                     .round = ops.step.round,
                     .y = s.input,
                     .width = t.jitter,
                     .seed = t.seed,
                     .stream = stream_of("jitter") + static_cast<std::uint64_t>(w.matrix.offset)});
    }
    ops(op::Linear{.x = s.input.exists() ? s.input : x, .w = w.matrix, .y = l, .exact = true});
    if (!(t.z_loss > 0)) return;
    s.derivative = ops.keep(x.rows, l.columns);
    ops(op::RouterZLoss{
        .logits = l, .tokens = ops.step.tokens, .derivative = s.derivative, .loss = ops.step.aux_loss, .coefficient = t.z_loss});
  }
  /// From dl [N, E], which may change, to dx, which is overwritten.
  constexpr void logits_backward(auto& ops, const RouterWeights& w, const RouterSaved& s, Tensor x, Tensor dl, Tensor dx) const {
    if (s.derivative.exists()) ops(op::RouterZLossGradient{.derivative = s.derivative, .scale = ops.step.scale, .dx = dl});
    const Tensor input = s.input.exists() ? s.input : x;
    ops(op::LinearWeightGradient{.x = input, .dy = dl, .dw = gradient(w.matrix), .exact = true});
    ops(op::LinearInputGradient{.dy = dl, .w = w.matrix, .dx = dx, .exact = true});
    const RouterTraining& t = ops.routers();
    if (s.input.exists())
      ops(op::JitterGradient{.dy = dx,
                             .round = ops.step.round,
                             .dx = dx,
                             .width = t.jitter,
                             .seed = t.seed,
                             .stream = stream_of("jitter") + static_cast<std::uint64_t>(w.matrix.offset)});
  }
};

/// Scores p = softmax(l).
struct SoftmaxRouting : LogitRouting {
  constexpr void score(auto& ops, const RouterWeights& w, RouterSaved& s, Tensor x, bool with_jitter = false) const {
    s.scores = ops.keep(x.rows, w.matrix.rows);
    logits(ops, w, s, x, s.scores, with_jitter);
    ops(op::Softmax{.x = s.scores, .y = s.scores});
  }
  constexpr void score_backward(auto& ops, const RouterWeights& w, const RouterSaved& s, Tensor x, Tensor d, Tensor dx) const {
    ops(op::SoftmaxGradient{.y = s.scores, .dy = d, .dx = d});
    logits_backward(ops, w, s, x, d, dx);
  }
};

/// Scores sigmoid(l).
struct SigmoidRouting : LogitRouting {
  constexpr void score(auto& ops, const RouterWeights& w, RouterSaved& s, Tensor x, bool with_jitter = false) const {
    s.logits = ops.scratch(x.rows, w.matrix.rows);
    s.scores = ops.keep(x.rows, w.matrix.rows);
    logits(ops, w, s, x, s.logits, with_jitter);
    ops(op::Sigmoid{.x = s.logits, .y = s.scores});
  }
  constexpr void score_backward(auto& ops, const RouterWeights& w, const RouterSaved& s, Tensor x, Tensor d, Tensor dx) const {
    ops(op::SigmoidGradient{.y = s.scores, .dy = d, .dx = d});
    logits_backward(ops, w, s, x, d, dx);
  }
};

/// The tensors of an assignment of `filled` slots over the experts, kept for the backward pass.
constexpr op::Assignment make_assignment(auto& ops, std::int64_t tokens, std::int64_t experts, std::int64_t filled,
                                         std::int64_t choices) {
  const std::int64_t slots = op::slots_bound(filled, experts);
  const auto index = [&](std::int64_t rows, std::int64_t columns) { return ops.keep(rows, columns, ElementType::index); };
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

}  // namespace genoform::inner::layers

namespace genoform::extend {
using inner::layers::LogitRouting;
using inner::layers::make_assignment;
using inner::layers::RouterSaved;
using inner::layers::RouterWeights;
using inner::layers::Routing;
using inner::layers::SigmoidRouting;
using inner::layers::SoftmaxRouting;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
