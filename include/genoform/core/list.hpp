#pragma once
#include <cstddef>
#include <type_traits>

namespace genoform {

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

template <class L, class T>
inline constexpr bool holds = false;
template <class... Ts, class T>
inline constexpr bool holds<List<Ts...>, T> = (std::is_same_v<Ts, T> || ...);

template <class Done, class... Rest>
struct Distinct {
  using type = Done;
};
template <class... Done, class First, class... Rest>
struct Distinct<List<Done...>, First, Rest...>
    : Distinct<std::conditional_t<holds<List<Done...>, First>, List<Done...>, List<Done..., First>>, Rest...> {};

template <class L>
struct Unique;
template <class... Ts>
struct Unique<List<Ts...>> : Distinct<List<>, Ts...> {};

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

/// The type at place I (from 0) of a pack.
template <int I, class... Ts>
using nth_t = typename decltype(list_steps::nth<I, Ts...>())::type;

/// The list without repetitions, first occurrences kept.
template <class L>
using unique_t = typename list_steps::Unique<L>::type;

/// Template<Ts...> for List<Ts...>.
template <class L, template <class...> class Template>
using into_t = typename list_steps::Into<L, Template>::type;

/// Is T in the list L?
template <class L, class T>
inline constexpr bool holds_type = list_steps::holds<L, T>;

}  // namespace genoform
