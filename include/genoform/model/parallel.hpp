#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "genoform/layers/norm.hpp"
#include "genoform/model/block.hpp"
#include "genoform/model/declaration.hpp"
#include "genoform/ops/dense.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// What a Parallel has besides its parts: the norms around their sum, with the same rows as those of any sub-layer.
struct ParallelNorms : Normed {
  static constexpr std::string_view name = "Parallel";
  template <class... Args>
  using type = Parallel<Args...>;
};

}  // namespace genoform::inner::model

namespace genoform::inner::rules {
GENOFORM_RULE(ParallelEmpty, "the Parallel is empty; it needs at least one part, as in Parallel<Attention<>, Ffn<SqReLU>>");
GENOFORM_RULE(ParallelForm, "this is neither a sub-layer nor a norm; a Parallel holds sub-layers, and Pre, Post and Inner");
GENOFORM_RULE(ParallelInParallel, "a Parallel does not stand in a Parallel; write all parts in one");
GENOFORM_RULE(ParallelPartNorms, "a part of a Parallel has no norms of its own; write them beside the parts");
/// What a Parallel refuses.
using OfParallel = List<ParallelEmpty, ParallelForm, ParallelInParallel, ParallelPartNorms>;
}  // namespace genoform::inner::rules

namespace genoform::inner::model {

namespace parallel_rules {

/// Is this the word of a norm (Pre, Post, Inner)? All other arguments of a Parallel are parts.
constexpr bool is_norm(std::string_view word) {
  bool found = false;
  each_row<ParallelNorms>([&](const auto& row) { found = found || row.takes(word); });
  return found;
}

/// Reads the norms among the arguments of `node`, wherever they stand.
constexpr CheckResult read_norms(Tree tree, int node, ParallelNorms& norms) {
  std::uint64_t seen = 0;
  for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c)) {
    if (!is_norm(node_at(tree, c).word)) continue;
    const CheckResult check_result = part_rules::read_argument(tree, c, norms, seen);
    if (!check_result.fine()) return check_result;
  }
  return part_rules::read_defaults(node, norms, seen);
}

/// The norms of a node that was checked.
constexpr ParallelNorms norms_at(Tree tree, int node) {
  ParallelNorms norms;
  (void)read_norms(tree, node, norms);
  return norms;
}

/// A part has no norms of its own: blames the first that is written in it.
constexpr CheckResult check_part(Tree tree, int part) {
  for (int c = first_child(part); c < end_of(tree, part); c = next_sibling(tree, c))
    if (is_norm(node_at(tree, c).word)) return {rules::ParallelPartNorms{}, c};
  return {};
}

}  // namespace parallel_rules

/// The layers of a Parallel type, and how to go through them together with what belongs to each.
template <class... Layers>
class FixedParts {
 public:
  struct Weights {
    std::tuple<typename Layers::Weights...> of_part;
  };
  struct Saved {
    std::tuple<typename Layers::Saved...> of_part;
  };

  constexpr explicit FixedParts(Layers... layers) : layers_(std::move(layers)...) {}

  /// f(p, layer, weights or saved tensors of part p...).
  constexpr void each(auto&& f, auto&... tensors) const { in_order(std::index_sequence_for<Layers...>{}, f, tensors...); }

  constexpr FixedParts resolved(const ModelContext& model_context) const {
    return std::apply([&](const Layers&... layers) { return FixedParts(inner::resolved(layers, model_context)...); }, layers_);
  }

 private:
  template <std::size_t... I>
  constexpr void in_order(std::index_sequence<I...>, auto&& f, auto&... tensors) const {
    (one<I>(f, tensors...), ...);
  }
  template <std::size_t I>
  constexpr void one(auto&& f, auto&... tensors) const {
    f(static_cast<std::int64_t>(I), std::get<I>(layers_), std::get<I>(tensors.of_part)...);
  }

  std::tuple<Layers...> layers_;
};

/// Layers side by side on the same input, y = f1(x) + f2(x) + ...; x, y: [N, D]. The norms stand around the sum, as around any
/// layer (docs/formats/model.md, section 1.2; PaLM's attention beside feed-forward). Parts: FixedParts of a type, or a genome's.
template <class Parts>
struct ParallelLayer : ParallelNorms {
  using Weights = typename Parts::Weights;
  using Saved = typename Parts::Saved;

  Parts parts;

  constexpr void declare(Weights& w, Declaration& d) const {
    parts.each(
        [&](std::int64_t p, const auto& layer, auto& weights) {
          TensorList* const list = d.list();
          const std::size_t prefix = list != nullptr ? list->prefix.size() : 0;
          if (list != nullptr) list->prefix += std::to_string(p) + ".";
          layer.declare(weights, d);
          if (list != nullptr) list->prefix.resize(prefix);
        },
        w);
  }

  template <class Ops>
  constexpr void forward(Ops& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    parts.each(
        [&](std::int64_t p, const auto& layer, const auto& weights, auto& saved) {
          ops.note_layer(layer);
          sum_up(ops, p, y, [&](Tensor out) { layer.forward(ops, weights, saved, x, out); });
        },
        w, s);
  }

  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    parts.each(
        [&](std::int64_t p, const auto& layer, const auto& weights, const auto& saved) {
          ops.note_layer(layer);
          sum_up(ops, p, dx, [&](Tensor out) { layer.backward(ops, weights, saved, x, dy, out); });
        },
        w, s);
  }

  template <class Ops>
  constexpr void after_step(Ops& ops, const Weights& w) const {
    parts.each(
        [&](std::int64_t, const auto& layer, const auto& weights) {
          if constexpr (requires { layer.after_step(ops, weights); }) layer.after_step(ops, weights);
        },
        w);
  }

 private:
  /// The first part writes the sum itself, the others are added to it. Scratch of one part serves the next.
  template <class Ops>
  static constexpr void sum_up(Ops& ops, std::int64_t p, Tensor sum, auto&& run) {
    const auto mark = ops.arena().mark();
    const Tensor out = p == 0 ? sum : ops.scratch(sum.rows, sum.columns);
    run(out);
    if (p > 0) ops(op::Add{.x = out, .y = sum});
    ops.arena().release_scratch(mark);
  }
};

