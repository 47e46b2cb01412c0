#pragma once
#include "genoform/core/part.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

template <class... Args>
struct Parallel;  // model/parallel.hpp

}  // namespace genoform::inner::model

namespace genoform::inner::rules {
GENOFORM_RULE(UnknownKind, "this is not a sub-layer; a Block holds sub-layers, such as Attention<>, Ffn<SqReLU> or Moe<Top2>");
GENOFORM_RULE(BlockEmpty, "the Block is empty; it needs at least one sub-layer");
GENOFORM_RULE(NotAPart, "this is neither a model nor a part; allowed are Decoder, Body, Stack, Block and sub-layers");
}  // namespace genoform::inner::rules

namespace genoform::inner::model {

namespace block_rules {

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

/// Refuses what is not a sub-layer. Whole: what the compile error names.
template <class Whole, class P>
constexpr auto refusals_of_sub_layer() {
  if constexpr (TypedPart<P> || BareLayer<P>)
    return List<>{};
  else
    return List<rules::UnknownKind::Refused<Whole, P>>{};
}

template <class Whole, class... Ps>
constexpr auto refusals_of_block() {
  if constexpr (sizeof...(Ps) == 0)
    return List<rules::BlockEmpty::Refused<Whole, List<>>>{};
  else
    return concat_t<decltype(refusals_of_sub_layer<Whole, Ps>())...>{};
}

}  // namespace block_rules

/// A sub-layer as the library uses it: with layer_type and value. A bare layer struct is its own kind.
template <class T>
using part_of = typename decltype(block_rules::part_of<T>())::type;

/// Sub-layers, one after the other: `Block<Attn, Moe<Top2>, Ffn<SqReLU>>`.
template <class... Parts>
struct Block {
  using checked = typename part_rules::first_refusal<decltype(block_rules::refusals_of_block<Block, Parts...>())>::type;
  using sub_layers = List<part_of<Parts>...>;
};

namespace block_rules {

template <class T>
inline constexpr bool is_a_block = false;
template <class... Ps>
inline constexpr bool is_a_block<Block<Ps...>> = true;

}  // namespace block_rules

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Block;
using inner::model::Parallel;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
