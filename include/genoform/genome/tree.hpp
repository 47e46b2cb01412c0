#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/genome/kind.hpp"
#include "genoform/genome/sub_layer.hpp"
#include "genoform/model/own_tensors.hpp"

namespace genoform::inner::genome {

/// `count` times the same block of sub-layers, each time with weights of its own.
struct GenomeStack {
  std::int64_t count = 1;
  std::vector<SubLayer> sub_layers;
  friend bool operator==(const GenomeStack&, const GenomeStack&) = default;
};

/// A model as values, to be read, built and edited; Genome::from_tree() checks it, and prints it.
///
///   GenomeTree tree = genome.tree();
///   tree.options.width = 256;
///   tree.stacks[0].count = 6;
///   tree.stacks[0].sub_layers[1].get<FfnLayer>().activation = {ActivationKind::gelu};
///   tree.stacks[0].sub_layers.push_back(SubLayer::parallel({AttentionLayer{}, FfnLayer{}}));
///   Result<Genome> edited = Genome::from_tree(tree);
///
/// Options stand as they were written: a size that was not is 0 and follows the width (SubLayer::resolved() gives its value).
struct GenomeTree {
  /// What the text starts with. A part has no options; a stack, a block and a sub-layer are the first of `stacks`.
  enum class Form : std::uint8_t { model, body, stack, block, sub_layer };

  Form form = Form::model;
  DecoderLayer options{};  ///< of a model: sizes (0: given at run time), positions, norm and output
  std::vector<GenomeStack> stacks;

  /// What the sub-layers see of the model around them.
  ModelContext model_context() const { return form == Form::model ? options.model_context() : ModelContext{}; }
  /// Are there as many stacks and sub-layers as the form has?
  bool fits_form() const {
    if (form == Form::model || form == Form::body) return true;
    if (stacks.size() != 1) return false;
    if (form == Form::stack) return true;
    return stacks[0].count == 1 && (form == Form::block || stacks[0].sub_layers.size() == 1);
  }
  /// The same with every size filled in that the model decides: equal for all spellings of one model.
  GenomeTree resolved() const {
    GenomeTree whole = *this;
    for (GenomeStack& stack : whole.stacks)
      for (SubLayer& sub_layer : stack.sub_layers) sub_layer = sub_layer.resolved(model_context());
    return whole;
  }
  friend bool operator==(const GenomeTree&, const GenomeTree&) = default;
};

namespace genome_trees {

inline void spell_block(const GenomeStack& stack, const ModelContext& model_context, NodeList& out) {
  const int node = out.open("Block");
  for (const SubLayer& sub_layer : stack.sub_layers) sub_layer.spell(model_context, out);
  out.close(node);
}
inline void spell_stack(const GenomeStack& stack, const ModelContext& model_context, NodeList& out) {
  const int node = out.open("Stack");
  spell_block(stack, model_context, out);
  out.number(stack.count);
  out.close(node);
}
inline void spell_body(const GenomeTree& tree, const ModelContext& model_context, NodeList& out) {
  const int node = out.open("Body");
  for (const GenomeStack& stack : tree.stacks) spell_stack(stack, model_context, out);
  out.close(node);
}
inline void spell_model(const GenomeTree& tree, NodeList& out) {
  const int node = out.open(DecoderLayer::name);
  if (tree.stacks.size() == 1)
    spell_stack(tree.stacks[0], tree.model_context(), out);
  else
    spell_body(tree, tree.model_context(), out);
  print_options(tree.options, ModelContext{}, out);
  out.close(node);
}

/// Makes the values of nodes that were checked.
class Reader {
 public:
  Reader(Tree nodes, std::span<const Kind> kinds) : nodes_(nodes), kinds_(kinds) {}

  GenomeTree read(const DecoderLayer& options) const {
    const std::string_view word = node_at(nodes_, 0).word;
    using Form = GenomeTree::Form;
    GenomeTree tree{.form = word == DecoderLayer::name ? Form::model
                            : word == "Body"           ? Form::body
                            : word == "Stack"          ? Form::stack
                            : word == "Block"          ? Form::block
                                                       : Form::sub_layer,
                    .options = options,
                    .stacks = {}};
    add_stacks(tree, tree.form == Form::model ? first_child(0) : 0);
    return tree;
  }

