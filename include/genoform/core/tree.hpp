#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "genoform/core/namespaces.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::core {

/// One word, number or string of a text. A text is an array of nodes in preorder; a type spells itself into the same array.
struct Node {
  enum class Shape : std::uint8_t { word, number, string };
  std::string_view word{};  ///< the word after aliases are expanded; the characters of a number or string
  std::int64_t number = 0;  ///< the value, for a number
  int size = 1;             ///< nodes of this subtree, itself included
  int at = 0;               ///< offset in the text, in characters (0 in a type)
  Shape shape = Shape::word;
  bool brackets = false;  ///< written with < >
};

using Tree = std::span<const Node>;

constexpr const Node& node_at(Tree tree, int node) { return tree[static_cast<std::size_t>(node)]; }
constexpr int first_child(int node) { return node + 1; }
constexpr int next_sibling(Tree tree, int node) { return node + node_at(tree, node).size; }
constexpr int end_of(Tree tree, int node) { return node + node_at(tree, node).size; }

constexpr int count_children(Tree tree, int node) {
  int count = 0;
  for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c)) ++count;
  return count;
}

/// The index (from 0) of the child of `parent` that holds `node`; -1 when `node` is the parent itself.
constexpr int child_index(Tree tree, int parent, int node) {
  int index = 0;
  for (int c = first_child(parent); c < end_of(tree, parent); c = next_sibling(tree, c), ++index)
    if (node >= c && node < end_of(tree, c)) return index;
  return -1;
}

/// Receives a spelled type and counts its nodes.
struct NodeCounter {
  int count = 0;
  constexpr int open(std::string_view) { return count++; }
  constexpr void close(int) {}
  constexpr void leaf(std::string_view) { ++count; }
  constexpr void number(std::int64_t) { ++count; }
};

/// Receives a spelled type and keeps its nodes.
template <int Count>
struct NodeArray {
  std::array<Node, static_cast<std::size_t>(Count)> nodes{};
  int count = 0;

  constexpr Tree tree() const { return {nodes.data(), static_cast<std::size_t>(count)}; }
  constexpr int open(std::string_view word) {
    leaf(word);
    last().brackets = true;
    return count - 1;
  }
  constexpr void close(int node) { nodes[static_cast<std::size_t>(node)].size = count - node; }
  constexpr void leaf(std::string_view word) {
    ++count;
    last().word = word;
  }
  constexpr void number(std::int64_t value) {
    ++count;
    last().number = value;
    last().shape = Node::Shape::number;
  }

 private:
  constexpr Node& last() { return nodes[static_cast<std::size_t>(count - 1)]; }
};

/// Writes a text with one space after each comma. Counts what does not fit the buffer, so a first pass over no buffer gives the
/// size.
class Writer {
 public:
  constexpr Writer() = default;
  constexpr explicit Writer(std::span<char> out) : out_(out) {}

  constexpr std::size_t size() const { return size_; }
  constexpr int open(std::string_view word) {
    leaf(word);
    put("<");
    first_ = true;
    return 0;
  }
  constexpr void close(int) {
    put(">");
    first_ = false;
  }
  constexpr void leaf(std::string_view word) {
    separate();
    put(word);
  }
  constexpr void number(std::int64_t value) {
    separate();
    char digits[20]{};
    int n = 0;
    do digits[n++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (n > 0) put({&digits[--n], 1});
  }

 private:
  constexpr void separate() {
    if (!first_) put(", ");
    first_ = false;
  }
  constexpr void put(std::string_view text) {
    for (const char c : text) {
      if (size_ < out_.size()) out_[size_] = c;
      ++size_;
    }
  }

  std::span<char> out_{};
  std::size_t size_ = 0;
  bool first_ = true;
};

}  // namespace genoform::inner::core

#include "genoform/core/restore_macros.hpp"