template <class... Layers>
constexpr auto resolved(const ParallelLayer<FixedParts<Layers...>>& layer, const ModelContext& model_context) {
  return ParallelLayer<FixedParts<Layers...>>{layer, layer.parts.resolved(model_context)};
}

namespace parallel_rules {

template <class T>
constexpr bool is_norm_type() {
  if constexpr (Spelled<T>)
    return is_norm(tree_of<T>()[0].word);
  else
    return false;
}
template <class... Args>
constexpr bool any_norm(List<Args...>) {
  return (is_norm_type<Args>() || ...);
}
template <class P>
constexpr bool has_norms() {
  if constexpr (requires { typename P::arguments; })
    return any_norm(typename P::arguments{});
  else
    return false;
}

/// What is wrong with one argument.
template <class A>
constexpr Rule rule_of_argument() {
  if constexpr (block_rules::is_a_parallel<A>)
    return rules::ParallelInParallel{};
  else if constexpr (block_rules::TypedPart<A> || block_rules::BareLayer<A>)
    return has_norms<A>() ? rules::ParallelPartNorms{} : Rule::none;
  else if constexpr (is_norm_type<A>())
    return Rule::none;
  else
    return rules::ParallelForm{};
}

template <class A>
constexpr auto part_list() {
  if constexpr (rule_of_argument<A>() == Rule::none && !is_norm_type<A>())
    return List<part_of<A>>{};
  else
    return List<>{};
}
template <class A>
constexpr auto norm_list() {
  if constexpr (is_norm_type<A>())
    return List<A>{};
  else
    return List<>{};
}

/// The first wrong argument.
template <class... Args>
struct ReadParts {
  static constexpr part_rules::Reading<ParallelNorms> reading = [] {
    part_rules::Reading<ParallelNorms> r;
    int argument = 0;
    const auto look = [&](Rule rule) {
      if (r.check_result.fine() && !(rule == Rule::none)) r.check_result.rule = rule, r.argument = argument;
      ++argument;
    };
    (look(rule_of_argument<Args>()), ...);
    const bool empty = concat_t<List<>, decltype(part_list<Args>())...>::size == 0;
    if (r.check_result.fine() && empty) r.check_result.rule = rules::ParallelEmpty{};
    return r;
  }();
};

template <class Norms>
struct ReadNorms;
template <class... Norms>
struct ReadNorms<List<Norms...>> {
  static constexpr part_rules::Reading<ParallelNorms> reading = [] {
    NodeArray<1 + (Spelling<Norms>::count + ... + 0)> nodes;
    const int self = nodes.open(ParallelNorms::name);
    (inner::spell<Norms>(nodes), ...);
    nodes.close(self);
    part_rules::Reading<ParallelNorms> r;
    r.check_result = read_norms(nodes.tree(), 0, r.layer);
    r.argument = r.check_result.fine() ? -1 : child_index(nodes.tree(), 0, r.check_result.node);
    return r;
  }();
};
template <class Whole, class... Norms>
constexpr auto refusals_of_norms(List<Norms...>) {
  return part_rules::refusals_of_options<ReadNorms<List<Norms...>>, ParallelNorms, Whole, Norms...>();
}
template <class Whole, class... Args>
constexpr auto refusals_of_arguments() {
  using allowed = typename decltype(table_of<ParallelNorms>())::allowed;
  return part_rules::refusals<ReadParts<Args...>, rules::OfParallel, Whole, allowed, Args...>();
}

template <class... Ps>
constexpr auto layer_of(const ParallelNorms& norms, List<Ps...>) {
  using Parts = FixedParts<typename Ps::layer_type...>;
  return ParallelLayer<Parts>{norms, Parts(Ps::value...)};
}

}  // namespace parallel_rules

/// Sub-layers side by side: `Parallel<Attn, Ffn<SqReLU>>`. Norms (Pre, Post, Inner) stand beside the parts, in any place.
template <class... Args>
struct Parallel {
  using parts = concat_t<List<>, decltype(parallel_rules::part_list<Args>())...>;

 private:
  using norm_types = concat_t<List<>, decltype(parallel_rules::norm_list<Args>())...>;
  using of_arguments = decltype(parallel_rules::refusals_of_arguments<Parallel, Args...>());
  using of_norms = decltype(parallel_rules::refusals_of_norms<Parallel>(norm_types{}));
  using checked = typename part_rules::first_refusal<concat_t<of_arguments, of_norms>>::type;

 public:
  static constexpr ParallelNorms norms = parallel_rules::ReadNorms<norm_types>::reading.layer;
  /// The layers with their options; what depends on the width is open until resolved(value, model_context).
  static constexpr auto value = parallel_rules::layer_of(norms, parts{});
  using layer_type = std::remove_const_t<decltype(value)>;
};

}  // namespace genoform::inner::model

namespace genoform {
using inner::model::Parallel;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
