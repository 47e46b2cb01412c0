#pragma once
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/tree.hpp"
#include "genoform/genome/parse.hpp"
#include "genoform/genome/tree.hpp"

namespace genoform::search {

namespace text_genes {

inline bool is_number(Tree tree, int node) { return node_at(tree, node).shape == Node::Shape::number; }

/// An argument as it is written, "Ffn<>" without its empty brackets.
inline std::string text_of(Tree tree, int node) {
  const Node& n = node_at(tree, node);
  if (n.size == 1 && n.shape == Node::Shape::word) return std::string(n.word);
  return text_of_nodes(tree.subspan(static_cast<std::size_t>(node), static_cast<std::size_t>(n.size)));
}

template <class Visit>
void for_each_argument(Tree tree, int node, Visit visit) {
  for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c)) visit(c);
}

inline void collect(Tree tree, int node, std::set<std::string>& genes) {
  if (is_number(tree, node)) return;
  const std::string name(node_at(tree, node).word);
  if (name == "Decoder" || name == "Stack" || name == "Block" || name == "Parallel")
    return for_each_argument(tree, node, [&](int c) {
      const std::string text = text_of(tree, c);
      if (name == "Stack" && is_number(tree, c)) genes.insert("Stack: " + text + (text == "1" ? " block" : " blocks"));
      collect(tree, c, genes);
    });
  bool is_size = true;
  for_each_argument(tree, node, [&](int c) { is_size = is_size && is_number(tree, c); });
  genes.insert(is_size ? text_of(tree, node) : name);
  for_each_argument(tree, node, [&](int c) {
    if (!is_size) genes.insert(name + ": " + text_of(tree, c));
  });
}

}  // namespace text_genes

/// What a text names, each once: the kinds of its sub-layers, their options ("Attention: Heads<4>"), the sizes and options of the
/// model ("Width<64>"). Options that are left to their defaults stand in no text. Words may be unknown; what has not the form of
/// a text names nothing.
inline std::set<std::string> genes_of_text(std::string_view text) {
  std::vector<Node> nodes;
  std::set<std::string> genes;
  if (grammar::Parser(text, nodes).parse().none()) text_genes::collect(nodes, 0, genes);
  return genes;
}

}  // namespace genoform::search
