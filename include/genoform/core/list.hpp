#pragma once
#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// A list of types.
template <class... Ts>
struct List {
  static constexpr int size = static_cast<int>(sizeof...(Ts));
};

/// Carries a type as a value.
template <class T>
struct Type {
  using type = T;
};

namespace list_steps {

template <class... Lists>
struct Concat {
  using type = List<>;
};
template <class... As>
struct Concat<List<As...>> {
  using type = List<As...>;
};
template <class... As, class... Bs, class... Rest>
struct Concat<List<As...>, List<Bs...>, Rest...> : Concat<List<As..., Bs...>, Rest...> {};

template <int I, class First, class... Rest>
constexpr auto nth() {
  if constexpr (I == 0)
    return Type<First>{};
  else
    return nth<I - 1, Rest...>();
}

template <class L, template <class...> class Template>
struct Into;
template <class... Ts, template <class...> class Template>
struct Into<List<Ts...>, Template> {
  using type = Template<Ts...>;
};

}  // namespace list_steps

/// One list of all the lists' types, in order.
template <class... Lists>
using concat_t = typename list_steps::Concat<Lists...>::type;

/// The type at index I (from 0) of a pack.
template <int I, class... Ts>
using nth_t = typename decltype(list_steps::nth<I, Ts...>())::type;

namespace list_steps {

template <int I, class L>
struct NthOf;
template <int I, class... Ts>
struct NthOf<I, List<Ts...>> {
  using type = nth_t<I, Ts...>;
};

}  // namespace list_steps

/// The type at index I (from 0) of a list.
template <int I, class L>
using nth_of_t = typename list_steps::NthOf<I, L>::type;

/// Template<Ts...> for List<Ts...>.
template <class L, template <class...> class Template>
using into_t = typename list_steps::Into<L, Template>::type;

}  // namespace genoform::inner::core

namespace genoform::extend {
using inner::core::List;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
