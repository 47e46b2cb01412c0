#pragma once
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "genoform/core/part.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(RouterMissing, "the router is missing; a Moe starts with one, as in Moe<Top2>");
GENOFORM_RULE(ChoicesOfRouter, "a router cannot choose more experts than there are; raise Experts or choose fewer");
}  // namespace genoform::inner::rules

namespace genoform::inner::layers {

/// The word of a router: a Word with `static constexpr int choices`, the experts of a token, or a Numbers with one number, which
/// is that, and `template <int N> using with`. `routing(choices, percent)` makes its routing, which does the work
/// (layers/routers/routing.hpp). It may have rules of its own: `static constexpr auto violation(std::int64_t percent)`, percent
/// being the Capacity, returns Violations.
template <class R>
concept RouterWord = requires {
  R::word;
  R::routing(1, std::int64_t{0});
};

namespace routers {

template <class R>
inline constexpr bool takes_number = requires {
  typename R::template with<1>;
};
/// The experts that a token chooses.
template <class R>
constexpr int choices_of() {
  if constexpr (takes_number<R>)
    return static_cast<int>(tree_of<R>()[1].number);
  else
    return R::choices;
}
/// Are they the same router? Numbers do not count.
template <class A, class B>
constexpr bool same() {
  if constexpr (takes_number<A> && takes_number<B>)
    return std::is_same_v<typename A::template with<1>, typename B::template with<1>>;
  else
    return std::is_same_v<A, B>;
}

}  // namespace routers

/// Routers that a Moe can have.
template <class... Rs>
struct RouterList {
  using list = List<Rs...>;
  using First = nth_t<0, Rs...>;
  using FirstRouting = decltype(First::routing(1, std::int64_t{0}));
  using Weights = typename FirstRouting::Weights;
  using Saved = typename FirstRouting::Saved;

  static constexpr bool names(std::string_view word) { return ((Rs::word == word) || ...); }
  static constexpr void each_word(auto visit) { (visit(Rs::word), ...); }
  /// Its index; the number of routers where there is none.
  static constexpr int find(std::string_view word) {
    int index = 0;
    (void)((Rs::word == word || (++index, false)) || ...);
    return index;
  }
  template <class R>
  static constexpr bool has() {
    return (routers::same<R, Rs>() || ...);
  }
};

namespace routers {

/// f(type of the router's word) for the router of that index.
template <class R, class... Rest, class F>
constexpr decltype(auto) visit(List<R, Rest...>, int kind, F&& f) {
  if constexpr (sizeof...(Rest) > 0)
    if (kind != 0) return visit(List<Rest...>{}, kind - 1, f);
  return f(Type<R>{});
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

template <class Routers>
struct RouterWords;

/// Who chooses whom in a mixture of experts: tokens their k experts, or each expert its tokens. A value is one of the routers of
/// a RouterList; a value that nobody set is the first.
template <class Routers>
struct RouterOf {
  int kind = 0;                                            ///< its index in Routers
  int k = routers::choices_of<typename Routers::First>();  ///< choices of a token; 1 where experts choose or nobody does

  using choices = RouterWords<Routers>;
  /// The router with the word R, as in of<TopK<3>>().
  template <class R>
  static constexpr RouterOf of() {
    return {Routers::find(R::word), routers::choices_of<R>()};
  }
  friend constexpr bool operator==(const RouterOf&, const RouterOf&) = default;
};

/// How routers are written: Top1, TopK<k>, Hash ...
template <class Routers>
struct RouterWords {
  using Value = RouterOf<Routers>;
  using list = typename Routers::list;

  static constexpr bool names(std::string_view word) { return Routers::names(word); }
  static constexpr void each_word(auto visit) { Routers::each_word(visit); }
  static constexpr bool is_open(const Value&) { return false; }
  static constexpr CheckResult read(Tree tree, int node, Value& value) {
    value.kind = Routers::find(node_at(tree, node).word);
    return routers::visit(list{}, value.kind, [&](auto type) {
      using R = typename decltype(type)::type;
      if constexpr (routers::takes_number<R>) {
        return option_rows::read_number(tree, node, 1, max_number, value.k);
      } else {
        value.k = R::choices;
        return option_rows::no_arguments(tree, node);
      }
    });
  }
  static constexpr void print(const Value& value, auto& out) {
    routers::visit(list{}, value.kind, [&](auto type) {
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
  using tag = typename decltype(routers::tag_of<V>(list{}))::type;
};

/// The word of a router, as in "Top2".
template <class Routers>
constexpr std::string_view word_of(const RouterOf<Routers>& router) {
  return routers::visit(typename Routers::list{}, router.kind, [](auto type) { return decltype(type)::type::word; });
}

/// Calls f with the routing of a router.
template <class Routers, class F>
constexpr decltype(auto) with_routing(const RouterOf<Routers>& router, std::int64_t percent, F&& f) {
  return routers::visit(typename Routers::list{}, router.kind,
                        [&](auto type) -> decltype(auto) { return f(decltype(type)::type::routing(router.k, percent)); });
}

}  // namespace genoform::inner::layers

#include "genoform/core/restore_macros.hpp"
