#pragma once
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "genoform/core/part.hpp"
#include "genoform/core/result.hpp"
#include "genoform/genome/node_list.hpp"
#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"
#include "genoform/model/slot.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::genome {

/// How a sub-layer of some kind is handled without its type. The functions take the address of its layer struct.
struct SubLayerKind {
  std::string_view name;
  bool has_brackets;                                                   ///< written as a template, Name<...>
  void (*read)(Tree, int node, void* layer);                           ///< makes the struct from a node that was checked
  void (*spell_options)(const void*, const ModelContext&, NodeList&);  ///< those that the canonical text shows
  void (*resolve)(void* layer, const ModelContext&);                   ///< fills open sizes in, see resolved()
  bool (*equal)(const void*, const void*);                             ///< in all options
  double (*parameters)(const void*, const ModelContext&, bool norms);  ///< at a known width, with those of its norms or without
  std::int64_t (*heads)(const void*, const ModelContext&);             ///< of its attention layers, Declaration::heads()
};

namespace sub_layer_functions {

template <class L>
const L& as(const void* layer) {
  return *static_cast<const L*>(layer);
}
/// Opens the sizes again that were not written, so that they follow the options that they depend on when those are edited.
template <class L>
void open_defaults(Tree tree, int node, L& layer) {
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    if (!row.is_open(L{}.*Row::member)) return;
    bool is_written = false;
    for (int c = first_child(node); c < end_of(tree, node); c = next_sibling(tree, c))
      is_written = is_written || row.takes(node_at(tree, c).word);
    if (!is_written) layer.*Row::member = L{}.*Row::member;
  });
}
template <class L>
void read(Tree tree, int node, void* layer) {
  L& fresh = *::new (layer) L{};
  if constexpr (std::is_same_v<L, ParallelNorms>) {
    fresh = parallel_rules::norms_at(tree, node);
  } else {
    (void)inner::read(tree, node, fresh);
    open_defaults(tree, node, fresh);
  }
}
template <class L>
void spell_options(const void* layer, const ModelContext& model_context, NodeList& out) {
  print_options(as<L>(layer), model_context, out);
}
template <class L>
void resolve(void* layer, const ModelContext& model_context) {
  L& open = *static_cast<L*>(layer);
  open = resolved(open, model_context);
}
template <class L>
bool equal(const void* a, const void* b) {
  bool same = true;
  each_row<L>([&](const auto& row) {
    using Row = std::remove_cvref_t<decltype(row)>;
    same = same && as<L>(a).*Row::member == as<L>(b).*Row::member;
  });
  return same;
}
template <class L>
double parameters(const void* layer, const ModelContext& model_context, bool norms) {
  Declaration declaration(model_context);
  if constexpr (std::is_same_v<L, ParallelNorms>) {
    NormPositions(as<L>(layer)).declare(declaration);
  } else if constexpr (block_rules::Declares<L>) {
    const L whole = resolved(as<L>(layer), model_context);
    typename L::Weights weights;
    whole.declare(weights, declaration);
    if (norms) NormPositions(norms_of(whole)).declare(declaration);
  }
  return static_cast<double>(declaration.parameters());
}
template <class L>
std::int64_t heads(const void* layer, const ModelContext& model_context) {
  return block_rules::heads_of(resolved(as<L>(layer), model_context), model_context);
}

}  // namespace sub_layer_functions

/// The functions of a layer struct; their address tells kinds apart.
template <class L>
inline constexpr SubLayerKind sub_layer_kind{L::name,
                                             part_rules::HasTemplate<L>,
                                             &sub_layer_functions::read<L>,
                                             &sub_layer_functions::spell_options<L>,
                                             &sub_layer_functions::resolve<L>,
                                             &sub_layer_functions::equal<L>,
                                             &sub_layer_functions::parameters<L>,
                                             &sub_layer_functions::heads<L>};

/// A sub-layer as a value: the layer struct of some kind, AttentionLayer, FfnLayer or one of yours, with the options as they were
/// written. A size that was left to its default is 0 (by_width) until resolved(). A Parallel is a ParallelNorms with `parts`.
class SubLayer {
 public:
  static constexpr std::size_t max_size = 96;  ///< bytes of a layer struct; they lie in the value itself

