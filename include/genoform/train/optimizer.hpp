#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/memories.hpp"
#include "genoform/core/memory.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/ops/operation_list.hpp"

namespace genoform {

/// What an optimizer remembers from step to step under one name; a checkpoint holds all of it.
struct OptimizerState {
  std::string name;
  std::vector<std::int64_t> shape;
  Tensor tensor;  ///< in Memory::optimizer
};

/// The role of an optimizer. A derived class declares its state in the constructor, whatever it needs for each tensor of the
/// model, allocates it, and prepares its operations on the model's back end, so that a step allocates nothing. It leaves tensors
/// alone that are frozen (TensorInfo::frozen) when it is made.
template <class Backend>
class Optimizer {
 public:
  using Real = typename Backend::Real;

  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// The global norm of the gradients as they are now, before clipping; those of frozen tensors become 0 first. Call it once
  /// before each update().
  virtual double gradient_norm() = 0;
  /// Changes the parameters by the gradients; `step` counts from 1. Those of this library end with model().zero_gradients(), so
  /// that a loop of one's own needs no call; a Trainer calls it before every step.
  virtual void update(std::int64_t step, double learning_rate) = 0;
  /// Its name and settings: what a run that is resumed must have the same.
  virtual std::string description() const = 0;

  const std::vector<OptimizerState>& state() const { return state_; }
  std::span<Real> values(const OptimizerState& state) {
    return {elements_.data() + state.tensor.offset, static_cast<std::size_t>(state.tensor.size())};
  }

 protected:
  explicit Optimizer(BasicModel<Backend>& model) : model_(&model) {}

  /// State that is saved, [1, product of shape].
  Tensor declare(std::string name, std::vector<std::int64_t> shape) {
    std::int64_t size = 1;
    for (const std::int64_t n : shape) size *= n;
    const Tensor t = scratch(size);
    state_.push_back({std::move(name), std::move(shape), t});
    return t;
  }
  /// HostBuffer that are not saved, [1, size].
  Tensor scratch(std::int64_t size) {
    const Tensor t = matrix(Memory::optimizer, used_, 1, size);
    used_ += size;
    return t;
  }
  /// After the declarations. Throws Exception (resources) when there is no room.
  void allocate() {
    require_memory(used_ * static_cast<std::int64_t>(sizeof(Real)), "the state of the optimizer");
    elements_ = HostBuffer<Real>(used_);
  }
  Memories<Real> memories() const {
    Memories<Real> m;
    m[Memory::weights] = model_->parameters().data();
    m[Memory::gradients] = model_->gradients().data();
    m[Memory::optimizer] = elements_.data();
    return m;
  }
  Real& element(const Tensor& t, std::int64_t index = 0) const { return elements_.data()[t.offset + index]; }
  BasicModel<Backend>& model() const { return *model_; }
  /// Operations on the gradients as they are.
  void run(const OperationList& calls) const {
    (void)model_->gradients();  // if they are 0, let them be so in memory
    model_->backend().enter();
    calls.run();
  }
  /// Before the operations are prepared: who watches the model (Engine::observe) watches these lists too.
  template <class... Lists>
  void observe(Lists&... lists) const {
    (lists.observe(model_->observer(), Phase::update), ...);
  }

 private:
  BasicModel<Backend>* model_;
  std::vector<OptimizerState> state_;
  HostBuffer<Real> elements_;
  std::int64_t used_ = 0;
};

}  // namespace genoform
