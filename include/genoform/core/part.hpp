#pragma once
#include <utility>

#include "genoform/core/options.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

// Every sub-layer has norms around it: x <- post(x + inner(f(pre(x)))). A layer struct that wants them derives from Normed
// (layers/norm.hpp); its table then ends with the rows of Normed.
namespace part_rules {

template <class L>
concept HasOptions = requires {
  L::options();
};
template <class L>
concept HasWrapper = requires {
  L::wrapper_options();
};
template <class L>
concept HasRules = requires(const L& layer, const ModelContext& model_context) {
  layer.violation(model_context);
};
template <class L>
concept HasTemplate = requires {
  typename L::template type<>;
};

}  // namespace part_rules

/// The table of a layer: its own rows, then those of what wraps it.
template <class L>
constexpr auto table_of() {
  if constexpr (part_rules::HasOptions<L> && part_rules::HasWrapper<L>)
    return L::options() + L::wrapper_options();
  else if constexpr (part_rules::HasOptions<L>)
    return L::options();
  else if constexpr (part_rules::HasWrapper<L>)
    return L::wrapper_options();
  else
    return Table<>{};
}

template <class L>
constexpr void each_row(auto visit) {
  table_of<L>().each(visit);
}

namespace part_rules {

/// Sets what is still open and can be known.
template <class Row, class L>
constexpr void settle(const Row& row, L& layer, const ModelContext& model_context) {
  if (row.is_open(layer.*Row::member)) layer.*Row::member = row.otherwise(layer, model_context);
}

constexpr CheckResult unknown(Tree tree, int node) {
  if (node_at(tree, node).shape == Node::Shape::number) return {rules::StrayNumber{}, node};
  if (node_at(tree, node).shape == Node::Shape::string) return {rules::StringHere{}, node};
  return {rules::UnknownOption{}, node};
}

/// Reads one argument into the layer. `seen`: the rows given so far, one bit each.
template <class L>
constexpr CheckResult read_argument(Tree tree, int node, L& layer, std::uint64_t& seen) {
  CheckResult check_result = unknown(tree, node);
  if (check_result.rule != rules::UnknownOption{}) return check_result;
  std::uint64_t bit = 1;
  bool found = false;
  each_row<L>([&](const auto& row) {
    if (!found && row.takes(node_at(tree, node).word)) {
      found = true;
      check_result = (seen & bit) != 0 ? CheckResult{rules::GivenTwice{}, node} : row.read(tree, node, layer);
      seen |= bit;
    }
    bit <<= 1;
  });
  return check_result;
}

/// Gives the rows that were not written their defaults; a row without a default is an error at the part.
template <class L>
constexpr CheckResult read_defaults(int node, L& layer, std::uint64_t seen) {
  CheckResult check_result;
  std::uint64_t bit = 1;
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if ((seen & bit) == 0) {
      if constexpr (requires { typename Row::missing; }) check_result = {typename Row::missing{}, node};
      layer.*Row::member = row.otherwise(layer, ModelContext{});
    }
    bit <<= 1;
  });
  return check_result;
}

/// Reads the arguments from `begin` up to the end of `node` by the table of L.
template <class L>
constexpr CheckResult read_arguments(Tree tree, int node, int begin, L& layer) {
  std::uint64_t seen = 0;
  for (int c = begin; c < end_of(tree, node); c = next_sibling(tree, c)) {
    const CheckResult check_result = read_argument(tree, c, layer, seen);
    if (!check_result.fine()) return check_result;
  }
  return read_defaults(node, layer, seen);
}

}  // namespace part_rules

/// Fills `layer` from the arguments of `node`. What depends on the width stays open (0).
template <class L>
constexpr CheckResult read(Tree tree, int node, L& layer) {
  if (node_at(tree, node).brackets != part_rules::HasTemplate<L>)
    return {part_rules::HasTemplate<L> ? Rule(rules::NeedsBrackets{}) : Rule(rules::NoArguments{}), node};
  return part_rules::read_arguments(tree, node, first_child(node), layer);
}

/// The layer with every open size filled in from the model around it. Needs a width to fill them all.
template <class L>
constexpr L resolved(L layer, const ModelContext& model_context) {
  each_row<L>([&](const auto& row) { part_rules::settle(row, layer, model_context); });
  return layer;
}

/// Checks the rules between options, and between options and the model, of a layer that was read from `node`.
template <class L>
constexpr CheckResult check_rules(Tree tree, int node, const L& layer, const ModelContext& model_context) {
  if constexpr (part_rules::HasRules<L>) {
    const Violation violation = resolved(layer, model_context).violation(model_context);
    if (violation.fine()) return {};
    for (const std::string_view word : violation.words)
      for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c))
        if (!word.empty() && node_at(tree, c).word == word) return {violation.rule, c};
    return {violation.rule, node};
  } else {
    return {};
  }
}

/// Reads and checks one sub-layer.
template <class L>
constexpr CheckResult check(Tree tree, int node, const ModelContext& model_context) {
  L layer{};
  const CheckResult check_result = read(tree, node, layer);
  return check_result.fine() ? check_rules(tree, node, layer, model_context) : check_result;
}

/// The options that the canonical text shows: bit i is row i of the table.
template <class L>
constexpr std::uint64_t shown_rows(L layer, const ModelContext& model_context) {
  std::uint64_t shown = 0, bit = 1;
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    const auto& value = layer.*Row::member;
    if (!row.is_open(value) && (row.show != Show::changed || value != row.otherwise(layer, model_context))) shown |= bit;
    part_rules::settle(row, layer, model_context);
    bit <<= 1;
  });
  return shown;
}

