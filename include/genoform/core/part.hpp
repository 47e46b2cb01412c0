#pragma once
#include "genoform/core/options.hpp"

namespace genoform {

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
  if (node_at(tree, node).shape == Node::Shape::number) return {Rule::stray_number, node};
  if (node_at(tree, node).shape == Node::Shape::string) return {Rule::string_here, node};
  return {Rule::unknown_option, node};
}

/// Reads one argument into the layer. `seen`: the rows given so far, one bit each.
template <class L>
constexpr CheckResult read_argument(Tree tree, int node, L& layer, std::uint64_t& seen) {
  CheckResult check_result = unknown(tree, node);
  if (check_result.rule != Rule::unknown_option) return check_result;
  std::uint64_t bit = 1;
  bool found = false;
  each_row<L>([&](const auto& row) {
    if (!found && row.takes(node_at(tree, node).word)) {
      found = true;
      check_result = (seen & bit) != 0 ? CheckResult{Rule::given_twice, node} : row.read(tree, node, layer);
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
      if (row.show == Show::must_be_given) check_result = {Rule::router_missing, node};
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
    return {part_rules::HasTemplate<L> ? Rule::needs_brackets : Rule::no_arguments, node};
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
    if (violation.rule == Rule::none) return {};
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

namespace part_rules {

// Refusals are types that are named, not conditions of a static_assert, so that each mistake is one error.

template <int SourcePosition, class Whole, class... Args>
constexpr auto culprit() {
  if constexpr (SourcePosition >= 0)
    return Type<nth_t<SourcePosition, Args...>>{};
  else
    return Type<Whole>{};
}

/// Fails to compile with the sentence of the check_result, naming the part, the option to blame and the options that there are.
template <Rule rule, int SourcePosition, class L, class Whole, class... Args>
constexpr auto refuse_unless_fine() {
  if constexpr (rule == Rule::none) {
    return Type<Whole>{};
  } else {
    using Culprit = typename decltype(culprit<SourcePosition, Whole, Args...>())::type;
    return Type<typename Refuse<rule, Whole, Culprit, typename decltype(table_of<L>())::allowed>::type>{};
  }
}

}  // namespace part_rules

/// A sub-layer as a type: the layer struct L with the options Args, in any order. `Ffn<SqReLU>` derives from Part<FfnLayer,
/// SqReLU>.
template <class L, class... Args>
struct Part {
  using layer_type = L;
  using arguments = List<Args...>;

  static constexpr void spell(auto& out) {
    const int node = out.open(L::name);
    (genoform::spell<Args>(out), ...);
    out.close(node);
  }

 private:
  struct Reading {
    L layer{};
    CheckResult check_result{};
    int place = -1;
  };
  static constexpr Reading reading = [] {
    NodeArray<1 + (Spelling<Args>::count + ... + 0)> nodes;
    spell(nodes);
    Reading r;
    r.check_result = read(nodes.tree(), 0, r.layer);
    if (r.check_result.fine()) r.check_result = check_rules(nodes.tree(), 0, r.layer, ModelContext{});
    r.place = r.check_result.fine() ? -1 : child_index(nodes.tree(), 0, r.check_result.node);
    return r;
  }();
  using checked = decltype(part_rules::refuse_unless_fine<reading.check_result.rule, reading.place, L, Part, Args...>());

 public:
  /// The values of the options; what depends on the width is open until resolved(value, around).
  static constexpr L value = reading.layer;
};

}  // namespace genoform
