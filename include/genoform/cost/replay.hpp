#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "genoform/model/decoder.hpp"
#include "genoform/model/parallel.hpp"
#include "genoform/model/slot.hpp"
#include "genoform/ops/arena.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

/// Pieces of a dry run that were walked once, to be added up wherever the same sub-layer stands. The network around them is that
/// of every model (model/network.hpp), so the sums are the figures of the model itself.
namespace genoform::inner::cost::replay {

/// Where a piece stands, as far as it may depend on it.
struct Setting {
  ModelContext model_context;
  Shape shape;
  PassLayout layout;
  SharedBias shared_bias;
};

/// What a layer, or a sub-layer with its norms, declares and does to a stream. `Sink` counts, and adds up with +=.
template <class Sink>
struct Piece {
  Declaration declared;
  Arena::Change forward, forgotten, backward;  ///< forgotten: forward in a block that runs again on the backward pass
  Sink forward_work, backward_work;

  template <class Ops>
  void replay_forward(Ops& ops) const {
    ops.arena().replay(ops.forgets() ? forgotten : forward);
    ops.sink() += forward_work;
  }
  template <class Ops>
  void replay_backward(Ops& ops) const {
    ops.arena().replay(backward);
    ops.sink() += backward_work;
  }
};

/// Walks a piece once. `declare(d)`; `forward(ops, x, y)`; `backward(ops, x, dy, dx)`: all tensors [N, D], x and dy made of
/// `element_type`.
template <class Sink>
Piece<Sink> walk(const Setting& setting, ElementType element_type, const Sink& empty, auto declare, auto forward, auto backward) {
  Piece<Sink> piece{Declaration(setting.model_context), {}, {}, {}, empty, empty};
  declare(piece.declared);
  const std::int64_t tokens = setting.shape.tokens(), width = setting.model_context.width;
  const auto stream = [&] {
    Stream<Sink> ops(setting.shape, Pass::train, 0, empty, {}, setting.layout);
    ops.shared_bias = setting.shared_bias;
    return ops;
  };
  const auto change = [](Stream<Sink>& ops, auto run) {
    const Arena::Mark from = ops.arena().mark();
    ops.arena().restart_peaks();
    run();
    return ops.arena().change_since(from);
  };
  if (setting.layout.recompute) {
    Stream<Sink> ops = stream();
    const Tensor x = ops.keep(tokens, width, element_type), y = ops.keep(tokens, width);
    piece.forgotten = change(ops, [&] { ops.forgetting([&] { forward(ops, x, y); }); });
  }
  Stream<Sink> ops = stream();
  const Tensor x = ops.keep(tokens, width, element_type), y = ops.keep(tokens, width);
  piece.forward = change(ops, [&] { forward(ops, x, y); });
  piece.forward_work = std::exchange(ops.sink(), empty);
  const Tensor dy = ops.scratch(tokens, width, element_type), dx = ops.scratch(tokens, width);
  piece.backward = change(ops, [&] { backward(ops, x, dy, dx); });
  piece.backward_work = ops.sink();
  return piece;
}

/// A layer that was walked, as it stands in a Slot or in a Parallel.
template <class Sink>
class WalkedLayer : public Normed {
 public:
  struct Weights {};
  struct Saved {};

  bool reads_bf16;

  WalkedLayer(const Normed& norms, bool reads, Piece<Sink> piece) : Normed(norms), reads_bf16(reads), piece_(std::move(piece)) {}

  void declare(Weights&, Declaration& d) const { d.add(piece_.declared); }
  template <class Ops>
  void forward(Ops& ops, const Weights&, Saved&, Tensor, Tensor) const {
    piece_.replay_forward(ops);
  }
  template <class Ops>
  void backward(Ops& ops, const Weights&, const Saved&, Tensor, Tensor, Tensor) const {
    piece_.replay_backward(ops);
  }

