#pragma once
#include <cstdint>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "genoform/core/rules.hpp"
#include "genoform/core/words.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {
GENOFORM_RULE(UnknownWord, "this word is not known here");
GENOFORM_RULE(UnknownOption, "this is not an option of this part");
GENOFORM_RULE(StrayNumber, "a number has no meaning here; numbers stand inside an option, as in Heads<8>");
GENOFORM_RULE(StringHere, "a string has no meaning here; strings are reserved for Program");
GENOFORM_RULE(NeedsNumber, "this word takes exactly one number, as in Heads<8>");
GENOFORM_RULE(NeedsTwoNumbers, "this word takes exactly two numbers, as in RelBias<32, 128>");
GENOFORM_RULE(NeedsChoice, "this word takes exactly one choice, as in Pre<RmsNorm>");
GENOFORM_RULE(NeedsBrackets, "this word is a template; write its < >, as in Attention<>");
GENOFORM_RULE(NoArguments, "this word takes no arguments; write it without < >");
GENOFORM_RULE(GivenTwice, "this is given twice; give it once");
GENOFORM_RULE(OutOfRange, "the number is out of range");
GENOFORM_RULE(TooManyParameters, "the model is too large; parameters must stay below 2^48");
/// What any table of options refuses.
using OfOptions = List<UnknownWord, UnknownOption, StrayNumber, StringHere, NeedsNumber, NeedsTwoNumbers, NeedsChoice,
                       NeedsBrackets, NoArguments, GivenTwice, OutOfRange>;
}  // namespace genoform::inner::rules

namespace genoform::inner::core {

/// What a part knows of the model around it. A size of 0 is not known: what depends on it stays open.
struct ModelContext {
  int width = 0, vocab = 0, context = 0;
  bool positions = false;  ///< the model adds positions of its own
  bool whole = false;      ///< the part stands in a Decoder
};

/// When an option is printed: where it differs from its default, or always.
enum class Show : std::uint8_t { changed, always };

inline constexpr int max_number = std::numeric_limits<int>::max();

/// The parameters of a model stay below 2^48.
inline constexpr double max_parameters = 281474976710656.0;

/// Does a tensor of so many elements alone break the limit? The words say what makes it so large.
constexpr RefuseIf<rules::TooManyParameters> too_many_parameters(double elements, std::string_view word,
                                                                 std::string_view otherwise = {}, std::string_view last = {}) {
  return refuse_if<rules::TooManyParameters>(elements >= max_parameters, word, otherwise, last);
}

/// A size that a text leaves open until the width is known; `count` options of at least 1 use it so.
inline constexpr int by_width = 0;

/// An option that was not written, of a kind for which "not written" is a value (DConv).
inline constexpr int absent = 0;

namespace option_rows {

template <class M>
struct MemberOf;
template <class L, class V>
struct MemberOf<V L::*> {
  using layer = L;
  using value = V;
};
template <auto M>
using layer_of = typename MemberOf<decltype(M)>::layer;
template <auto M>
using value_of = typename MemberOf<decltype(M)>::value;

/// The default of a member as a function of the layer so far and the model around it.
template <auto M>
using Otherwise = value_of<M> (*)(const layer_of<M>&, const ModelContext&);

template <auto M>
constexpr value_of<M> plain_default(const layer_of<M>&, const ModelContext&) {
  return layer_of<M>{}.*M;
}

constexpr CheckResult no_arguments(Tree tree, int node) {
  return {node_at(tree, node).brackets ? Rule(rules::NoArguments{}) : Rule::none, node};
}

/// Reads the one number of `node`, as in Heads<8>.
constexpr CheckResult read_number(Tree tree, int node, std::int64_t low, std::int64_t high, int& value) {
  if (count_children(tree, node) != 1) return {rules::NeedsNumber{}, node};
  const int child = first_child(node);
  if (node_at(tree, child).shape != Node::Shape::number) return {rules::NeedsNumber{}, child};
  const std::int64_t number = node_at(tree, child).number;
  if (number < low || number > high) return {rules::OutOfRange{}, child, low, high};
  value = static_cast<int>(number);
  return {};
}

struct Range {
  std::int64_t low, high;
};
/// Reads the two numbers of `node`, as in RelBias<32, 128>.
constexpr CheckResult read_numbers(Tree tree, int node, Range of_first, Range of_second, int& first, int& second) {
  if (count_children(tree, node) != 2) return {rules::NeedsTwoNumbers{}, node};
  for (int child = first_child(node), i = 0; i < 2; child = next_sibling(tree, child), ++i) {
    if (node_at(tree, child).shape != Node::Shape::number) return {rules::NeedsTwoNumbers{}, child};
    const std::int64_t number = node_at(tree, child).number;
    const Range range = i == 0 ? of_first : of_second;
    if (number < range.low || number > range.high) return {rules::OutOfRange{}, child, range.low, range.high};
    (i == 0 ? first : second) = static_cast<int>(number);
  }
  return {};
}

/// The rules that the words of a choice type have besides those of any table: `using refuses = List<...>` in Value::choices.
template <class Choices>
constexpr auto refused_by_choices() {
  if constexpr (requires { typename Choices::refuses; })
    return typename Choices::refuses{};
  else
    return List<>{};
}

/// An option with one number: Word<n>, low <= n <= high. With low >= 1 the value 0 means open (or absent).
template <template <int> class W, auto M, int Low, int High>
struct CountRow {
  using Layer = layer_of<M>;
  using allowed = W<Low>;
  static constexpr Show show = Show::changed;
  static constexpr auto member = M;
  Otherwise<M> otherwise;

