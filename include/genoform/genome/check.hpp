#pragma once
#include <cstdint>
#include <span>

#include "genoform/genome/kind.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::rules {

GENOFORM_RULE(TooManySubLayers, "the model has too many sub-layers; allowed are 10000");
/// What a text refuses as a whole, besides the rules of its kinds.
using OfModels = List<UnknownKind, BlockEmpty, StackForm, BodyForm, DecoderForm, SharedBiasHeads, NotAPart, TooManySubLayers>;

}  // namespace genoform::inner::rules

namespace genoform::inner::genome::grammar {

inline constexpr std::int64_t max_sub_layers = 10000;

/// Checks the meaning of a parsed text, a whole model or a part: words, options, sizes. One rule and one node come back.
class Checker {
 public:
  constexpr Checker(Tree tree, std::span<const Kind> kinds) : tree_(tree), kinds_(kinds) {}

  constexpr CheckResult check() {
    const std::string_view word = node_at(tree_, 0).word;
    if (node_at(tree_, 0).shape != Node::Shape::word) return {rules::NotAPart{}, 0};
    if (word == "Decoder") return model();
    if (word == "Body") return body(0);
    if (word == "Stack") return stack(0);
    if (word == "Block") return block(0, 1, 0);
    if (word != ParallelNorms::name && find_kind(kinds_, word) == kinds_.size()) return {rules::NotAPart{}, 0};
    return sub_layer(0);
  }
  constexpr const DecoderLayer& decoder() const { return layer_; }

 private:
  constexpr CheckResult model() {
    const int body_node = first_child(0);
    if (!node_at(tree_, 0).brackets) return {rules::NeedsBrackets{}, 0};
    if (count_children(tree_, 0) == 0) return {rules::DecoderForm{}, 0};
    const int options = next_sibling(tree_, body_node);
    CheckResult own = part_rules::read_arguments(tree_, 0, options, layer_);
    if (own.fine()) own = check_rules(tree_, 0, layer_, ModelContext{});
    model_context_ = own.fine() ? layer_.model_context() : ModelContext{.whole = true};
    const CheckResult inner = body_of_decoder(body_node);
    if (!inner.fine() || !own.fine()) return inner.fine() ? own : inner;
    return shares_bias() && heads_.heads == 0 ? CheckResult{rules::SharedBiasHeads{}, positions_node()} : CheckResult{};
  }
  /// Are the heads of attention layers to be compared? They are known when the width is.
  constexpr bool shares_bias() const { return layer_.shares_bias() && model_context_.width > 0; }
  constexpr int positions_node() const {
    for (int c = first_child(0); c < end_of(tree_, 0); c = next_sibling(tree_, c))
      if (node_at(tree_, c).word == "Positions") return c;
    return 0;
  }

  constexpr CheckResult body_of_decoder(int node) {
    const std::string_view word = node_at(tree_, node).word;
    if (word == "Body") return body(node);
    if (word == "Stack") return stack(node);
    if (word == "Block") return block(node, 1, node);
    return {rules::DecoderForm{}, node};
  }

