#pragma once
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "genoform/core/decimal.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/ops/optimizer.hpp"
#include "genoform/train/optimizer.hpp"
#include "genoform/train/optimizer_choice.hpp"

namespace genoform::inner::train {

/// AdamW with decoupled decay (Loshchilov and Hutter, 2019): matrices decay, norms, biases and dconv do not.
/// Gradients are clipped by their global norm first; clip 0: never.
struct AdamW {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip = 1;

  static constexpr std::string_view name = "adamw", help = "AdamW with decoupled weight decay";
  static constexpr auto settings() {
    return std::tuple{optimizer_setting("beta1", &AdamW::beta1, 0, 0.999999, "decay of the first moments"),
                      optimizer_setting("beta2", &AdamW::beta2, 0, 0.999999, "decay of the second moments"),
                      optimizer_setting("epsilon", &AdamW::epsilon, 0, 1, "added to the root of the second moments"),
                      optimizer_setting("weight-decay", &AdamW::weight_decay, 0, 1e30, "weight decay of matrices"),
                      optimizer_setting("clip", &AdamW::clip, 0, 1e30, "largest global norm of the gradients; 0: no limit")};
  }

  template <class Backend>
  class Bound;
  /// The optimizer of one model. The model must outlive it and stay where it is.
  template <class Backend>
  std::unique_ptr<Optimizer<Backend>> bind(BasicModel<Backend>& model) const {
    return std::make_unique<Bound<Backend>>(*this, model);
  }
  /// Prepares what needs scratch on a back end that measures (see memory_needed).
  template <class Backend>
  static void rehearse(const Backend& backend, std::int64_t parameters) {
    const Tensor sum = matrix(Memory::optimizer, 0, 1, 1);
    (void)backend.prepare(op::SumOfSquares{.x = matrix(Memory::gradients, 0, 1, parameters), .sum = sum}, {});
  }
  /// Numbers of memory for a model of these tensors, scratch included.
  std::int64_t elements(std::span<const TensorInfo> tensors) const {
    std::int64_t sum = 1 + 8;
    for (const TensorInfo& info : tensors)
      if (info.tensor.memory == Memory::weights) sum += 2 * info.tensor.size();
    return sum;
  }
};

template <class Backend>
class AdamW::Bound final : public Optimizer<Backend> {
 public:
  using Real = typename Backend::Real;

  Bound(const AdamW& options, BasicModel<Backend>& model) : Optimizer<Backend>(model), options_(options) {
    const Tensor m = declare_moments("adamw.m.");
    const Tensor v = declare_moments("adamw.v.");
    controls_ = this->scratch(8);
    this->allocate();
    prepare(m, v);
  }

  std::string description() const override {
    return "adamw beta1 " + general_text(options_.beta1) + " beta2 " + general_text(options_.beta2) + " epsilon " +
           general_text(options_.epsilon) + " decay " + general_text(options_.weight_decay) + " clip " +
           general_text(options_.clip);
  }

  void update(std::int64_t step, double learning_rate) override {
    std::array<Real, 8> controls{};
    const auto set = [&](op::AdamWControl control, double value) { controls[control] = static_cast<Real>(value); };
    set(op::learning_rate_index, learning_rate);
    set(op::beta1_index, options_.beta1);
    set(op::beta2_index, options_.beta2);
    set(op::epsilon_index, options_.epsilon);
    set(op::weight_decay_index, options_.weight_decay);
    set(op::correction1_index, 1 - std::pow(options_.beta1, static_cast<double>(step)));
    set(op::correction2_index, 1 - std::pow(options_.beta2, static_cast<double>(step)));
    set(op::clip_index, options_.clip);
    this->set(controls_, controls);
    this->run(updates_);
    this->model().zero_gradients();
  }

 private:
  /// One state tensor for each trainable one, packed like the parameters; returns all of them as one.
  Tensor declare_moments(const char* prefix) {
    Tensor all = this->scratch(0);
    for (const TensorInfo& info : this->model().tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      all.columns += this->declare(prefix + info.name, info.shape).size();
    }
    all.stride = all.columns;
    return all;
  }

  /// One update for each run of neighbouring tensors that decay alike; none for frozen ones.
  void prepare(Tensor m, Tensor v) {
    const Memories<Real> memories = this->memories();
    const Backend& backend = this->backend();
    this->observe(updates_);
    const auto entered = device::enter(backend);
    std::int64_t first = 0, end = 0;
    bool decays = false, frozen = false;
    const auto finish_run = [&] {
      if (end == first || frozen) return;
      const Tensor w = matrix(Memory::weights, first, 1, end - first);
      updates_.add(backend,
                   op::AdamWUpdate{.w = w,
                                   .g = gradient(w),
                                   .m = m.column_range(first, w.columns),
                                   .v = v.column_range(first, w.columns),
                                   .sum = this->sum_of_squares(),
                                   .controls = controls_,
                                   .decays = decays},
                   memories);
    };
    for (const TensorInfo& info : this->model().tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      if (info.decays != decays || info.frozen != frozen) {
        finish_run();
        first = end;
        decays = info.decays;
        frozen = info.frozen;
      }
      end = info.tensor.offset + info.tensor.size();
    }
    finish_run();
  }

  AdamW options_;
  Tensor controls_;
  OperationList updates_;
};

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::AdamW;
}  // namespace genoform