 private:
  Piece<Sink> piece_;
};

/// Walks the code of a layer struct with all its sizes. `in_parallel`: its input is that of the Parallel.
template <class Sink, class Layer>
WalkedLayer<Sink> walk_layer(const Layer& layer, const Setting& setting, bool in_parallel, const Sink& empty) {
  const ElementType reads = input_of(layer, setting.layout.activations);
  const ElementType element_type = in_parallel ? ElementType::real : reads;
  typename Layer::Weights weights{};
  typename Layer::Saved saved{};
  Piece<Sink> piece = walk<Sink>(
      setting, element_type, empty, [&](Declaration& d) { layer.declare(weights, d); },
      [&](auto& ops, Tensor x, Tensor y) { layer.forward(ops, weights, saved, x, y); },
      [&](auto& ops, Tensor x, Tensor dy, Tensor dx) { layer.backward(ops, weights, saved, x, dy, dx); });
  return {norms_of(layer), input_of(layer, ElementType::bf16) == ElementType::bf16, std::move(piece)};
}

/// The parts of a Parallel that were walked.
template <class Sink>
class WalkedParts {
 public:
  using Weights = typename WalkedLayer<Sink>::Weights;
  using Saved = typename WalkedLayer<Sink>::Saved;

  explicit WalkedParts(std::vector<WalkedLayer<Sink>> layers) : layers_(std::move(layers)) {}

  void each(auto&& f, auto&... tensors) const {
    for (std::size_t p = 0; p < layers_.size(); ++p) f(static_cast<std::int64_t>(p), layers_[p], tensors...);
  }

 private:
  std::vector<WalkedLayer<Sink>> layers_;
};

/// Walks a sub-layer with its norms and its residual sum; `layer`: WalkedLayer, or ParallelLayer of WalkedParts.
template <class Sink, class Layer>
Piece<Sink> walk_slot(Layer layer, const Setting& setting, const Sink& empty) {
  Slot<Layer> slot(std::move(layer));
  return walk<Sink>(
      setting, ElementType::real, empty, [&](Declaration& d) { slot.declare(d); },
      [&](auto& ops, Tensor x, Tensor y) { slot.forward(ops, x, y); },
      [&](auto& ops, Tensor, Tensor d, Tensor) { slot.backward(ops, d); });
}

/// A sub-layer in its place: the piece, and where the arena stood before it.
template <class Sink>
class WalkedSlot {
 public:
  explicit WalkedSlot(const Piece<Sink>& piece) : piece_(&piece) {}

  void declare(Declaration& d) const { d.add(piece_->declared); }
  template <class Ops>
  void forward(Ops& ops, Tensor, Tensor) {
    before_ = ops.arena().mark();
    piece_->replay_forward(ops);
  }
  template <class Ops>
  void backward(Ops& ops, Tensor) const {
    piece_->replay_backward(ops);
    ops.arena().release_kept(before_);
  }

 private:
  const Piece<Sink>* piece_;
  Arena::Mark before_;
};

template <class Sink>
struct WalkedBlock {
  BlockRun run;
  std::span<WalkedSlot<Sink>> slots;

  std::int64_t size() const { return static_cast<std::int64_t>(slots.size()); }
  void each(std::int64_t block, auto&& f) {
    for (std::size_t p = 0; p < slots.size(); ++p) f(slots[p], block, static_cast<std::int64_t>(p));
  }
  void each_backward(std::int64_t block, auto&& f) {
    for (std::size_t p = slots.size(); p-- > 0;) f(slots[p], block, static_cast<std::int64_t>(p));
  }
};

/// The blocks of a model, for SubLayers (model/network.hpp). Moved, not copied: blocks look into `slots`.
template <class Sink>
class WalkedBlocks {
 public:
  WalkedBlocks(std::size_t slots, std::size_t blocks) {
    slots_.reserve(slots);
    blocks_.reserve(blocks);
  }
  WalkedBlocks(WalkedBlocks&&) noexcept = default;

  /// Adds a block of these pieces. The constructor was told of it.
  void add(std::span<const Piece<Sink>* const> pieces) {
    const std::size_t first = slots_.size();
    for (const Piece<Sink>* piece : pieces) slots_.emplace_back(*piece);
    blocks_.push_back({{}, std::span(slots_).subspan(first)});
  }

  void each(auto&, auto&& f) {
    for (std::size_t b = 0; b < blocks_.size(); ++b) f(blocks_[b], static_cast<std::int64_t>(b));
  }
  void each_backward(auto&, auto&& f) {
    for (std::size_t b = blocks_.size(); b-- > 0;) f(blocks_[b], static_cast<std::int64_t>(b));
  }

 private:
  std::vector<WalkedSlot<Sink>> slots_;
  std::vector<WalkedBlock<Sink>> blocks_;
};

}  // namespace genoform::inner::cost::replay

#include "genoform/core/restore_macros.hpp"