  constexpr CheckResult body(int node) {
    if (!node_at(tree_, node).brackets) return {rules::NeedsBrackets{}, node};
    if (count_children(tree_, node) == 0) return {rules::BodyForm{}, node};
    for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c)) {
      if (node_at(tree_, c).word != "Stack") return {rules::BodyForm{}, c};
      if (const CheckResult check_result = stack(c); !check_result.fine()) return check_result;
    }
    return {};
  }

  constexpr CheckResult stack(int node) {
    const int block_node = first_child(node);
    if (!node_at(tree_, node).brackets) return {rules::NeedsBrackets{}, node};
    const int children = count_children(tree_, node);
    if (children == 0) return {rules::StackForm{}, node};
    if (node_at(tree_, block_node).word != "Block") return {rules::StackForm{}, block_node};
    if (children == 1) return {rules::StackForm{}, node};
    const int count = next_sibling(tree_, block_node);
    if (node_at(tree_, count).shape != Node::Shape::number) return {rules::StackForm{}, count};
    if (children > 2) return {rules::StackForm{}, next_sibling(tree_, count)};
    if (node_at(tree_, count).number < 1) return {rules::OutOfRange{}, count, 1, max_number};
    return block(block_node, node_at(tree_, count).number, count);
  }

  /// A block that stands `times` times; `counter` is the node to blame when that is too often.
  constexpr CheckResult block(int node, std::int64_t times, int counter) {
    if (!node_at(tree_, node).brackets) return {rules::NeedsBrackets{}, node};
    if (count_children(tree_, node) == 0) return {rules::BlockEmpty{}, node};
    std::int64_t layers = 0;
    for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c)) {
      if (const CheckResult check_result = sub_layer(c); !check_result.fine()) return check_result;
      layers += layers_of(c);
    }
    sub_layers_ += layers * times;
    if (sub_layers_ > max_sub_layers) return {rules::TooManySubLayers{}, counter};
    return {};
  }

  constexpr CheckResult sub_layer(int node) {
    if (node_at(tree_, node).word == ParallelNorms::name) return parallel(node);
    return layer(node, rules::UnknownKind{});
  }

  /// One layer of a kind; `otherwise` is the rule that any other word breaks.
  constexpr CheckResult layer(int node, Rule otherwise) {
    const Node& part = node_at(tree_, node);
    if (part.shape == Node::Shape::number) return {rules::StrayNumber{}, node};
    if (part.shape == Node::Shape::string) return {rules::StringHere{}, node};
    const std::size_t kind = find_kind(kinds_, tree_, node);
    if (kind == kinds_.size()) return {otherwise, node};
    const CheckResult check_result = kinds_[kind].check(tree_, node, model_context_);
    if (selects_another(node, kind, check_result)) return {rules::GivenTwice{}, check_result.node};
    if (check_result.fine() && shares_bias()) {
      heads_.add(kinds_[kind].heads(tree_, node, model_context_));
      if (heads_.place >= 0) return {rules::SharedBiasHeads{}, heads_node(node)};
    }
    return check_result;
  }
  /// Is the word that the kind does not know one that selects another kind of the same name, as a second router does?
  constexpr bool selects_another(int node, std::size_t kind, const CheckResult& check_result) const {
    if (!(check_result.rule == rules::UnknownOption{})) return false;
    for (std::size_t i = 0; i < kinds_.size(); ++i)
      if (i != kind && kinds_[i].name == kinds_[kind].name && kinds_[i].selector(tree_, node) == check_result.node) return true;
    return false;
  }
  /// Where the heads of a sub-layer are written, or the sub-layer.
  constexpr int heads_node(int node) const {
    for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c))
      if (node_at(tree_, c).word == "Heads") return c;
    return node;
  }

  constexpr CheckResult parallel(int node) {
    if (!node_at(tree_, node).brackets) return {rules::NeedsBrackets{}, node};
    bool empty = true;
    for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c)) {
      const std::string_view word = node_at(tree_, c).word;
      if (parallel_rules::is_norm(word)) continue;
      if (word == ParallelNorms::name) return {rules::ParallelInParallel{}, c};
      CheckResult check_result = layer(c, rules::ParallelForm{});
      if (check_result.fine()) check_result = parallel_rules::check_part(tree_, c);
      if (!check_result.fine()) return check_result;
      empty = false;
    }
    if (empty) return {rules::ParallelEmpty{}, node};
    ParallelNorms norms;
    return parallel_rules::read_norms(tree_, node, norms);
  }

  /// What a sub-layer counts towards the limit: a Parallel as many as it has parts.
  constexpr std::int64_t layers_of(int node) const {
    if (node_at(tree_, node).word != ParallelNorms::name) return 1;
    std::int64_t parts = 0;
    for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c))
      if (!parallel_rules::is_norm(node_at(tree_, c).word)) ++parts;
    return parts;
  }

  Tree tree_;
  std::span<const Kind> kinds_;
  DecoderLayer layer_{};
  ModelContext model_context_{};
  block_rules::JoinedHeads heads_{};
  std::int64_t sub_layers_ = 0;
};

}  // namespace genoform::inner::genome::grammar

#include "genoform/core/restore_macros.hpp"
