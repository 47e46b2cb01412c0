#pragma once
#include <cstddef>

#include "genoform/backend/cpu/dense.hpp"
#include "genoform/backend/host/router.hpp"
#include "genoform/backend/host/routing.hpp"

/// Who goes where, on the CPU: the host's loops with their pointers resolved. One pass over N tokens and E experts each, little
/// beside the experts' products.
namespace genoform::cpu {

inline auto prepare(const SharedContext& context, const op::RouteTokenChoice& o, const FloatMemories& m) {
  if (o.bias.exists()) context->reserve(static_cast<std::size_t>(o.p.columns) * sizeof(float));
  return [context, p = host::rows_of(o.p, m), to = host::slots_of(o.to, m), choices = o.choices, capacity = o.capacity,
          normalise = o.normalise, tokens = m.indices(o.tokens), bias = m.reals(o.bias), epsilon = o.epsilon] {
    host::route_token_choice<float>(p, to, choices, capacity, normalise, tokens, bias, epsilon, context->shared<float>());
  };
}

inline auto prepare(const SharedContext&, const op::RouteTokenChoiceGradient& o, const FloatMemories& m) {
  return [p = host::rows_of(o.p, m), to = host::slots_of(o.to, m), dweight = m.reals(o.dweight), dp = host::rows_of(o.dp, m),
          choices = o.choices, normalise = o.normalise,
          epsilon = o.epsilon] { host::route_token_choice_gradient<float>(p, to, dweight, dp, choices, normalise, epsilon); };
}

inline auto prepare(const SharedContext& context, const op::RouteExpertChoice& o, const FloatMemories& m) {
  context->reserve(static_cast<std::size_t>(o.p.rows) * sizeof(float));
  return [context, p = host::rows_of(o.p, m), to = host::slots_of(o.to, m), capacity = o.capacity, cuts = m.reals(o.cuts),
          tokens = m.indices(o.tokens)] {
    host::route_expert_choice<float>(p, to, capacity, cuts, context->shared<float>(), tokens);
  };
}

inline auto prepare(const SharedContext&, const op::RouteExpertChoiceGradient& o, const FloatMemories& m) {
  return [to = host::slots_of(o.to, m), dweight = m.reals(o.dweight), dp = host::rows_of(o.dp, m)] {
    host::route_expert_choice_gradient<float>(to, dweight, dp);
  };
}

inline auto prepare(const SharedContext&, const op::RouteThreshold& o, const FloatMemories& m) {
  return [p = host::rows_of(o.p, m), threshold = m.reals(o.threshold), to = host::slots_of(o.to, m), first = o.first_expert,
          tokens = m.indices(o.tokens)] { host::route_threshold<float>(p, threshold, to, first, tokens); };
}

inline auto prepare(const SharedContext&, const op::RouteThresholdGradient& o, const FloatMemories& m) {
  return [to = host::slots_of(o.to, m), dweight = m.reals(o.dweight), dp = host::rows_of(o.dp, m), first = o.first_expert] {
    host::route_threshold_gradient<float>(to, dweight, dp, first);
  };
}

inline auto prepare(const SharedContext&, const op::ChooseLargest& o, const FloatMemories& m) {
  return [scores = host::rows_of(o.scores, m), to = host::slots_of(o.to, m), choices = o.to.choice_expert.columns,
          tokens = m.indices(o.tokens)] { host::choose_largest<float>(scores, to, choices, tokens); };
}

inline auto prepare(const SharedContext&, const op::ChooseByTable& o, const FloatMemories& m) {
  return [table = m.indices(o.table), tokens = m.indices(o.tokens), choice = m.indices(o.to.choice_expert), n = o.tokens.rows] {
    host::choose_by_table(table, tokens, n, choice);
  };
}

inline auto prepare(const SharedContext& context, const op::ChooseBalanced& o, const FloatMemories& m) {
  context->reserve(static_cast<std::size_t>(host::balanced_cells(o.scores.rows, o.scores.columns)) * sizeof(double));
  return [context, scores = host::rows_of(o.scores, m), tokens = m.indices(o.tokens), choice = m.indices(o.to.choice_expert)] {
    host::choose_balanced<float>(scores, tokens, choice, context->shared<double>());
  };
}

inline auto prepare(const SharedContext&, const op::ChooseAbove& o, const FloatMemories& m) {
  return [scores = host::rows_of(o.scores, m), threshold = m.reals(o.threshold), tokens = m.indices(o.tokens),
          choice = m.indices(o.to.choice_expert)] { host::choose_above<float>(scores, threshold, tokens, choice); };
}

inline auto prepare(const SharedContext&, const op::PlaceChoices& o, const FloatMemories& m) {
  return [scores = host::rows_of(o.scores, m), to = host::slots_of(o.to, m), choices = o.to.choice_expert.columns,
          capacity = o.capacity] { host::place_choices<float>(scores, to, choices, capacity); };
}

inline auto prepare(const SharedContext& context, const op::NoteCuts& o, const FloatMemories& m) {
  context->reserve(static_cast<std::size_t>(o.scores.rows) * sizeof(float));
  return [context, scores = host::rows_of(o.scores, m), tokens = m.indices(o.tokens), capacity = o.capacity,
          cuts = m.reals(o.cuts)] { host::note_cuts<float>(scores, tokens, capacity, cuts, context->shared<float>()); };
}

inline auto prepare(const SharedContext&, const op::UpdateThreshold& o, const FloatMemories& m) {
  return [cuts = m.reals(o.cuts), threshold = m.reals(o.threshold), experts = o.threshold.rows, rate = o.rate] {
    host::update_threshold(cuts, threshold, experts, rate);
  };
}

inline auto prepare(const SharedContext&, const op::NoteLoad& o, const FloatMemories& m) {
  return [to = host::slots_of(o.to, m), choices = o.to.choice_expert.columns, load = m.reals(o.load),
          experts = o.load.rows / 2 - 1, first = o.first_expert] { host::note_load(to, choices, load, experts, first); };
}

inline auto prepare(const SharedContext&, const op::StepLoad& o, const FloatMemories& m) {
  return [load = m.reals(o.load), half = o.load.rows / 2] { host::step_load(load, half); };
}

inline auto prepare(const SharedContext&, const op::UpdateBias& o, const FloatMemories& m) {
  return [load = m.reals(o.load), bias = m.reals(o.bias), experts = o.bias.rows, rate = o.rate] {
    host::update_bias(load, bias, experts, rate);
  };
}

}  // namespace genoform::cpu
