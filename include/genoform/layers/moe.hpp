#pragma once
#include "genoform/core/bounds.hpp"
#include "genoform/core/part.hpp"
#include "genoform/layers/activation.hpp"
#include "genoform/layers/experts.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/hidden_activation.hpp"
#include "genoform/layers/norm.hpp"
#include "genoform/layers/routers/builtin_routers.hpp"
#include "genoform/layers/routers/routing.hpp"
#include "genoform/layers/shared_experts.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/routing.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::layers {

template <int N>
struct Experts : Numbers<"Experts", N> {};
/// Percent of the slots that an even load needs; 0: no token is dropped.
template <int Percent>
struct Capacity : Numbers<"Capacity", Percent> {};

/// Further experts that every token uses, with weight 1.
template <int N>
struct Shared : Numbers<"Shared", N> {};

template <class... Options>
struct Moe;

/// Mixture of experts: a router sends each token to some of E feed-forward layers, y = sum of g_e expert_e(x). x, y: [N, D].
/// Routers: the list that its router is of. docs/routers.md.
template <class Routers>
struct MoeLayerOf : Normed {
  static constexpr std::string_view name = "Moe";
  template <class... Options>
  using type = Moe<Options...>;

  using Router = RouterOf<Routers>;
  /// Of the structs that are named Moe, a text means that of its router.
  using selected_by = RouterWords<Routers>;

  Router router{};
  Activation activation{};
  int experts = 8, hidden = by_width;
  int capacity = 0;  ///< percent; 0: no limit
  int shared = 0;

  static constexpr auto options() {
    using L = MoeLayerOf;
    return Table{required_choice<&L::router, rules::RouterMissing>(),
                 count<Experts, &L::experts>(),
                 choice<&L::activation>(),
                 count<Hidden, &L::hidden>([](const L& l, const ModelContext& a) { return default_hidden(l.activation, a); }),
                 count<Capacity, &L::capacity, 0>([](const L& l, const ModelContext&) {
                   return with_routing(l.router, 0, [](const auto& routing) { return int{routing.default_percent}; });
                 }),
                 count<Shared, &L::shared, 0>()};
  }

  constexpr auto violation(const ModelContext& a) const {
    const double rows = (static_cast<double>(experts) + shared) * larger_of(hidden, 1);
    return violation_of_router(typename Routers::list{}) +
           Violations{refuse_if<rules::ChoicesOfRouter>(router.k > experts, word_of(router)),
                      too_many_parameters(rows * larger_of(a.width, 1), "Experts", "Hidden", "Shared")};
  }
  friend constexpr bool operator==(const MoeLayerOf&, const MoeLayerOf&) = default;

  struct Weights {
    typename Routers::Weights router;
    ExpertLayers::Weights experts;
    SharedExperts::Weights shared;
  };
  struct Saved {
    typename Routers::Saved router;
    op::Assignment to;
    ExpertLayers::Saved experts;
    SharedExperts::Saved shared;
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    with_routing(router, capacity, [&](const auto& routing) {
      routing.declare(w.router, d, experts);
      routed().declare(w.experts, d, routing.activated_percent());
    });
    shared_ones().declare(w.shared, d);
    w.router.load = d.load("moe.load", experts);
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    const bool by_threshold = with_routing(router, capacity, [&](const auto& routing) {
      routing.score(ops, w.router, s.router, x);
      if (routing.by_threshold(ops.training())) return true;
      s.to =
          make_assignment(ops, x.rows, experts, routing.slots(x.rows, experts, ops.training()), routing.choice_columns(experts));
      routing.choose(ops, w.router, s.router, s.to);
      return false;
    });
    if (by_threshold)
      forward_by_threshold(ops, w, s.router.scores, x, y);
    else
      routed().forward(ops, w.experts, s.experts, s.to, x, y);
    shared_ones().forward(ops, w.shared, s.shared, x, y);
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const bool by_threshold =
        with_routing(router, capacity, [&](const auto& routing) { return routing.by_threshold(ops.training()); });
    if (by_threshold)
      backward_by_threshold(ops, w, s, x, dy, dx);
    else
      backward_by_choices(ops, w, s, x, dy, dx);
    shared_ones().backward(ops, w.shared, s.shared, x, dy, dx);
  }

  constexpr void after_step(auto& ops, const Weights& w) const {
    with_routing(router, capacity, [&](const auto& routing) { routing.after_step(ops, w.router); });
    ops(op::StepLoad{.load = w.router.load});
  }

 private:
  /// The rules of all routers of the list; only those of this one can be broken.
  template <class... Rs>
  constexpr auto violation_of_router(List<Rs...>) const {
    return (Violations<>{} + ... + violation_of_one<Rs>());
  }
  template <class R>
  constexpr auto violation_of_one() const {
    if constexpr (requires { R::violation(std::int64_t{0}); })
      return R::word == word_of(router) ? R::violation(capacity) : decltype(R::violation(capacity)){};
    else
      return Violations<>{};
  }

  constexpr ExpertLayers routed() const { return {.activation = activation, .experts = experts, .hidden = hidden}; }
  constexpr ExpertLayers one_expert() const { return {.activation = activation, .experts = 1, .hidden = hidden}; }
  constexpr SharedExperts shared_ones() const { return {.activation = activation, .count = shared, .hidden = hidden}; }

