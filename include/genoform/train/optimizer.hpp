#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/backend/device_memory.hpp"
#include "genoform/backend/memories.hpp"
#include "genoform/core/tensor.hpp"
#include "genoform/model/basic_model.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/optimizer.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

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

  /// Measures the global norm of the gradients as they are now, before clipping; those of frozen tensors become 0 first. Call it
  /// once before each update(). It does not wait: measured_norm() is there once the model has been waited for.
  void measure_gradients() {
    if (norm_.size() == 0) allocate();
    model_->zero_frozen_gradients();
    run(norm_);
    device::download(backend(), &norm_square_, address(sum_), 1);
  }
  double measured_norm() const { return std::sqrt(static_cast<double>(norm_square_)); }
  /// Both, for a loop of one's own.
  double gradient_norm() {
    measure_gradients();
    model_->synchronize();
    return measured_norm();
  }
  /// Changes the parameters by the gradients; `step` counts from 1. Nothing changes when the norm of the gradients is not finite.
  /// Those of this library end with model().zero_gradients(), so that a loop of one's own needs no call; a Trainer calls it
  /// before every step.
  virtual void update(std::int64_t step, double learning_rate) = 0;
  /// Its name and settings: what a run that is resumed must have the same.
  virtual std::string description() const = 0;

  const std::vector<OptimizerState>& state() const { return state_; }
  std::span<Real> values(const OptimizerState& state) requires HostBackend<Backend> {
    return {address(state), static_cast<std::size_t>(state.tensor.size())};
  }
  /// Copies to the host, which waits for all that was asked before, and back.
  void read(const OptimizerState& state, std::span<Real> values) const {
    device::download(backend(), values.data(), address(state), state.tensor.size());
    model_->synchronize();
  }
  void write(const OptimizerState& state, std::span<const Real> values) {
    device::upload(backend(), address(state), values.data(), state.tensor.size());
  }
  /// Where the values lie in memory of the back end.
  Real* address(const OptimizerState& state) const { return address(state.tensor); }
  const Backend& backend() const { return model_->backend(); }

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
  /// Elements that are not saved, [1, size].
  Tensor scratch(std::int64_t size) {
    const Tensor t = matrix(Memory::optimizer, used_, 1, size);
    used_ += size;
    return t;
  }
  /// To be called once, after the declarations; an optimizer that declares nothing may leave it out. Throws Exception (resources)
  /// when there is no room.
  void allocate() {
    device::require(backend(), used_ * static_cast<std::int64_t>(sizeof(Real)), "the state of the optimizer");
    elements_ = device::allocate(backend(), used_);
    observe(norm_);
    const auto entered = device::enter(backend());
    norm_.add(backend(), op::SumOfSquares{.x = matrix(Memory::gradients, 0, 1, model_->parameter_count()), .sum = sum_},
              memories());
  }
  Memories<Real> memories() const {
    Memories<Real> m = model_->memories();
    m[Memory::optimizer] = elements_.data();
    return m;
  }
  /// The sum of the squares of all gradients [1, 1], which an update clips by and heeds.
  const Tensor& sum_of_squares() const { return sum_; }
  /// Numbers for the operations that are run from here on.
  void set(const Tensor& t, std::span<const Real> values) const {
    device::upload(backend(), address(t), values.data(), static_cast<std::int64_t>(values.size()));
  }
  BasicModel<Backend>& model() const { return *model_; }
  /// Operations on the gradients as they are.
  void run(const OperationList& list) const {
    model_->write_zero_gradients();
    device::run(backend(), list);
  }
  /// Before the operations are prepared: who watches the model (Engine::observe) watches these lists too.
  template <class... Lists>
  void observe(Lists&... lists) const {
    (lists.observe(model_->observer(), Phase::update), ...);
  }

 private:
  Real* address(const Tensor& t) const { return elements_.data() + t.offset; }

  BasicModel<Backend>* model_;
  std::vector<OptimizerState> state_;
  device::Buffer<Backend> elements_;
  Tensor sum_ = matrix(Memory::optimizer, 0, 1, 1);
  std::int64_t used_ = 1;
  OperationList norm_;
  Real norm_square_ = 0;
};

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::Optimizer;
}  // namespace genoform

namespace genoform::extend {
using inner::train::OptimizerState;
}  // namespace genoform::extend

#include "genoform/core/restore_macros.hpp"
