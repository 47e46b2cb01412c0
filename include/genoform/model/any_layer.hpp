#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/core/list.hpp"
#include "genoform/core/part.hpp"
#include "genoform/core/pointers.hpp"
#include "genoform/layers/layer.hpp"
#include "genoform/model/parallel.hpp"
#include "genoform/model/slot.hpp"
#include "genoform/ops/recorder.hpp"
#include "genoform/ops/stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::model {

/// A layer and its tensors without its type. Models of types and of genomes hold their layers this way, so that a network is
/// compiled once for a back end and each kind of layer once, whatever the architectures.
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
class TypedLayer final : public AnyLayer<Backend> {
 public:
  explicit TypedLayer(L layer) : layer_(std::move(layer)) {}

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

/// A layer of any kind as it stands in a Slot or in a Parallel. A type and a genome of the same text have the same layers, so
/// equal bits come by construction.
template <class Backend>
class ErasedLayer : public Normed {
 public:
  struct Weights {};  // the layer behind it holds them
  struct Saved {};

  std::string_view name;
  bool reads_bf16;

  template <class Layer>
  [[gnu::cold]] static ErasedLayer of(Layer layer) {
    const Normed norms = norms_of(layer);
    const bool reads_bf16 = input_of(layer, ElementType::bf16) == ElementType::bf16;
    const std::string_view name = layer_word(layer);
    return ErasedLayer(norms, name, reads_bf16, make_unique_ptr<TypedLayer<Backend, Layer>>(std::move(layer)));
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

/// The parts of a Parallel.
template <class Backend>
class AnyParts {
 public:
  using Weights = typename ErasedLayer<Backend>::Weights;
  using Saved = typename ErasedLayer<Backend>::Saved;

  explicit AnyParts(std::vector<ErasedLayer<Backend>> layers) : layers_(std::move(layers)) {}

  void each(auto&& f, auto&... tensors) const {
    for (std::size_t p = 0; p < layers_.size(); ++p) f(static_cast<std::int64_t>(p), layers_[p], tensors...);
  }

 private:
  std::vector<ErasedLayer<Backend>> layers_;
};

/// The slots of one block.
template <class Backend>
class AnyBlock {
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

/// The blocks of a model, all of them, in order.
template <class Backend>
class AnyBlocks {
 public:
  using Block = AnyBlock<Backend>;

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

template <class Backend, class Layer>
ErasedLayer<Backend> erased(Layer layer) {
  return ErasedLayer<Backend>::of(std::move(layer));
}
template <class Backend, class... Layers>
[[gnu::cold]] ErasedLayer<Backend> erased(const ParallelLayer<FixedParts<Layers...>>& parallel) {
  std::vector<ErasedLayer<Backend>> parts;
  parallel.parts.each([&](std::int64_t, const auto& layer) { parts.push_back(erased<Backend>(layer)); });
  using Parts = AnyParts<Backend>;
  return erased<Backend>(ParallelLayer<Parts>{static_cast<const ParallelNorms&>(parallel), Parts(std::move(parts))});
}

/// A block of a type, and all blocks of a list of stacks, with what depends on the width filled in.
template <class Backend, class... Parts>
[[gnu::cold]] AnyBlock<Backend> block_of(List<Parts...>, const ModelContext& model_context) {
  AnyBlock<Backend> block;
  (block.add(erased<Backend>(resolved(Parts::value, model_context))), ...);
  return block;
}
template <class Backend, class... Stacks>
[[gnu::cold]] AnyBlocks<Backend> blocks_of(List<Stacks...>, const ModelContext& model_context) {
  AnyBlocks<Backend> blocks;
  const auto add = [&](auto sub_layers, int count) {
    for (int i = 0; i < count; ++i) blocks.add(block_of<Backend>(sub_layers, model_context));
  };
  (add(typename Stacks::sub_layers{}, Stacks::count), ...);
  return blocks;
}

}  // namespace genoform::inner::model

#include "genoform/core/restore_macros.hpp"
