#pragma once
#include <string_view>
#include <type_traits>
#include <utility>

#include "genoform/genome/allowed_words.hpp"
#include "genoform/genome/canonical.hpp"
#include "genoform/genome/check.hpp"
#include "genoform/genome/parse.hpp"
#include "genoform/genome/suggest.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::genome {

namespace type_forms {

// What the compile errors of type_of show: where the text is wrong, line and character from 1, the word that stands there, and
// the one that was most likely meant. Letters one by one, since that is how every compiler prints them.
template <int Line, int Column>
struct At {};
template <char... Letters>
struct Found {};
template <char... Letters>
struct DidYouMean {};

/// A text parsed and checked in constant expressions.
template <Text T, class Layers>
struct Parsed {
  struct Outcome {
    grammar::FixedNodes<T.view().size()> nodes{};
    CheckResult check_result{};
    bool is_tree = false;  ///< is the form right?
    grammar::SourcePosition position{};
    DecoderLayer decoder{};
  };
  static constexpr Outcome outcome = [] {
    Outcome o;
    const grammar::SyntaxError error = grammar::Parser(T.view(), o.nodes).parse();
    std::size_t at = error.at;
    o.check_result.rule = error.rule;
    o.is_tree = error.none();
    if (o.is_tree) {
      grammar::Checker checker(o.nodes.tree(), kinds_of<Layers>());
      o.check_result = checker.check();
      o.decoder = checker.decoder();
      at = static_cast<std::size_t>(node_at(o.nodes.tree(), o.check_result.node).at);
    }
    if (!o.check_result.fine()) o.position = grammar::index_of(T.view(), at);
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
  if constexpr (kind_entries::is_of<First>(P::tree(), Node))
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

/// The word where a text is wrong.
template <class P>
constexpr std::string_view found_word() {
  return P::outcome.is_tree ? node_at(P::tree(), P::outcome.check_result.node).word : std::string_view{};
}
/// The word that it most likely means there; empty where none is near.
template <class P, class Layers>
constexpr std::string_view nearest_word() {
  struct Words final : WordList {
    grammar::Nearest nearest;
    constexpr explicit Words(std::string_view word) : nearest(word) {}
    constexpr void add(std::string_view word) override { nearest.add(word); }
    constexpr void add_unlisted(std::string_view word) override { nearest.add(word); }
  };
  Words words(found_word<P>());
  if (P::outcome.is_tree) grammar::each_allowed_word(P::tree(), kinds_of<Layers>(), P::outcome.check_result, words);
  return words.nearest.best();
}
template <template <char...> class Letters, std::string_view (*word)()>
constexpr auto letters() {
  return []<std::size_t... I>(std::index_sequence<I...>) { return Type<Letters<word()[I]...>>{}; }
  (std::make_index_sequence<word().size()>{});
}

template <class... Layers>
using rules_of_texts = concat_t<rules::OfTexts, rules::OfModels, rules::OfParallel, List<rules::TooManyParameters>,
                                rules_of<DecoderLayer>, rules_of<ParallelNorms>, rules_of<Layers>...>;

template <Text T, class Layers>
constexpr auto type_of_text() {
  using P = Parsed<T, Layers>;
  if constexpr (P::outcome.check_result.fine()) {
    return Type<decltype(type_at<P, Layers, 0>())>{};
  } else {
    constexpr grammar::SourcePosition position = P::outcome.position;
    using Rules = into_t<Layers, rules_of_texts>;
    using Tag = nth_of_t<find_rule(P::outcome.check_result.rule, Rules{}), concat_t<Rules, List<rules::NotListed>>>;
    using Word = typename decltype(letters<Found, found_word<P>>())::type;
    using Meant = typename decltype(letters<DidYouMean, nearest_word<P, Layers>>())::type;
    return Type<typename Tag::template Refused<At<position.line, position.column>, Word, Meant>>{};
  }
}

}  // namespace type_forms

/// The type of a text of at most 2 KiB, in its canonical spelling; a wrong text does not compile, and says the rule and the
/// place. Kinds of your own: type_of<"Block<Shift<>>", List<ShiftLayer>>; the library's kinds are known besides.
template <Text T, class Layers = List<>>
using type_of = typename decltype(type_forms::type_of_text<T, concat_t<BuiltinLayers, Layers>>())::type::type;

}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::type_of;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
