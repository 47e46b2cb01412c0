#pragma once
#include <cstdint>
#include <type_traits>
#include <utility>

#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::genome {

namespace type_forms {

template <class Value>
using LayerOf = std::remove_cvref_t<decltype(Value::value)>;

template <class Value, int I>
constexpr auto shown_tag() {
  constexpr std::uint64_t shown = shown_rows(Value::value, Value::model_context);
  using Row = typename decltype(table_of<LayerOf<Value>>())::template row<I>;
  if constexpr (((shown >> I) & 1) != 0)
    return List<typename Row::template tag<Value::value.*Row::member>>{};
  else
    return List<>{};
}
template <class Value, int... Is>
constexpr auto shown_tags(std::integer_sequence<int, Is...>) {
  return concat_t<decltype(shown_tag<Value, Is>())...>{};
}

/// The words of the options that the canonical text of Value::value shows in Value::around.
template <class Value>
constexpr auto shown_options() {
  constexpr int rows = decltype(table_of<LayerOf<Value>>())::size;
  return shown_tags<Value>(std::make_integer_sequence<int, rows>{});
}

/// The canonical type of a sub-layer: its template with these options, or the layer struct itself.
template <class Value>
constexpr auto sub_layer() {
  using L = LayerOf<Value>;
  if constexpr (part_rules::HasTemplate<L>)
    return Type<into_t<decltype(shown_options<Value>()), L::template type>>{};
  else
    return Type<L>{};
}

/// The canonical form of a body: one stack, or a Body of several.
template <class Stacks>
struct BodyForm {
  using type = into_t<Stacks, Body>;
};
template <class S>
struct BodyForm<List<S>> {
  using type = S;
};

template <class B, class Options>
struct DecoderForm;
template <class B, class... Options>
struct DecoderForm<B, List<Options...>> {
  using type = Decoder<typename BodyForm<typename block_rules::StacksOf<B>::type>::type, Options...>;
};

/// What stands around a part: `around`, and what becomes of the part's values and of the counts of stacks on the way.
struct Alone {
  static constexpr ModelContext model_context{};
  static constexpr auto prepared(auto value) { return value; }
  static constexpr int count(int n) { return n; }
};
template <class D>
struct Inside : Alone {
  static constexpr ModelContext model_context = D::value.model_context();
};
template <class P, class Whole>
struct ValueOfType {
  static constexpr auto value = Whole::prepared(P::value);
  static constexpr ModelContext model_context = Whole::model_context;
};

template <class P, class Whole>
struct NormsOfType {
  static constexpr ParallelNorms value = P::norms;
  static constexpr ModelContext model_context = Whole::model_context;
};

template <class T, class Whole>
struct Canonical {
  using checked = typename part_rules::first_refusal<decltype(block_rules::refusals_of_sub_layer<T, T>())>::type;
  using type = typename decltype(sub_layer<ValueOfType<part_of<T>, Whole>>())::type;
};
template <class... Ps, class Whole>
struct Canonical<Block<Ps...>, Whole> {
  using type = Block<typename Canonical<Ps, Whole>::type...>;
};
/// A Parallel: its parts in order, then the options of its norms.
template <class Whole, class P, class... Ps, class... Norms>
constexpr auto canonical_parallel(List<Ps...>, List<Norms...>) {
  return Type<Parallel<typename Canonical<Ps, Whole>::type..., Norms...>>{};
}
template <class... Args, class Whole>
struct Canonical<Parallel<Args...>, Whole> {
  using P = Parallel<Args...>;
  using type = typename decltype(canonical_parallel<Whole, P>(typename P::parts{}, shown_options<NormsOfType<P, Whole>>()))::type;
};
template <class B, int N, class Whole>
struct Canonical<Stack<B, N>, Whole> {
  using type = Stack<typename Canonical<B, Whole>::type, Whole::count(N)>;
};
template <class... Ss, class Whole>
struct Canonical<Body<Ss...>, Whole> {
  using type = Body<typename Canonical<Ss, Whole>::type...>;
};
template <class B, class... Options, class Whole>
struct Canonical<Decoder<B, Options...>, Whole> {
  using D = Decoder<B, Options...>;
  using type =
      typename DecoderForm<typename Canonical<B, Inside<D>>::type, decltype(shown_options<ValueOfType<D, Alone>>())>::type;
};

}  // namespace type_forms

/// The one spelling of a model or part: two types are the same model when their canonical types are the same.
template <class T>
using canonical_t = typename type_forms::Canonical<T, type_forms::Alone>::type;

}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::canonical_t;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
