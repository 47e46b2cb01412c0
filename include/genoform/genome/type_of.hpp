#pragma once
#include <string_view>
#include <type_traits>

#include "genoform/genome/canonical.hpp"
#include "genoform/genome/check.hpp"
#include "genoform/genome/parse.hpp"

namespace genoform {

/// Where a text is wrong, line and character from 1: the compile errors of type_of show it.
template <int Line, int Column>
struct At {};

namespace type_forms {

/// A text parsed and checked in constant expressions.
template <Text T, class Layers>
struct Parsed {
  struct Outcome {
    grammar::FixedNodes<T.view().size()> nodes{};
    Rule rule = Rule::none;
    grammar::SourcePosition place{};
    DecoderLayer decoder{};
  };
  static constexpr Outcome outcome = [] {
    Outcome o;
    const grammar::SyntaxError error = grammar::Parser(T.view(), o.nodes).parse();
    std::size_t at = error.at;
    o.rule = error.rule;
    if (error.none()) {
      grammar::Checker checker(o.nodes.tree(), kinds_of<Layers>());
      const CheckResult check_result = checker.check();
      o.rule = check_result.rule;
      o.decoder = checker.decoder();
      at = static_cast<std::size_t>(node_at(o.nodes.tree(), check_result.node).at);
    }
    if (o.rule != Rule::none) o.place = grammar::index_of(T.view(), at);
    return o;
  }();
  static constexpr Tree tree() { return outcome.nodes.tree(); }
  static constexpr int next(int node) { return next_sibling(tree(), node); }
  static constexpr bool is_model = !tree().empty() && node_at(tree(), 0).word == DecoderLayer::name;
  static constexpr DecoderLayer value = outcome.decoder;
  static constexpr ModelContext model_context{};
};

template <class P, int Node, class L>
struct ValueOfNode {
  static constexpr L value = kind_entries::layer_at<L>(P::tree(), Node);
  static constexpr ModelContext model_context = P::is_model ? P::value.model_context() : ModelContext{};
};

template <class P, int Node>
struct NormsOfNode {
  static constexpr ParallelNorms value = parallel_rules::norms_at(P::tree(), Node);
  static constexpr ModelContext model_context = P::is_model ? P::value.model_context() : ModelContext{};
};

template <class P, int Node, class First, class... Rest>
constexpr auto sub_layer_at(List<First, Rest...>) {
  if constexpr (node_at(P::tree(), Node).word == First::name)
    return sub_layer<ValueOfNode<P, Node, First>>();
  else
    return sub_layer_at<P, Node>(List<Rest...>{});
}

template <class P, class Layers, int Node>
constexpr auto type_at();

/// The types of the parts from Node up to End.
template <class P, class Layers, int End, int Node, class... Done>
constexpr auto children_at(List<Done...>) {
  if constexpr (Node >= End)
    return List<Done...>{};
  else if constexpr (parallel_rules::is_norm(node_at(P::tree(), Node).word))  // of a Parallel, and no part of it
    return children_at<P, Layers, End, P::next(Node)>(List<Done...>{});
  else
    return children_at<P, Layers, End, P::next(Node)>(List<Done..., typename decltype(type_at<P, Layers, Node>())::type>{});
}
template <class P, class Layers, int Node>
using children_of = decltype(children_at<P, Layers, end_of(P::tree(), Node), first_child(Node)>(List<>{}));

template <class P, class Layers, int Node>
constexpr auto type_at() {
  constexpr std::string_view word = node_at(P::tree(), Node).word;
  if constexpr (word == "Block") {
    return Type<into_t<children_of<P, Layers, Node>, Block>>{};
  } else if constexpr (word == "Body") {
    return Type<into_t<children_of<P, Layers, Node>, Body>>{};
  } else if constexpr (word == ParallelNorms::name) {
    using Norms = decltype(shown_options<NormsOfNode<P, Node>>());
    return Type<into_t<concat_t<children_of<P, Layers, Node>, Norms>, Parallel>>{};
  } else if constexpr (word == "Stack") {
    constexpr int count = P::next(first_child(Node));
    using B = typename decltype(type_at<P, Layers, first_child(Node)>())::type;
    return Type<Stack<B, static_cast<int>(node_at(P::tree(), count).number)>>{};
  } else if constexpr (word == DecoderLayer::name) {
    using B = typename decltype(type_at<P, Layers, first_child(Node)>())::type;
    return Type<typename DecoderForm<B, decltype(shown_options<P>())>::type>{};
  } else {
    return sub_layer_at<P, Node>(Layers{});
  }
}

template <Text T, class Layers>
constexpr auto type_of_text() {
  using P = Parsed<T, Layers>;
  constexpr Rule rule = P::outcome.rule;
  if constexpr (rule != Rule::none) {
    constexpr grammar::SourcePosition place = P::outcome.place;
    return Type<typename Refuse<rule, At<place.line, place.column>, P>::type>{};
  } else {
    return type_at<P, Layers, 0>();
  }
}

}  // namespace type_forms

/// The type of a text of at most 2 KiB, in its canonical spelling; a wrong text does not compile, and says the rule and the
/// place. Kinds of your own: type_of<"Block<Shift<>>", List<ShiftLayer>>; the library's kinds are known besides.
template <Text T, class Layers = List<>>
using type_of = typename decltype(type_forms::type_of_text<T, concat_t<BuiltinLayers, Layers>>())::type;

}  // namespace genoform
