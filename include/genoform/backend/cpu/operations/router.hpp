#pragma once
#include <cstddef>

#include "genoform/backend/cpu/operations/dense.hpp"
#include "genoform/backend/host/router.hpp"
#include "genoform/backend/host/routing.hpp"

#include "genoform/core/hide_macros.hpp"

/// Routing on the CPU: kernels choose among scores, and the loops of backend/host do the rest with resolved pointers. Each is
/// one pass over N tokens and E experts, which is little beside the products of the experts.
namespace genoform::cpu {

inline ScoresArgs scores_args(const Tensor& scores, const Tensor& tokens, const Tensor& bias, const FloatMemories& m) {
  return {m.reals(scores), scores.stride, scores.rows, scores.columns, m.indices(tokens), m.reals(bias)};
}

/// Splits the tokens of a ScoresArgs into parts of whole vectors: body(first, last).
template <class Body>
void over_tokens(const Context& context, std::int64_t tokens, std::int64_t experts, const Body& body) {
  constexpr std::int64_t block = few_columns;
  context.split((tokens + block - 1) / block, 8 * block * experts,
                [&](std::int64_t first, std::int64_t last, int) { body(first * block, std::min(tokens, last * block)); });
}

/// The tokens of the largest scores of each expert.
class ExpertsChoice {
 public:
  ExpertsChoice(Context& context, const ScoresArgs& args) : args_(args), stride_(keys_stride(args.tokens)) {
    context.reserve(static_cast<std::size_t>(stride_ * args.experts + scratch_elements()) * sizeof(std::int32_t));
  }

  void look(const Context& context) const {
    over_tokens(context, args_.tokens, args_.experts, [&](std::int64_t first, std::int64_t last) {
      context.kernel<&Kernels::score_keys>()(args_, keys(context), first, last);
    });
  }
  std::int64_t real_tokens() const { return host::routing::count_tokens(args_.token_ids, args_.tokens); }
  /// Writes the `count` tokens of expert e, ascending, to `tokens_of_expert` (unless null); returns the lowest of their scores.
  float take(const Context& context, std::int64_t e, std::int64_t count, std::int32_t* buffers) const {
    std::int32_t* found = keys(context) + stride_ * args_.experts;
    const std::int32_t lowest = context.kernel<&Kernels::take_top_k>()(keys(context) + e * stride_, stride_, count, found);
    if (buffers != nullptr) std::copy_n(found, count, buffers);
    return host::routing::score_of(args_.scores[lowest * args_.stride + e]);
  }

 private:
  static std::int32_t* keys(const Context& context) { return context.shared<std::int32_t>(); }
  std::int64_t scratch_elements() const { return args_.tokens + 1; }

