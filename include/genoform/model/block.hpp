#pragma once
#include "genoform/core/part.hpp"

namespace genoform {

template <class... Args>
struct Parallel;  // model/parallel.hpp

namespace part_rules {

template <class T>
inline constexpr bool is_a_parallel = false;
template <class... Args>
inline constexpr bool is_a_parallel<Parallel<Args...>> = true;

template <class T>
concept TypedPart = requires {
  typename T::layer_type;
  T::value;
};
/// A layer struct that stands in a Block as it is: it has a name, or the interface of a layer.
template <class T>
concept BareLayer = !TypedPart<T> && !Spelled<T> &&
                    (
                        requires { T::name; } || requires { typename T::Weights; });

template <class T>
struct Bare {
  using layer_type = T;
  using arguments = List<>;
  static constexpr T value{};
};

template <class T>
constexpr auto part_of() {
  if constexpr (BareLayer<T>)
    return Type<Bare<T>>{};
  else
    return Type<T>{};
}

/// The type P where it is a sub-layer; anything else does not compile. Whole: what the compile error names.
template <class Whole, class P>
constexpr auto checked_sub_layer() {
  if constexpr (TypedPart<P> || BareLayer<P>) {
    return Type<P>{};
  } else {
    return Type<typename Refuse<Rule::unknown_kind, Whole, P>::type>{};
  }
}

template <class Whole, class... Ps>
constexpr auto checked_block() {
  if constexpr (sizeof...(Ps) == 0)
    return Type<typename Refuse<Rule::block_empty, Whole, List<>>::type>{};
  else
    return List<decltype(checked_sub_layer<Whole, Ps>())...>{};
}

}  // namespace part_rules

/// A sub-layer as the library uses it: with layer_type and value. A bare layer struct is its own kind.
template <class T>
using part_of = typename decltype(part_rules::part_of<T>())::type;

/// Sub-layers, one after the other: `Block<Attn, Moe<Top2>, Ffn<SqReLU>>`.
template <class... Parts>
struct Block {
  using checked = decltype(part_rules::checked_block<Block, Parts...>());
  using sub_layers = List<part_of<Parts>...>;
};

namespace part_rules {

template <class T>
inline constexpr bool is_a_block = false;
template <class... Ps>
inline constexpr bool is_a_block<Block<Ps...>> = true;

}  // namespace part_rules

}  // namespace genoform