  template <class Ops>
  constexpr void backward_by_choices(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d_out = ops.scratch(s.experts.out.rows, x.columns, ops.activations()),
                 d_weight = ops.scratch(s.experts.out.rows, 1);
    routed().combine_backward(ops, s.experts, s.to, dy, d_out, d_weight);
    with_routing(router, capacity, [&](const auto& routing) {
      const Tensor d_scores = routing.has_scores ? ops.scratch(x.rows, experts) : Tensor{};
      routing.choose_backward(ops, w.router, s.router, s.to, d_weight, d_scores);
      routing.score_backward(ops, w.router, s.router, x, d_scores, dx);
    });
    if (!ops.checking()) ops(op::RecordLoad{.to = s.to, .load = w.router.load});
    routed().backward(ops, w.experts, s.experts, s.to, d_out, dx);
  }

  /// Where the number of slots has no useful bound: expert after expert, each with at most N tokens. Nothing is kept: the
  /// backward pass sends the tokens again.
  template <class Ops>
  constexpr void forward_by_threshold(Ops& ops, const Weights& w, Tensor scores, Tensor x, Tensor y) const {
    ops(op::Clear{.y = y});
    for (std::int64_t e = 0; e < experts; ++e)
      ops.forgetting([&] {
        ExpertLayers::Saved one;
        const op::Assignment to = send_by_threshold(ops, w, scores, e);
        one_expert().forward(ops, routed().one(w.experts, e), one, to, x, y, true);
      });
  }
  template <class Ops>
  constexpr void backward_by_threshold(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d_scores = ops.scratch(x.rows, experts), d_routed = ops.scratch(x.rows, x.columns);
    ops(op::Clear{.y = d_scores});
    ops(op::Clear{.y = d_routed});
    for (std::int64_t e = 0; e < experts; ++e)
      ops.forgetting([&] {
        ExpertLayers::Saved one;
        const op::Assignment to = send_by_threshold(ops, w, s.router.scores, e);
        const ExpertLayers::Weights weights = routed().one(w.experts, e);
        one_expert().run(ops, weights, one, to, x);
        const Tensor d_out = ops.scratch(one.out.rows, x.columns, ops.activations()), d_weight = ops.scratch(one.out.rows, 1);
        one_expert().combine_backward(ops, one, to, dy, d_out, d_weight);
        ops(op::RouteThresholdGradient{.to = to, .dweight = d_weight, .dp = d_scores, .first_expert = e});
        if (!ops.checking()) ops(op::RecordLoad{.to = to, .load = w.router.load, .first_expert = e});
        one_expert().backward(ops, weights, one, to, d_out, d_routed);
      });
    with_routing(router, capacity,
                 [&](const auto& routing) { routing.score_backward(ops, w.router, s.router, x, d_scores, dx); });
    ops(op::Add{.x = d_routed, .y = dx});
  }
  /// The tokens of one expert. Of the slots that an even load fills each expert counts its part.
  template <class Ops>
  constexpr op::Assignment send_by_threshold(Ops& ops, const Weights& w, Tensor scores, std::int64_t e) const {
    op::Assignment to = make_assignment(ops, scores.rows, 1, scores.rows, 0);
    const std::int64_t all =
        with_routing(router, capacity, [&](const auto& routing) { return routing.slots(scores.rows, experts, ops.training()); });
    to.useful_slots = all * (e + 1) / experts - all * e / experts;
    ops(op::RouteThreshold{.p = scores, .threshold = w.router.threshold, .to = to, .first_expert = e, .tokens = ops.step.tokens});
    return to;
  }
};

using MoeLayer = MoeLayerOf<BuiltinRouters>;

/// The layer of a Moe with routers of your own: `kinds.add<MoeWith<MyRouter>>()` makes the text `Moe<MyRouter>` known. A type
/// Moe<MyRouter> needs no registration.
template <class... Routers>
using MoeWith = MoeLayerOf<RouterList<Routers...>>;

namespace routers {

template <class T>
constexpr auto list_of_router() {
  if constexpr (RouterWord<T>)
    return List<T>{};
  else
    return List<>{};
}
template <class... Rs>
constexpr auto layer_of(List<Rs...>) {
  if constexpr ((BuiltinRouters::has<Rs>() && ...))
    return Type<MoeLayer>{};
  else
    return Type<MoeWith<Rs...>>{};
}
/// The layer of a Moe with these options: the library's, unless a router among them is not.
template <class... Options>
using layer_of_options = typename decltype(layer_of(concat_t<List<>, decltype(list_of_router<Options>())...>{}))::type;

}  // namespace routers

template <class... Options>
struct Moe : Part<routers::layer_of_options<Options...>, Options...> {};

}  // namespace genoform::inner::layers

namespace genoform {
using inner::layers::Capacity;
using inner::layers::Experts;
using inner::layers::Moe;
using inner::layers::MoeWith;
using inner::layers::Shared;
}  // namespace genoform

namespace genoform::extend {
using inner::layers::MoeLayer;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