  ScoresArgs args_;
  std::int64_t stride_;
};

inline auto prepare(const SharedContext& context, const op::RouteTokenChoice& o, const auto& m) {
  return [context, args = scores_args(o.p, o.tokens, o.bias, m), p = host::rows_of(o.p, m), to = host::slots_of(o.to, m),
          choices = o.choices, capacity = o.capacity, normalise = o.normalise, epsilon = o.epsilon] {
    over_tokens(*context, args.tokens, args.experts, [&](std::int64_t first, std::int64_t last) {
      context->kernel<&Kernels::choose_top_k>()(args, choices, to.choice_expert, first, last);
    });
    host::assign_top_k<float>(p, to, choices, capacity, normalise, epsilon);
  };
}

inline auto prepare(const SharedContext&, const op::RouteTokenChoiceGradient& o, const auto& m) {
  return [p = host::rows_of(o.p, m), to = host::slots_of(o.to, m), dweight = m.reals(o.dweight), dp = host::rows_of(o.dp, m),
          choices = o.choices, normalise = o.normalise,
          epsilon = o.epsilon] { host::route_token_choice_gradient<float>(p, to, dweight, dp, choices, normalise, epsilon); };
}

inline auto prepare(const SharedContext& context, const op::RouteExpertChoice& o, const auto& m) {
  return [context, experts = ExpertsChoice(*context, scores_args(o.p, o.tokens, {}, m)), p = host::rows_of(o.p, m),
          to = host::slots_of(o.to, m), capacity = o.capacity, cuts = m.reals(o.cuts)] {
    experts.look(*context);
    host::route_expert_choice_by<float>(
        p, to, experts.real_tokens(), capacity, cuts,
        [&](std::int64_t e, std::int64_t count, std::int32_t* buffers) { return experts.take(*context, e, count, buffers); });
  };
}

inline auto prepare(const SharedContext&, const op::RouteExpertChoiceGradient& o, const auto& m) {
  return [to = host::slots_of(o.to, m), dweight = m.reals(o.dweight), dp = host::rows_of(o.dp, m)] {
    host::route_expert_choice_gradient<float>(to, dweight, dp);
  };
}

inline auto prepare(const SharedContext&, const op::RouteThreshold& o, const auto& m) {
  return [p = host::rows_of(o.p, m), threshold = m.reals(o.threshold), to = host::slots_of(o.to, m), first = o.first_expert,
          tokens = m.indices(o.tokens)] { host::route_threshold<float>(p, threshold, to, first, tokens); };
}

inline auto prepare(const SharedContext&, const op::RouteThresholdGradient& o, const auto& m) {
  return [to = host::slots_of(o.to, m), dweight = m.reals(o.dweight), dp = host::rows_of(o.dp, m), first = o.first_expert] {
    host::route_threshold_gradient<float>(to, dweight, dp, first);
  };
}

inline auto prepare(const SharedContext& context, const op::ChooseTopK& o, const auto& m) {
  return [context, args = scores_args(o.scores, o.tokens, {}, m), choice = m.indices(o.to.choice_expert),
          choices = o.to.choice_expert.columns] {
    over_tokens(*context, args.tokens, args.experts, [&](std::int64_t first, std::int64_t last) {
      context->kernel<&Kernels::choose_top_k>()(args, choices, choice, first, last);
    });
  };
}

inline auto prepare(const SharedContext&, const op::ChooseByTable& o, const auto& m) {
  return [table = m.indices(o.table), tokens = m.indices(o.tokens), choice = m.indices(o.to.choice_expert), n = o.tokens.rows] {
    host::choose_by_table(table, tokens, n, choice);
  };
}

inline auto prepare(const SharedContext& context, const op::ChooseBalanced& o, const auto& m) {
  context->reserve(static_cast<std::size_t>(host::balanced_elements(o.scores.rows, o.scores.columns)) * sizeof(double));
  return [context, scores = host::rows_of(o.scores, m), tokens = m.indices(o.tokens), choice = m.indices(o.to.choice_expert)] {
    host::choose_balanced<float>(scores, tokens, choice, context->shared<double>());
  };
}

inline auto prepare(const SharedContext&, const op::ChooseAbove& o, const auto& m) {
  return [scores = host::rows_of(o.scores, m), threshold = m.reals(o.threshold), tokens = m.indices(o.tokens),
          choice = m.indices(o.to.choice_expert)] { host::choose_above<float>(scores, threshold, tokens, choice); };
}

inline auto prepare(const SharedContext&, const op::AssignSlots& o, const auto& m) {
  return [scores = host::rows_of(o.scores, m), to = host::slots_of(o.to, m), choices = o.to.choice_expert.columns,
          capacity = o.capacity] { host::assign_slots<float>(scores, to, choices, capacity); };
}

inline auto prepare(const SharedContext& context, const op::RecordCuts& o, const auto& m) {
  return [context, experts = ExpertsChoice(*context, scores_args(o.scores, o.tokens, {}, m)), capacity = o.capacity,
          count = o.scores.columns, cuts = m.reals(o.cuts)] {
    const std::int64_t real = experts.real_tokens();
    if (real == 0) return;
    experts.look(*context);
    for (std::int64_t e = 0; e < count && real >= capacity; ++e) cuts[e] += experts.take(*context, e, capacity, nullptr);
    cuts[count] += 1.0F;
  };
}

inline auto prepare(const SharedContext&, const op::UpdateThreshold& o, const auto& m) {
  return [cuts = m.reals(o.cuts), threshold = m.reals(o.threshold), experts = o.threshold.rows, rate = o.rate] {
    host::update_threshold(cuts, threshold, experts, rate);
  };
}

inline auto prepare(const SharedContext&, const op::RecordLoad& o, const auto& m) {
  return [to = host::slots_of(o.to, m), choices = o.to.choice_expert.columns, load = m.reals(o.load),
          experts = o.load.rows / 2 - 1, first = o.first_expert] { host::record_load(to, choices, load, experts, first); };
}

inline auto prepare(const SharedContext&, const op::StepLoad& o, const auto& m) {
  return [load = m.reals(o.load), half = o.load.rows / 2] { host::step_load(load, half); };
}

inline auto prepare(const SharedContext&, const op::UpdateBias& o, const auto& m) {
  return [load = m.reals(o.load), bias = m.reals(o.bias), experts = o.bias.rows, rate = o.rate] {
    host::update_bias(load, bias, experts, rate);
  };
}

}  // namespace genoform::cpu

#include "genoform/core/restore_macros.hpp"
