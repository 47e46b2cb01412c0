#pragma once
#include "genoform/layers/routers/base.hpp"
#include "genoform/layers/routers/expert_choice.hpp"
#include "genoform/layers/routers/expert_threshold.hpp"
#include "genoform/layers/routers/hash.hpp"
#include "genoform/layers/routers/loss_free.hpp"
#include "genoform/layers/routers/top_k.hpp"

namespace genoform {

/// The routers of the language: the one list of them. A new one joins at the end.
using Routers = List<Top1, Top2, TopK<1>, ExpertChoice, Hash, Base, LossFree<1>, ExpertThreshold>;

namespace routers {

/// f(type of the router's word) for the router at that place of the list.
template <class R, class... Rest, class F>
constexpr decltype(auto) visit(List<R, Rest...>, int kind, F&& f) {
  if constexpr (sizeof...(Rest) > 0)
    if (kind != 0) return visit(List<Rest...>{}, kind - 1, f);
  return f(Type<R>{});
}
template <class... Rs>
constexpr int find(List<Rs...>, std::string_view word) {
  int place = 0;
  (void)((Rs::word == word || (++place, false)) || ...);
  return place;
}
template <class R>
inline constexpr bool takes_number = requires {
  typename R::template with<1>;
};

template <class... Rs>
constexpr void each_word(List<Rs...>, auto& visit) {
  (visit(Rs::word), ...);
}

/// The word of a router value as a type.
template <auto V, class... Rs>
constexpr auto tag_of(List<Rs...>) {
  using R = nth_t<V.kind, Rs...>;
  if constexpr (takes_number<R>)
    return Type<typename R::template with<V.k>>{};
  else
    return Type<R>{};
}

}  // namespace routers

/// How routers are written: Top1, TopK<k>, Hash ...
struct RouterWords {
  static constexpr bool names(std::string_view word) { return routers::find(Routers{}, word) < Routers::size; }
  static constexpr void each_word(auto visit) { routers::each_word(Routers{}, visit); }
  static constexpr bool is_open(const Router&) { return false; }
  static constexpr CheckResult read(Tree tree, int node, Router& value) {
    value.kind = routers::find(Routers{}, node_at(tree, node).word);
    return routers::visit(Routers{}, value.kind, [&](auto type) {
      using R = typename decltype(type)::type;
      if constexpr (routers::takes_number<R>) {
        return option_rows::read_number(tree, node, 1, max_number, value.k);
      } else {
        value.k = R::choices;
        return option_rows::no_arguments(tree, node);
      }
    });
  }
  static constexpr void print(const Router& value, auto& out) {
    routers::visit(Routers{}, value.kind, [&](auto type) {
      using R = typename decltype(type)::type;
      if constexpr (routers::takes_number<R>) {
        const int node = out.open(R::word);
        out.number(value.k);
        out.close(node);
      } else {
        out.leaf(R::word);
      }
    });
  }
  template <auto V>
  using tag = typename decltype(routers::tag_of<V>(Routers{}))::type;
};

/// Calls f with the routing of a router.
template <class F>
constexpr decltype(auto) with_routing(const Router& router, std::int64_t percent, F&& f) {
  return routers::visit(Routers{}, router.kind,
                        [&](auto type) -> decltype(auto) { return f(decltype(type)::type::routing(router.k, percent)); });
}

}  // namespace genoform