  static constexpr bool takes(std::string_view word) { return word == allowed::word; }
  static constexpr void each_word(auto visit) { visit(allowed::word); }
  static constexpr bool is_open(int value) { return Low >= 1 && value == 0; }
  static constexpr CheckResult read(Tree tree, int node, Layer& layer) { return read_number(tree, node, Low, High, layer.*M); }
  static constexpr void print(int value, auto& out) {
    const int node = out.open(allowed::word);
    out.number(value);
    out.close(node);
  }
  template <auto Value>
  using tag = W<Value>;
};

/// An option that is there or not: a word alone.
template <class W, auto M>
struct FlagRow {
  using Layer = layer_of<M>;
  using allowed = W;
  static constexpr Show show = Show::changed;
  static constexpr auto member = M;
  Otherwise<M> otherwise = &plain_default<M>;

  static constexpr bool takes(std::string_view word) { return word == W::word; }
  static constexpr void each_word(auto visit) { visit(W::word); }
  static constexpr bool is_open(bool) { return false; }
  static constexpr CheckResult read(Tree tree, int node, Layer& layer) {
    layer.*M = true;
    return no_arguments(tree, node);
  }
  static constexpr void print(bool, auto& out) { out.leaf(W::word); }
  template <auto>
  using tag = W;
};

/// One of several words that stand in the arguments themselves: SqReLU, Top2, Rope. The value type names them: Value::choices.
template <auto M, Show S>
struct ChoiceRow {
  using Layer = layer_of<M>;
  using Value = value_of<M>;
  using allowed = Value;
  using refuses = decltype(refused_by_choices<typename Value::choices>());
  static constexpr Show show = S;
  static constexpr auto member = M;
  Otherwise<M> otherwise;

  static constexpr bool takes(std::string_view word) { return Value::choices::names(word); }
  static constexpr void each_word(auto visit) { Value::choices::each_word(visit); }
  static constexpr bool is_open(const Value& value) { return Value::choices::is_open(value); }
  static constexpr CheckResult read(Tree tree, int node, Layer& layer) { return Value::choices::read(tree, node, layer.*M); }
  static constexpr void print(const Value& value, auto& out) { Value::choices::print(value, out); }
  template <auto V>
  using tag = typename Value::choices::template tag<V>;
};

/// A choice without a default: where it is not written the rule Missing is broken.
template <auto M, class Missing>
struct RequiredRow : ChoiceRow<M, Show::always> {
  using missing = Missing;
  using refuses = concat_t<typename ChoiceRow<M, Show::always>::refuses, List<Missing>>;
};

/// One of several words inside a word of its own: Pre<RmsNorm>.
template <template <class> class W, auto M>
struct WrappedRow {
  using Layer = layer_of<M>;
  using Value = value_of<M>;
  using allowed = W<Value>;
  using refuses = decltype(refused_by_choices<typename Value::choices>());
  static constexpr Show show = Show::changed;
  static constexpr auto member = M;
  Otherwise<M> otherwise;

