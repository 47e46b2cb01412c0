#pragma once
#include <array>
#include <span>
#include <string_view>

#include "genoform/core/part.hpp"
#include "genoform/genome/sub_layer.hpp"
#include "genoform/layers/attention.hpp"
#include "genoform/layers/conv.hpp"
#include "genoform/layers/ffn.hpp"
#include "genoform/layers/gau.hpp"
#include "genoform/layers/linear_attention.hpp"
#include "genoform/layers/moe.hpp"
#include "genoform/layers/spatial_gate.hpp"
#include "genoform/layers/synthesizer.hpp"
#include "genoform/layers/token_mix.hpp"
#include "genoform/model/decoder.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::genome {

/// Receives the words that a kind takes, for error messages.
class WordList {
 public:
  virtual constexpr void add(std::string_view word) = 0;
  /// A word that a writer may have meant, but that a message does not list.
  virtual constexpr void add_unlisted(std::string_view) {}

 protected:
  constexpr ~WordList() = default;
};

/// A kind of sub-layer as the language knows it: its name, its table, and how its values are handled, usable without its type.
/// Several structs may have one name (`selected_by`, as the lists of routers of Moe); the word of one of them then says which is
/// meant.
struct Kind {
  std::string_view name;
  bool is_variant;                  ///< may others have its name?
  int (*selector)(Tree, int node);  ///< the node that says that a sub-layer of this name is of this struct; -1: it is not
  CheckResult (*check)(Tree, int node, const ModelContext&);  ///< reads one sub-layer and checks its rules
  /// Of its attention layers, Declaration::heads(), at a known width.
  std::int64_t (*heads)(Tree, int node, const ModelContext&);
  void (*words)(WordList&, std::string_view inside);  ///< the words that may stand in its < >, or inside that option
  const SubLayerKind* values;
};

/// The kinds of the library.
using BuiltinLayers = List<AttentionLayer, FfnLayer, MoeLayer, LinearAttentionLayer, SynthesizerLayer, GauLayer, SpatialGateLayer,
                           TokenMixLayer, ConvLayer>;

namespace kind_entries {

template <class L>
concept Variant = requires {
  typename L::selected_by;
};
template <class L>
constexpr int selector_of(Tree tree, int node) {
  if constexpr (Variant<L>) {
    for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c))
      if (L::selected_by::names(node_at(tree, c).word)) return c;
    return -1;
  } else {
    return node;
  }
}
/// Is a sub-layer of this struct?
template <class L>
constexpr bool is_of(Tree tree, int node) {
  return node_at(tree, node).word == L::name && selector_of<L>(tree, node) >= 0;
}
template <class L>
constexpr L layer_at(Tree tree, int node) {
  L layer{};
  (void)read(tree, node, layer);
  return layer;
}
template <class L>
constexpr std::int64_t heads_at(Tree tree, int node, const ModelContext& model_context) {
  return block_rules::heads_of(resolved(layer_at<L>(tree, node), model_context), model_context);
}
template <class L>
constexpr void words_of(WordList& list, std::string_view inside) {
  const auto add = [&](std::string_view word) { list.add(word); };
  each_row<L>([&](const auto& row) {
    if (inside.empty()) row.each_word(add);
    if constexpr (requires { row.each_inner_word(add); })
      if (row.takes(inside)) row.each_inner_word(add);
  });
}

}  // namespace kind_entries

/// The entry of a layer struct. It needs `name`; a table is read when it has one.
template <class L>
inline constexpr Kind kind_of{L::name,           kind_entries::Variant<L>,   &kind_entries::selector_of<L>,
                              &check<L>,         &kind_entries::heads_at<L>, &kind_entries::words_of<L>,
                              &sub_layer_kind<L>};

namespace kind_entries {

template <class Layers>
struct Table;
template <class... Ls>
struct Table<List<Ls...>> {
  static constexpr std::array<Kind, sizeof...(Ls)> value{kind_of<Ls>...};
};

}  // namespace kind_entries

/// The entries of a list of layer structs.
template <class Layers>
constexpr std::span<const Kind> kinds_of() {
  return kind_entries::Table<Layers>::value;
}

/// The same for texts that are read at run time. It is not inline, so that `extern template` (compiled/genome.hpp) spares a
/// program to compile the entries of the built-in kinds.
template <class Layers>
std::span<const Kind> run_time_kinds_of() {
  return kinds_of<Layers>();
}

/// The first kind of that name, or the number of kinds when there is none.
constexpr std::size_t find_kind(std::span<const Kind> kinds, std::string_view name) {
  std::size_t i = 0;
  while (i < kinds.size() && kinds[i].name != name) ++i;
  return i;
}

/// The kind of a sub-layer; where none is selected the first of its name, or the number of kinds when there is none.
constexpr std::size_t find_kind(std::span<const Kind> kinds, Tree tree, int node) {
  const std::string_view name = node_at(tree, node).word;
  for (std::size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i].name == name && kinds[i].selector(tree, node) >= 0) return i;
  return find_kind(kinds, name);
}

}  // namespace genoform::inner::genome

#include "genoform/core/restore_macros.hpp"