 private:
  void add_stacks(GenomeTree& tree, int node) const {
    if (node_at(nodes_, node).word != "Body") return tree.stacks.push_back(stack(node));
    for (int c = first_child(node); c < end_of(nodes_, node); c = next_sibling(nodes_, c)) tree.stacks.push_back(stack(c));
  }
  GenomeStack stack(int node) const {
    GenomeStack stack;
    if (node_at(nodes_, node).word == "Stack") {
      node = first_child(node);
      stack.count = node_at(nodes_, next_sibling(nodes_, node)).number;
    }
    stack.sub_layers.reserve(static_cast<std::size_t>(count_children(nodes_, node)) + 1);
    if (node_at(nodes_, node).word == "Block")
      for (int c = first_child(node); c < end_of(nodes_, node); c = next_sibling(nodes_, c))
        stack.sub_layers.push_back(sub_layer(c));
    else
      stack.sub_layers.push_back(sub_layer(node));
    return stack;
  }
  SubLayer sub_layer(int node) const {
    const std::string_view word = node_at(nodes_, node).word;
    if (word != ParallelNorms::name) return {*kinds_[find_kind(kinds_, nodes_, node)].values, nodes_, node};
    SubLayer whole(sub_layer_kind<ParallelNorms>, nodes_, node);
    for (int c = first_child(node); c < end_of(nodes_, node); c = next_sibling(nodes_, c))
      if (!parallel_rules::is_norm(node_at(nodes_, c).word)) whole.parts.push_back(sub_layer(c));
    return whole;
  }

  Tree nodes_;
  std::span<const Kind> kinds_;
};

}  // namespace genome_trees

/// The nodes of a tree that fits its form, in the canonical form of its text.
inline NodeList spelled(const GenomeTree& tree) {
  NodeList out;
  switch (tree.form) {
    case GenomeTree::Form::model: genome_trees::spell_model(tree, out); break;
    case GenomeTree::Form::body: genome_trees::spell_body(tree, ModelContext{}, out); break;
    case GenomeTree::Form::stack: genome_trees::spell_stack(tree.stacks[0], ModelContext{}, out); break;
    case GenomeTree::Form::block: genome_trees::spell_block(tree.stacks[0], ModelContext{}, out); break;
    case GenomeTree::Form::sub_layer: tree.stacks[0].sub_layers[0].spell(ModelContext{}, out); break;
  }
  return out;
}

namespace genome_trees {

/// Heads of all attention layers, joined as Declaration does.
inline std::int64_t heads(const GenomeTree& tree) {
  block_rules::JoinedHeads joined;
  for (const GenomeStack& stack : tree.stacks)
    for (const SubLayer& sub_layer : stack.sub_layers) sub_layer.add_heads(joined, tree.model_context());
  return joined.heads;
}
/// Trainable parameters at a known width, otherwise 0; a double, since a tree may ask for more than 64 bits hold.
inline double parameters(const GenomeTree& tree) {
  const ModelContext model_context = tree.model_context();
  if (model_context.width == 0) return 0;
  const DecoderLayer& sizes = tree.options;
  double sum = static_cast<double>(own_parameters(sizes, sizes.shares_bias() ? heads(tree) : 0).sum());
  for (const GenomeStack& stack : tree.stacks)
    for (const SubLayer& sub_layer : stack.sub_layers)
      sum += static_cast<double>(stack.count) * sub_layer.parameters(model_context);
  return sum;
}

/// Is there no struct among the sub-layers that has taken the name of another kind?
inline bool knows(std::span<const Kind> kinds, const SubLayer& sub_layer) {
  bool is_named = false, is_known = sub_layer.is_parallel();
  for (const Kind& kind : kinds) {
    is_known = is_known || kind.values == &sub_layer.kind();
    is_named = is_named || kind.name == sub_layer.name();
  }
  if (is_named && !is_known) return false;
  for (const SubLayer& part : sub_layer.parts)
    if (!knows(kinds, part)) return false;
  return true;
}
inline bool knows(std::span<const Kind> kinds, const GenomeTree& tree) {
  for (const GenomeStack& stack : tree.stacks)
    for (const SubLayer& sub_layer : stack.sub_layers)
      if (!knows(kinds, sub_layer)) return false;
  return true;
}

}  // namespace genome_trees

/// The text of nodes.
inline std::string text_of_nodes(Tree nodes) {
  return written([&](TextWriter& out) {
    out.text.reserve(8 * nodes.size());
    write_node(nodes, 0, out);
  });
}

}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::GenomeTree;
}  // namespace genoform