  static constexpr bool takes(std::string_view word) { return word == allowed::word; }
  static constexpr void each_word(auto visit) { visit(allowed::word); }
  static constexpr void each_inner_word(auto visit) { Value::choices::each_word(visit); }
  static constexpr bool is_open(const Value&) { return false; }
  static constexpr CheckResult read(Tree tree, int node, Layer& layer) {
    const int child = first_child(node);
    if (count_children(tree, node) != 1) return {rules::NeedsChoice{}, node};
    if (node_at(tree, child).shape != Node::Shape::word) return {rules::NeedsChoice{}, child};
    if (!Value::choices::names(node_at(tree, child).word)) return {rules::UnknownWord{}, child};
    return Value::choices::read(tree, child, layer.*M);
  }
  static constexpr void print(const Value& value, auto& out) {
    const int node = out.open(allowed::word);
    Value::choices::print(value, out);
    out.close(node);
  }
  template <auto V>
  using tag = W<typename Value::choices::template tag<V>>;
};

}  // namespace option_rows

/// The options of a kind, in canonical order: `return Table{count<Heads, &L::heads>(), flag<Bias, &L::bias>()};`
template <class... Rows>
struct Table : Rows... {
  static constexpr int size = static_cast<int>(sizeof...(Rows));
  template <int I>
  using row = nth_t<I, Rows...>;
  using allowed = List<typename Rows::allowed...>;

  constexpr void each([[maybe_unused]] auto visit) const { (visit(static_cast<const Rows&>(*this)), ...); }
};
template <class... Rows>
Table(Rows...) -> Table<Rows...>;

/// The rows of two tables, one after the other.
template <class... As, class... Bs>
constexpr Table<As..., Bs...> operator+(const Table<As...>& a, const Table<Bs...>& b) {
  return {static_cast<const As&>(a)..., static_cast<const Bs&>(b)...};
}

/// A row of a kind's table: an option with one number from Low to High and the member's own default.
template <template <int> class W, auto M, int Low = 1, int High = max_number>
constexpr auto count() {
  return option_rows::CountRow<W, M, Low, High>{&option_rows::plain_default<M>};
}
/// The same with a default that depends on the rest of the layer and on the model (0: not known yet).
template <template <int> class W, auto M, int Low = 1, int High = max_number>
constexpr auto count(option_rows::Otherwise<M> otherwise) {
  return option_rows::CountRow<W, M, Low, High>{otherwise};
}
/// A row: an option without arguments.
template <class W, auto M>
constexpr auto flag() {
  return option_rows::FlagRow<W, M>{};
}
/// A row: one of the words of the member's type.
template <auto M, Show S = Show::changed>
constexpr auto choice() {
  return option_rows::ChoiceRow<M, S>{&option_rows::plain_default<M>};
}
template <auto M, Show S = Show::changed>
constexpr auto choice(option_rows::Otherwise<M> otherwise) {
  return option_rows::ChoiceRow<M, S>{otherwise};
}
/// A row: one of the words of the member's type, which must be written; else the rule Missing is broken.
template <auto M, class Missing>
constexpr auto required_choice() {
  return option_rows::RequiredRow<M, Missing>{{&option_rows::plain_default<M>}};
}
/// A row: one of the words of the member's type inside the word W.
template <template <class> class W, auto M>
constexpr auto wrapped() {
  return option_rows::WrappedRow<W, M>{&option_rows::plain_default<M>};
}
template <template <class> class W, auto M>
constexpr auto wrapped(option_rows::Otherwise<M> otherwise) {
  return option_rows::WrappedRow<W, M>{otherwise};
}

/// The words of a choice type whose values differ in `kind` only. A tag is a Word with `static constexpr kind`.
template <class Value, class... Tags>
struct OneOf {
  static constexpr bool names(std::string_view word) { return ((word == Tags::word) || ...); }
  static constexpr void each_word(auto visit) { (visit(Tags::word), ...); }
  static constexpr bool is_open(const Value& value) { return ((value.kind != Tags::kind) && ...); }
  static constexpr CheckResult read(Tree tree, int node, Value& value) {
    (void)((node_at(tree, node).word == Tags::word && (value.kind = Tags::kind, true)) || ...);
    return option_rows::no_arguments(tree, node);
  }
  static constexpr void print(const Value& value, auto& out) {
    (void)((value.kind == Tags::kind && (out.leaf(Tags::word), true)) || ...);
  }
  template <auto V, class First, class... Rest>
  static constexpr auto find() {
    if constexpr (V.kind == First::kind)
      return Type<First>{};
    else
      return find<V, Rest...>();
  }
  template <auto V>
  using tag = typename decltype(find<V, Tags...>())::type;
};

}  // namespace genoform::inner::core

namespace genoform::extend {
using inner::core::by_width;
using inner::core::choice;
using inner::core::count;
using inner::core::flag;
using inner::core::ModelContext;
using inner::core::Table;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
