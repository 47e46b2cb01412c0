#pragma once
#include "genoform/layers/routers/expert_choice.hpp"
#include "genoform/layers/routers/top_k.hpp"

namespace genoform {

/// How routers are written: Top1, Top2, TopK<k>, ExpertChoice.
struct RouterWords {
  static constexpr bool names(std::string_view word) {
    return word == Top1::word || word == Top2::word || word == TopK<1>::word || word == ExpertChoice::word;
  }
  static constexpr void each_word(auto visit) {
    visit(Top1::word);
    visit(Top2::word);
    visit(TopK<1>::word);
    visit(ExpertChoice::word);
  }
  static constexpr bool is_open(const Router&) { return false; }
  static constexpr Verdict read(Tree tree, int node, Router& value) {
    const std::string_view word = node_at(tree, node).word;
    if (word == TopK<1>::word) {
      value.kind = RouterKind::topk;
      return option_rows::read_number(tree, node, 1, largest_number, value.k);
    }
    value = word == Top1::word ? Top1::value : word == Top2::word ? Top2::value : ExpertChoice::value;
    return option_rows::no_arguments(tree, node);
  }
  static constexpr void print(const Router& value, auto& out) {
    if (value.kind != RouterKind::topk)
      return out.leaf(value == Top1::value ? Top1::word : value == Top2::value ? Top2::word : ExpertChoice::word);
    const int node = out.open(TopK<1>::word);
    out.number(value.k);
    out.close(node);
  }
  template <auto V>
  static constexpr auto find() {
    if constexpr (V == Top1::value)
      return Type<Top1>{};
    else if constexpr (V == Top2::value)
      return Type<Top2>{};
    else if constexpr (V == ExpertChoice::value)
      return Type<ExpertChoice>{};
    else
      return Type<TopK<V.k>>{};
  }
  template <auto V>
  using tag = typename decltype(find<V>())::type;
};

}  // namespace genoform
