#pragma once
#include <span>

#include "genoform/genome/kind.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"

namespace genoform::grammar {

/// Writes a checked tree in its canonical form (spec/model.md section 1).
class Printer {
 public:
  constexpr Printer(Tree tree, std::span<const Kind> kinds, const ModelContext& model_context, Writer& out)
      : tree_(tree), kinds_(kinds), model_context_(model_context), out_(out) {}

  /// A whole model, with these sizes.
  constexpr void decoder(const DecoderLayer& layer) {
    const int node = out_.open(DecoderLayer::name);
    const int body = first_child(0);
    if (node_at(tree_, body).word == "Block")
      stack(body, 1);
    else if (node_at(tree_, body).word == "Body" && count_children(tree_, body) == 1)
      part(first_child(body));
    else
      part(body);
    print_options(layer, ModelContext{}, out_);
    out_.close(node);
  }

  /// A Body, Stack, Block or sub-layer.
  constexpr void part(int node) {
    const std::string_view word = node_at(tree_, node).word;
    if (word == "Stack") {
      const int block = first_child(node);
      stack(block, node_at(tree_, next_sibling(tree_, block)).number);
    } else if (word == "Body" || word == "Block") {
      const int open = out_.open(word);
      for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c)) part(c);
      out_.close(open);
    } else if (word == ParallelNorms::name) {
      parallel(node);
    } else {
      kinds_[find_kind(kinds_, tree_, node)].print(tree_, node, model_context_, out_);
    }
  }

 private:
  /// Parts in their order, then the norms, wherever they were written.
  constexpr void parallel(int node) {
    const int open = out_.open(ParallelNorms::name);
    for (int c = first_child(node); c < end_of(tree_, node); c = next_sibling(tree_, c))
      if (!parallel_rules::is_norm(node_at(tree_, c).word)) part(c);
    print_options(parallel_rules::norms_at(tree_, node), model_context_, out_);
    out_.close(open);
  }
  constexpr void stack(int block, std::int64_t count) {
    const int node = out_.open("Stack");
    part(block);
    out_.number(count);
    out_.close(node);
  }

  Tree tree_;
  std::span<const Kind> kinds_;
  ModelContext model_context_;
  Writer& out_;
};

}  // namespace genoform::grammar