/// Writes the options that the canonical text shows, in the order of the table.
template <class L>
constexpr void print_options(const L& layer, const ModelContext& model_context, auto& out) {
  std::uint64_t shown = shown_rows(layer, model_context);
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if ((shown & 1) != 0) row.print(layer.*Row::member, out);
    shown >>= 1;
  });
}

/// Writes a layer in its canonical form.
template <class L>
constexpr void print(const L& layer, const ModelContext& model_context, auto& out) {
  if constexpr (part_rules::HasTemplate<L>) {
    const int node = out.open(L::name);
    print_options(layer, model_context, out);
    out.close(node);
  } else {
    out.leaf(L::name);
  }
}

}  // namespace genoform::inner::core

namespace genoform::inner::rules {
GENOFORM_RULE(NotListed,
              "a choice refused this by a rule that is missing in its list `refuses`, so its sentence cannot be shown");
}  // namespace genoform::inner::rules

namespace genoform::inner::core {

namespace part_rules {

template <class T>
constexpr auto refused_by() {
  if constexpr (requires { typename T::refuses; })
    return typename T::refuses{};
  else
    return List<>{};
}
template <class... Rows>
constexpr auto rules_of_rows(const Table<Rows...>&) {
  return concat_t<List<>, decltype(refused_by<Rows>())...>{};
}
template <class L>
constexpr auto rules_of_violation() {
  if constexpr (HasRules<L>)
    return typename decltype(std::declval<const L&>().violation(ModelContext{}))::refuses{};
  else
    return List<>{};
}

}  // namespace part_rules

/// The rules that options of a layer can break: those of any table, of its rows, and of its violation().
template <class L>
using rules_of =
    concat_t<rules::OfOptions, decltype(part_rules::rules_of_rows(table_of<L>())), decltype(part_rules::rules_of_violation<L>())>;

namespace part_rules {

// A refusal is a type that does not compile. It is only named here; who asked for it makes it, by `typename first_refusal<...>::
// type`, so that a compiler has little to say before the sentence.

template <class Refusals>
struct FirstOf {
  using type = Type<void>;
};
template <class Refusal, class... Rest>
struct FirstOf<List<Refusal, Rest...>> {
  using type = Refusal;
};
/// The first of a list of refusals, or a type that compiles.
template <class Refusals>
using first_refusal = typename FirstOf<Refusals>::type;

template <int Argument, class Whole, class... Args>
constexpr auto culprit() {
  if constexpr (Argument >= 0)
    return Type<nth_t<Argument, Args...>>{};
  else
    return Type<Whole>{};
}

/// What was read from a type: the layer, the result, and the position (from 0) of the argument to blame, -1: the whole.
template <class L>
struct Reading {
  L layer{};
  CheckResult check_result{};
  int argument = -1;
};

/// The refusals, none or one, of what Read::reading says. They name the part, the argument to blame and what the part takes.
template <class Read, class Rules, class Whole, class Allowed, class... Args>
constexpr auto refusals() {
  if constexpr (Read::reading.check_result.fine()) {
    return List<>{};
  } else {
    using Culprit = typename decltype(culprit<Read::reading.argument, Whole, Args...>())::type;
    using Tag = nth_of_t<find_rule(Read::reading.check_result.rule, Rules{}), concat_t<Rules, List<rules::NotListed>>>;
    return List<typename Tag::template Refused<Whole, Culprit, Allowed>>{};
  }
}
/// The same for the options of a layer struct.
template <class Read, class L, class Whole, class... Args>
constexpr auto refusals_of_options() {
  if constexpr (Read::reading.check_result.fine())
    return List<>{};
  else
    return refusals<Read, rules_of<L>, Whole, typename decltype(table_of<L>())::allowed, Args...>();
}

/// The arguments of a sub-layer type, read and checked.
template <class L, class... Args>
struct ReadPart {
  static constexpr Reading<L> reading = [] {
    NodeArray<1 + (Spelling<Args>::count + ... + 0)> nodes;
    const int self = nodes.open(L::name);
    (inner::spell<Args>(nodes), ...);
    nodes.close(self);
    Reading<L> r;
    r.check_result = read(nodes.tree(), 0, r.layer);
    if (r.check_result.fine()) r.check_result = check_rules(nodes.tree(), 0, r.layer, ModelContext{});
    r.argument = r.check_result.fine() ? -1 : child_index(nodes.tree(), 0, r.check_result.node);
    return r;
  }();
};

}  // namespace part_rules

/// A sub-layer as a type: the layer struct L with the options Args, in any order. `Ffn<SqReLU>` derives from Part<FfnLayer,
/// SqReLU>.
template <class L, class... Args>
struct Part {
  using layer_type = L;
  using arguments = List<Args...>;

  static constexpr void spell(auto& out) {
    const int node = out.open(L::name);
    (inner::spell<Args>(out), ...);
    out.close(node);
  }

 private:
  using read = part_rules::ReadPart<L, Args...>;
  using refusals = decltype(part_rules::refusals_of_options<read, L, typename L::template type<Args...>, Args...>());
  using checked = typename part_rules::first_refusal<refusals>::type;

 public:
  /// The values of the options; what depends on the width is open until resolved(value, model_context).
  static constexpr L value = read::reading.layer;
};

}  // namespace genoform::inner::core

namespace genoform::extend {
using inner::core::Part;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
