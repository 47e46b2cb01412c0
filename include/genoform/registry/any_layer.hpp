#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/pointers.hpp"
#include "genoform/layers/layer.hpp"
#include "genoform/model/parallel.hpp"
#include "genoform/model/slot.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::registry {

/// A layer and its tensors without its type: the registry's one virtual wrapper.
template <class Backend>
class AnyLayer {
 public:
  virtual ~AnyLayer() = default;
  virtual void declare(Declaration& d) = 0;
  virtual void forward(Stream<Recorder<Backend>>& ops, Tensor x, Tensor y) = 0;
  virtual void backward(Stream<Recorder<Backend>>& ops, Tensor x, Tensor dy, Tensor dx) = 0;
  virtual void after_step(Stream<Recorder<Backend>>& ops) = 0;
};

template <class Backend, class L>
class LayerOf final : public AnyLayer<Backend> {
 public:
  explicit LayerOf(L layer) : layer_(std::move(layer)) {}

  void declare(Declaration& d) override { layer_.declare(weights_, d); }
  void forward(Stream<Recorder<Backend>>& ops, Tensor x, Tensor y) override { layer_.forward(ops, weights_, saved_, x, y); }
  void backward(Stream<Recorder<Backend>>& ops, Tensor x, Tensor dy, Tensor dx) override {
    layer_.backward(ops, weights_, saved_, x, dy, dx);
  }
  void after_step(Stream<Recorder<Backend>>& ops) override {
    if constexpr (requires { layer_.after_step(ops, weights_); }) layer_.after_step(ops, weights_);
  }

 private:
  using Layer = accepted_layer<L>;

  Layer layer_;
  typename Layer::Weights weights_{};
  typename Layer::Saved saved_{};
};

/// A layer of a genome as it stands in a Slot or in a Parallel. Its code is the instantiation that a type uses, so equal bits
/// come by construction.
template <class Backend>
class ErasedLayer : public Normed {
 public:
  struct Weights {};  // the layer behind it holds them
  struct Saved {};

  std::string_view name;
  bool reads_bf16;

  template <class Layer>
  static ErasedLayer of(Layer layer) {
    const Normed norms = norms_of(layer);
    const bool reads_bf16 = input_of(layer, ElementType::bf16) == ElementType::bf16;
    const std::string_view name = layer_word(layer);
    return ErasedLayer(norms, name, reads_bf16, make_unique_ptr<LayerOf<Backend, Layer>>(std::move(layer)));
  }

  void declare(Weights&, Declaration& d) const { layer_->declare(d); }
  void forward(Stream<Recorder<Backend>>& ops, const Weights&, Saved&, Tensor x, Tensor y) const { layer_->forward(ops, x, y); }
  void backward(Stream<Recorder<Backend>>& ops, const Weights&, const Saved&, Tensor x, Tensor dy, Tensor dx) const {
    layer_->backward(ops, x, dy, dx);
  }
  void after_step(Stream<Recorder<Backend>>& ops, const Weights&) const { layer_->after_step(ops); }

 private:
  ErasedLayer(const Normed& norms, std::string_view word, bool reads, UniquePtr<AnyLayer<Backend>> layer)
      : Normed(norms), name(word), reads_bf16(reads), layer_(std::move(layer)) {}

  UniquePtr<AnyLayer<Backend>> layer_;
};

/// The parts of a Parallel of a genome.
template <class Backend>
class GenomeParts {
 public:
  using Weights = typename ErasedLayer<Backend>::Weights;
  using Saved = typename ErasedLayer<Backend>::Saved;

  explicit GenomeParts(std::vector<ErasedLayer<Backend>> layers) : layers_(std::move(layers)) {}

  void each(auto&& f, auto&... tensors) const {
    for (std::size_t p = 0; p < layers_.size(); ++p) f(static_cast<std::int64_t>(p), layers_[p], tensors...);
  }

 private:
  std::vector<ErasedLayer<Backend>> layers_;
};

/// The slots of one block of a genome.
template <class Backend>
class GenomeBlock {
 public:
  BlockRun run;

  void add(ErasedLayer<Backend> layer) { slots_.emplace_back(std::move(layer)); }
  std::int64_t size() const { return static_cast<std::int64_t>(slots_.size()); }

  void each(std::int64_t block, auto&& f) {
    for (std::size_t p = 0; p < slots_.size(); ++p) f(slots_[p], block, static_cast<std::int64_t>(p));
  }
  void each_backward(std::int64_t block, auto&& f) {
    for (std::size_t p = slots_.size(); p-- > 0;) f(slots_[p], block, static_cast<std::int64_t>(p));
  }

 private:
  std::vector<Slot<ErasedLayer<Backend>>> slots_;
};

/// The blocks of a genome, all of them, in order.
template <class Backend>
class GenomeBlocks {
 public:
  using Block = GenomeBlock<Backend>;

  void add(Block block) { blocks_.push_back(std::move(block)); }

  void each(auto&, auto&& f) {
    for (std::size_t b = 0; b < blocks_.size(); ++b) f(blocks_[b], static_cast<std::int64_t>(b));
  }
  void each_backward(auto&, auto&& f) {
    for (std::size_t b = blocks_.size(); b-- > 0;) f(blocks_[b], static_cast<std::int64_t>(b));
  }

 private:
  std::vector<Block> blocks_;
};

}  // namespace genoform::inner::registry

#include "genoform/core/restore_macros.hpp"