  template <class L>
  requires requires { std::string_view(L::name); }
  SubLayer(const L& layer) : kind_(&sub_layer_kind<L>) {
    static_assert(std::is_trivially_copyable_v<L> && sizeof(L) <= max_size && alignof(L) <= alignof(std::max_align_t),
                  "a layer struct of a genome holds its options and nothing else: numbers and words, at most 96 bytes");
    ::new (static_cast<void*>(storage_)) L(layer);
  }
  /// From a node that was checked; a Parallel gets its norms, and its parts are added by the caller.
  SubLayer(const SubLayerKind& kind, Tree tree, int node) : kind_(&kind) { kind.read(tree, node, storage_); }

  /// Sub-layers side by side, Parallel<parts...>, with the norms around their sum.
  static SubLayer parallel(std::vector<SubLayer> parts, const Normed& norms = {}) {
    SubLayer whole(ParallelNorms{norms});
    whole.parts = std::move(parts);
    return whole;
  }

  std::vector<SubLayer> parts;  ///< of a Parallel, in order; they have no norms of their own

  const SubLayerKind& kind() const { return *kind_; }
  /// The name of the kind, as in "Moe".
  std::string_view name() const { return kind_->name; }
  bool is_parallel() const { return is<ParallelNorms>(); }
  template <class L>
  bool is() const {
    return kind_ == &sub_layer_kind<L>;
  }
  /// The layer struct, null when the sub-layer is of another kind.
  template <class L>
  L* get_if() {
    return is<L>() ? std::launder(reinterpret_cast<L*>(storage_)) : nullptr;
  }
  template <class L>
  const L* get_if() const {
    return is<L>() ? std::launder(reinterpret_cast<const L*>(storage_)) : nullptr;
  }
  /// The layer struct, to read or to edit. Throws Exception when the sub-layer is of another kind.
  template <class L>
  L& get() {
    if (!is<L>()) refuse(L::name);
    return *get_if<L>();
  }
  template <class L>
  const L& get() const {
    if (!is<L>()) refuse(L::name);
    return *get_if<L>();
  }
  /// Calls f(layer) with the layer struct, for the kind among Layers (a List) that it is of. False: it is of none of them.
  template <class Layers, class F>
  bool visit(F&& f) const {
    return visit_one(Layers{}, f);
  }

  /// The same with every size filled in that the model around it decides, also in the parts.
  SubLayer resolved(const ModelContext& model_context) const {
    SubLayer whole = *this;
    kind_->resolve(whole.storage_, model_context);
    for (SubLayer& part : whole.parts) part = part.resolved(model_context);
    return whole;
  }
  /// Trainable parameters at a known width, norms included.
  double parameters(const ModelContext& model_context) const {
    double sum = kind_->parameters(storage_, model_context, true);
    for (const SubLayer& part : parts) sum += part.kind_->parameters(part.storage_, model_context, false);
    return sum;
  }
  void add_heads(block_rules::JoinedHeads& joined, const ModelContext& model_context) const {
    if (!is_parallel()) joined.add(kind_->heads(storage_, model_context));
    for (const SubLayer& part : parts) part.add_heads(joined, model_context);
  }
  /// Its nodes in canonical form: parts in order, then the options that differ from what the model around it makes the default.
  void spell(const ModelContext& model_context, NodeList& out) const {
    if (!kind_->has_brackets) return out.leaf(kind_->name);
    const int node = out.open(kind_->name);
    for (const SubLayer& part : parts) part.spell(model_context, out);
    kind_->spell_options(storage_, model_context, out);
    out.close(node);
  }

  friend bool operator==(const SubLayer& a, const SubLayer& b) {
    return a.kind_ == b.kind_ && a.kind_->equal(a.storage_, b.storage_) && a.parts == b.parts;
  }

 private:
  [[noreturn, gnu::cold]] void refuse(std::string_view other) const {
    throw Exception({ErrorKind::usage, "\"" + std::string(name()) + "\" was read as \"" + std::string(other) + "\""});
  }
  template <class... Ls, class F>
  bool visit_one(List<Ls...>, F& f) const {
    return ((is<Ls>() && (f(*get_if<Ls>()), true)) || ...);
  }

  const SubLayerKind* kind_;
  alignas(std::max_align_t) std::byte storage_[max_size];
};

}  // namespace genoform::inner::genome

namespace genoform {
using inner::genome::SubLayer;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
