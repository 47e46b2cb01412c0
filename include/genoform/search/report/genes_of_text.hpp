#pragma once
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace genoform::search {

/// The words and marks of a text: "Heads<4>, NoPos" is "Heads", "<", "4", ">", ",", "NoPos".
inline std::vector<std::string> words_of_text(std::string_view text) {
  std::vector<std::string> words;
  bool is_open = false;  // may the next character belong to the last word?
  for (const char c : text) {
    const bool is_mark = c == '<' || c == '>' || c == ',';
    if (is_mark || (c != ' ' && !is_open)) words.emplace_back();
    if (c != ' ') words.back() += c;
    is_open = c != ' ' && !is_mark;
  }
  return words;
}

/// A name with its arguments.
struct TextNode {
  std::string name;
  std::vector<TextNode> arguments;

  bool is_number() const { return std::isdigit(static_cast<unsigned char>(name.front())) != 0; }
  std::string text() const {
    std::string inside;
    for (const TextNode& a : arguments) inside += (inside.empty() ? "" : ", ") + a.text();
    return arguments.empty() ? name : name + "<" + inside + ">";
  }
};

namespace text_nodes {

/// The nodes up to the end of a list, which is passed too. Texts that are none of the language give some nodes, never an error;
/// lists in more than `depth` others are passed over.
inline std::vector<TextNode> read(const std::vector<std::string>& words, std::size_t& next, int depth = 100) {
  std::vector<TextNode> nodes;
  while (next < words.size()) {
    const std::string& word = words[next++];
    if (word == ">") return nodes;
    if (word == "," || (word == "<" && depth == 0)) continue;
    if (word != "<")
      nodes.push_back({word, {}});
    else if (std::vector<TextNode> inside = read(words, next, depth - 1); !nodes.empty())
      nodes.back().arguments = std::move(inside);
  }
  return nodes;
}

inline void collect(const TextNode& node, std::set<std::string>& genes) {
  if (node.is_number()) return;
  const bool has_sub_layers = node.name == "Decoder" || node.name == "Stack" || node.name == "Block" || node.name == "Parallel";
  if (has_sub_layers) {
    for (const TextNode& a : node.arguments) {
      if (node.name == "Stack" && a.is_number()) genes.insert("Stack: " + a.name + (a.name == "1" ? " block" : " blocks"));
      collect(a, genes);
    }
    return;
  }
  const bool is_size = std::all_of(node.arguments.begin(), node.arguments.end(), [](const TextNode& a) { return a.is_number(); });
  genes.insert(is_size ? node.text() : node.name);
  for (const TextNode& a : node.arguments)
    if (!is_size) genes.insert(node.name + ": " + a.text());
}

}  // namespace text_nodes

/// What a text names, each once: the kinds of its sub-layers, their options ("Attention: Heads<4>"), the sizes and options of the
/// model ("Width<64>"). Options that are left to their defaults stand in no text.
inline std::set<std::string> genes_of_text(std::string_view text) {
  std::size_t next = 0;
  std::set<std::string> genes;
  for (const TextNode& node : text_nodes::read(words_of_text(text), next)) text_nodes::collect(node, genes);
  return genes;
}

}  // namespace genoform::search
