#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "genoform/core/tree.hpp"
#include "genoform/genome/layer_text.hpp"

namespace genoform::inner::genome {

/// Receives a spelled part and keeps its nodes, as the parser makes them from a text; NodeArray is its form for types.
class NodeList {
 public:
  NodeList() { nodes_.reserve(96); }  // most genomes fit, so that spelling one allocates once

  Tree tree() const { return nodes_; }
  void clear() { nodes_.clear(); }
  int open(std::string_view word) {
    leaf(word);
    nodes_.back().brackets = true;
    return static_cast<int>(nodes_.size()) - 1;
  }
  void close(int node) { nodes_[static_cast<std::size_t>(node)].size = static_cast<int>(nodes_.size()) - node; }
  void leaf(std::string_view word) { nodes_.push_back({.word = word}); }
  void number(std::int64_t value) { nodes_.push_back({.number = value, .shape = Node::Shape::number}); }

 private:
  std::vector<Node> nodes_;
};

/// Writes the part at `node`.
inline void write_node(Tree tree, int node, TextWriter& out) {
  const Node& part = node_at(tree, node);
  if (part.shape == Node::Shape::number) return out.number(part.number);
  if (!part.brackets) return out.leaf(part.word);
  const int open = out.open(part.word);
  for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c)) write_node(tree, c, out);
  out.close(open);
}

}  // namespace genoform::inner::genome
