#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "genoform/core/joined.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/operands.hpp"
#include "genoform/ops/operation_info.hpp"
#include "genoform/ops/pass.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::ops {

/// What the activations of a back end are made of, where it has a choice.
template <class Backend>
constexpr ElementType activations_of(const Backend& backend) {
  if constexpr (requires { backend.activations(); })
    return backend.activations();
  else
    return ElementType::real;
}

/// What it wants logits to be made of.
template <class Backend>
constexpr ElementType logits_of(const Backend& backend) {
  if constexpr (requires { backend.logits(); })
    return backend.logits();
  else
    return ElementType::real;
}

/// The word for a layer in the text of a model; empty for a layer of the user's without a name.
template <class Layer>
constexpr std::string_view layer_word(const Layer& layer) {
  if constexpr (requires { std::string_view(layer.name); })
    return layer.name;
  else
    return {};
}

/// The layer whose operations are written; block -1: the model itself.
struct LayerLocation {
  std::int64_t block = -1, place = 0;
  std::string_view word;
};

/// "[48, 64], [256, 32]"
[[gnu::cold]] inline std::string shape_list(const Operands& operands) {
  std::string all;
  for (const Tensor& t : operands) all += joined({all.empty() ? "[" : ", [", t.rows, ", ", t.columns, "]"});
  return all;
}
/// Throws Exception: the tensors of an operation do not fit together, as in "blocks.0.1 Ffn: linear does not fit: it reads
/// [48, 64], [256, 32] and writes [48, 256]".
[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_operation(const LayerLocation& layer, const OperationInfo& op) {
  const std::string where = layer.block < 0 ? "the model" : joined({"blocks.", layer.block, ".", layer.place, " ", layer.word});
  fail(ErrorKind::input,
       {where, ": ", op.name, " does not fit: it reads ", shape_list(op.reads), " and writes ", shape_list(op.writes)});
}

/// A table of relative biases that the model adds in every attention layer; absent in most models and in a part alone.
struct SharedBias {
  Tensor table;  ///< [heads, buckets]
  std::int64_t distance = 0;
  constexpr bool exists() const { return table.exists(); }
};

/// The stream of operations that layers write into. The sink decides what becomes of them: counted, prepared for a back end,
/// listed.
template <class Sink>
class Stream {
 public:
  constexpr Stream(Shape shape, Pass pass, std::int64_t workspace_elements, Sink sink, const RouterTraining& routers = {},
                   const PassLayout& layout = {})
      : step(step_tensors(shape)),
        shape_(shape),
        pass_(pass),
        routers_(pass == Pass::train ? routers : RouterTraining{}),
        layout_(layout),
        arena_(workspace_elements),
        sink_(std::move(sink)) {
    if (layout.hold) arena_.hold_kept();
  }

  StepTensors step;
  SharedBias shared_bias;  ///< set by the model before its layers write

  constexpr Shape shape() const { return shape_; }
  constexpr std::int64_t tokens() const { return shape_.tokens(); }
  /// Is there a backward pass?
  constexpr bool training() const { return pass_ != Pass::evaluate; }
  /// Is it there only to be looked at?
  constexpr bool checking() const { return pass_ == Pass::check; }
  constexpr const RouterTraining& routers() const { return routers_; }
  /// What a layer may ask its tensors to be made of where only products and operations that know bf16 touch them.
  constexpr ElementType activations() const { return layout_.activations; }
  /// What the logits of a decoder are made of.
  constexpr ElementType logits() const { return layout_.logits; }
  /// Does each block run forward again before its backward pass?
  constexpr bool recomputes() const { return training() && layout_.recompute; }

  /// A workspace tensor that lives until the backward pass has passed; in evaluation and while forgetting until the end of the
  /// sub-layer.
  [[gnu::cold, gnu::noinline]] constexpr Tensor keep(std::int64_t rows, std::int64_t columns,
                                                     ElementType element_type = ElementType::real) {
    if (!training() || forgets_) return scratch(rows, columns, element_type);
    return note_allocation(placed(arena_.keep(elements_of(rows * columns, element_type)), rows, columns, element_type), true);
  }
  /// The same for the residual stream, which is not forgotten when the outputs of sub-layers are held.
  constexpr Tensor keep_output(std::int64_t rows, std::int64_t columns) {
    if (!forgets_ || !layout_.hold) return keep(rows, columns);
    return note_allocation(matrix(Memory::workspace, arena_.keep(rows * columns), rows, columns), true);
  }
  /// A workspace tensor that lives until the end of the sub-layer.
  [[gnu::cold, gnu::noinline]] constexpr Tensor scratch(std::int64_t rows, std::int64_t columns,
                                                        ElementType element_type = ElementType::real) {
    return note_allocation(placed(arena_.scratch(elements_of(rows * columns, element_type)), rows, columns, element_type), false);
  }

  /// Is nothing kept just now, since the block runs again on the backward pass?
  constexpr bool forgets() const { return forgets_; }
  /// Runs `body` keeping nothing for the backward pass, which computes it again; its scratch is free afterwards.
  constexpr void forgetting(auto body) {
    const Arena::Mark mark = arena_.mark();
    const bool before = std::exchange(forgets_, true);
    body();
    forgets_ = before;
    arena_.release_scratch(mark);
  }
  /// Runs `body`, which emits on the backward pass what has run forward before: its losses count once, its outputs are known.
  constexpr void again(auto body) {
    const Tensor aux_loss = std::exchange(step.aux_loss, step.spare_loss);
    note_recomputation(true);
    body();
    note_recomputation(false);
    step.aux_loss = aux_loss;
  }

  /// Not inlined, and cold: it runs when a recording is made, never in a step, and layers call it in many places.
  template <class Op>
  [[gnu::cold, gnu::noinline]] constexpr void operator()(const Op& op) {
    if (!op.fits()) refuse_operation(layer_, info_of(op));
    sink_(op);
  }

  /// Tells a sink that listens that y [N, D] is the residual stream after a sub-layer.
  constexpr void note_output(std::int64_t block, std::int64_t place, Tensor y) {
    if constexpr (requires { sink_.note_output(block, place, y); })
      if (!again_) sink_.note_output(block, place, y);
  }
  /// Says which sub-layer writes from here on; block -1: the model itself.
  constexpr void note_sub_layer(std::int64_t block, std::int64_t place) {
    layer_ = {.block = block, .place = place, .word = {}};
    if constexpr (requires { sink_.note_sub_layer(block, place); }) sink_.note_sub_layer(block, place);
  }

  /// Says which layer writes from here on in this sub-layer.
  constexpr void note_layer(const auto& layer) { layer_.word = layer_word(layer); }

  /// Counts what `body` emits `times` times, as if each time came on top of what the last one kept; for dry runs only.
  constexpr void repeat(std::int64_t times, auto body) {
    const Arena arena = arena_;
    const Sink before = sink_;
    body();
    const std::int64_t kept = arena_.mark().kept - arena.mark().kept;
    if (times > 1 && kept > 0) {  // the backward pass starts from the last time, so that one has to lie where it belongs
      arena_ = arena;
      sink_ = before;
      arena_.keep((times - 1) * kept);
      body();
    }
    sink_.repeat(times, before);
  }

  constexpr Arena& arena() { return arena_; }
  constexpr Sink& sink() { return sink_; }

 private:
  static constexpr Tensor placed(std::int64_t element, std::int64_t rows, std::int64_t columns, ElementType element_type) {
    return matrix(Memory::workspace, element_type == ElementType::bf16 ? 2 * element : element, rows, columns, element_type);
  }
  constexpr void note_recomputation(bool begins) {
    again_ = begins;
    if constexpr (requires { sink_.note_recomputation(begins); }) sink_.note_recomputation(begins);
  }
  constexpr Tensor note_allocation(const Tensor& t, bool kept) {
    if constexpr (requires { sink_.note_allocation(t, kept, arena_); }) sink_.note_allocation(t, kept, arena_);
    return t;
  }

  Shape shape_;
  Pass pass_;
  RouterTraining routers_;
  PassLayout layout_;
  LayerLocation layer_;
  bool forgets_ = false, again_ = false;
  Arena arena_;
  Sink sink_;
};

}  // namespace genoform::inner::ops

namespace genoform::extend {
using inner::ops::Stream;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
