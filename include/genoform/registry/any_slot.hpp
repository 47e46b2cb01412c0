#pragma once
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "genoform/model/slot.hpp"

namespace genoform {

/// A slot without its layer's type: the registry's one virtual wrapper.
template <class Backend>
class AnySlot {
 public:
  virtual ~AnySlot() = default;
  virtual void declare(Declaration& d) = 0;
  virtual void forward(Stream<Record<Backend>>& ops, Tensor x, Tensor y) = 0;
  virtual void backward(Stream<Record<Backend>>& ops, Tensor d) = 0;
  virtual void after_step(Stream<Record<Backend>>& ops) = 0;
};

template <class Backend, class Layer>
class SlotOf final : public AnySlot<Backend> {
 public:
  explicit SlotOf(Layer layer) : slot_(std::move(layer)) {}

  void declare(Declaration& d) override { slot_.declare(d); }
  void forward(Stream<Record<Backend>>& ops, Tensor x, Tensor y) override { slot_.forward(ops, x, y); }
  void backward(Stream<Record<Backend>>& ops, Tensor d) override { slot_.backward(ops, d); }
  void after_step(Stream<Record<Backend>>& ops) override { slot_.after_step(ops); }

 private:
  Slot<Layer> slot_;
};

/// The blocks of a genome, all of them, in order.
template <class Backend>
class GenomeBlocks {
 public:
  using Block = std::vector<std::unique_ptr<AnySlot<Backend>>>;

  void add(Block block) { blocks_.push_back(std::move(block)); }

  void each(auto&, auto&& f) {
    for (std::size_t b = 0; b < blocks_.size(); ++b)
      for (std::size_t p = 0; p < blocks_[b].size(); ++p)
        f(*blocks_[b][p], static_cast<std::int64_t>(b), static_cast<std::int64_t>(p));
  }
  void each_back(auto&, auto&& f) {
    for (std::size_t b = blocks_.size(); b-- > 0;)
      for (std::size_t p = blocks_[b].size(); p-- > 0;)
        f(*blocks_[b][p], static_cast<std::int64_t>(b), static_cast<std::int64_t>(p));
  }

 private:
  std::vector<Block> blocks_;
};

}  // namespace genoform
