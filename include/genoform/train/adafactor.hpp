#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "genoform/core/decimal.hpp"
#include "genoform/core/result.hpp"
#include "genoform/ops/adafactor.hpp"
#include "genoform/ops/operation_list.hpp"
#include "genoform/train/optimizer.hpp"
#include "genoform/train/optimizer_choice.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::train {

/// Adafactor (Shazeer and Stern, 2018), the optimizer of Primer, GLaM and Brainformer: second moments of a matrix by row and
/// column only, updates clipped by their own size, steps in proportion to the size of the parameters. The defaults are those of
/// Primer's T5 runs; glam() has those of GLaM and Brainformer. op::AdafactorUpdate has the formulas.
/// The papers' rate: 0.01 for 10,000 steps, then 0.01 * sqrt(10000 / step): Schedule::Kind::reciprocal_square_root.
struct Adafactor {
  double beta1 = 0;                ///< 0: no momentum, and no memory for it
  double beta2 = 0;                ///< 0: 1 - step^-exponent; else fixed, with Adam's correction (section 7.1 of the paper)
  double exponent = 0.8;           ///< of the growing beta2
  double update_clip = 1;          ///< largest rms of an update over a tensor; 0: never clipped
  double epsilon1 = 1e-30;         ///< added to each square; at least 1e-36, which f32 still holds
  double epsilon2 = 1e-3;          ///< the least size that a tensor counts with in a relative step
  bool relative = true;            ///< the rate is a share of the rms of the tensor
  double weight_decay = 0;         ///< decoupled, of matrices, by rate * decay as in AdamW
  std::int64_t factor_from = 128;  ///< matrices with both sides at least this are factored (Mesh TensorFlow's value); 1: all

  static constexpr std::string_view name = "adafactor",
                                    help =
                                        "Adafactor as in the papers: factored second moments, steps relative to the parameters";
  static constexpr auto settings() {
    using A = Adafactor;
    return std::tuple{
        optimizer_setting("beta1", &A::beta1, 0, 0.999999, "decay of the first moments; 0: none"),
        optimizer_setting("beta2", &A::beta2, 0, 0.999999, "decay of the second moments; 0: 1 - step^-exponent (GLaM: 0.99)"),
        optimizer_setting("exponent", &A::exponent, 1e-6, 1e6, "of the growing beta2"),
        optimizer_setting("update-clip", &A::update_clip, 0, 1e30, "largest rms of a tensor's update; 0: no limit"),
        optimizer_setting("epsilon1", &A::epsilon1, 1e-36, 1, "added to each square"),
        optimizer_setting("epsilon2", &A::epsilon2, 0, 1e30, "smallest size that a tensor counts with in a relative step"),
        optimizer_setting("relative", &A::relative, 0, 1,
                          "1: the learning rate is a share of the rms of each tensor; 0: it is not"),
        optimizer_setting("weight-decay", &A::weight_decay, 0, 1e30, "weight decay of matrices"),
        optimizer_setting("factor-from", &A::factor_from, 1, 2147483647, "smallest side of a matrix that is factored")};
  }

  static constexpr Adafactor glam() {
    Adafactor settings;
    settings.beta2 = 0.99;
    return settings;
  }

  template <class Backend>
  class Bound;
  /// The optimizer of one model, which must outlive it and stay where it is. Throws Exception when a setting makes no sense.
  template <class Backend>
  std::unique_ptr<Optimizer<Backend>> bind(BasicModel<Backend>& model) const {
    return std::make_unique<Bound<Backend>>(checked(), model);
  }

  /// Are the second moments of this tensor kept by row and column? The matrices of experts are factored one by one.
  bool factors(const TensorInfo& info) const {
    const std::size_t n = info.shape.size();
    return n >= 2 && info.shape[n - 1] >= factor_from && info.shape[n - 2] >= factor_from;
  }
  /// Numbers of memory for a model of these tensors, scratch included.
  std::int64_t elements(std::span<const TensorInfo> tensors) const {
    std::int64_t sum = scratch_elements + factor_elements(tensors);
    for (const TensorInfo& info : tensors)
      if (info.tensor.memory == Memory::weights)
        sum += (factors(info) ? rows_of(info) + columns_of(info) : info.tensor.size()) + (beta1 > 0 ? info.tensor.size() : 0);
    return sum;
  }

 private:
  static constexpr std::int64_t scratch_elements = 1 + 8;  ///< the sum of squares and the controls

  static std::int64_t blocks_of(const TensorInfo& info) { return info.shape.size() == 3 ? info.shape[0] : 1; }
  static std::int64_t rows_of(const TensorInfo& info) { return info.tensor.rows; }
  static std::int64_t columns_of(const TensorInfo& info) { return blocks_of(info) * info.tensor.columns; }
  /// Of the largest factored tensor: scratch that all share.
  std::int64_t factor_elements(std::span<const TensorInfo> tensors) const {
    std::int64_t largest = 0;
    for (const TensorInfo& info : tensors)
      if (info.tensor.memory == Memory::weights && factors(info)) largest = std::max(largest, rows_of(info) + columns_of(info));
    return largest;
  }

  Adafactor checked() const {
    const auto refuse = [](const char* what) { throw Exception({ErrorKind::usage, std::string("adafactor: ") + what}); };
    if (!(beta1 >= 0 && beta1 < 1)) refuse("beta1 must be at least 0 and below 1");
    if (!(beta2 >= 0 && beta2 < 1)) refuse("beta2 must be at least 0 and below 1; 0 lets it grow with the step");
    if (!(exponent > 0)) refuse("the exponent of beta2 must be above 0");
    if (!(epsilon1 >= 1e-36) || !(epsilon2 >= 0)) refuse("epsilon1 must be at least 1e-36, epsilon2 at least 0");
    if (!(update_clip >= 0) || !(weight_decay >= 0)) refuse("the clipping and the decay must be at least 0");
    if (factor_from < 1) refuse("matrices are factored from a side of at least 1 on");
    return *this;
  }
};

template <class Backend>
class Adafactor::Bound final : public Optimizer<Backend> {
 public:
  using Real = typename Backend::Real;

  Bound(const Adafactor& options, BasicModel<Backend>& model) : Optimizer<Backend>(model), options_(options) {
    controls_ = this->scratch(8);
    factors_ = this->scratch(options_.factor_elements(model.tensors()));
    std::vector<op::AdafactorUpdate> updates;
    for (const TensorInfo& info : model.tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      const op::AdafactorUpdate update = declare_state(info);
      if (!info.frozen) updates.push_back(update);
    }
    this->allocate();
    prepare(updates);
  }

  std::string description() const override {
    const Adafactor& o = options_;
    return "adafactor beta1 " + general_text(o.beta1) + " beta2 " + general_text(o.beta2) + " exponent " +
           general_text(o.exponent) + " update clip " + general_text(o.update_clip) + " epsilons " + general_text(o.epsilon1) +
           " " + general_text(o.epsilon2) + " relative " + (o.relative ? "yes" : "no") + " decay " +
           general_text(o.weight_decay) + " factored from " + std::to_string(o.factor_from);
  }

  void update(std::int64_t step, double learning_rate) override {
    const double one_minus_beta2 = one_minus_beta2_at(step);
    std::array<Real, 8> controls{};
    const auto set = [&](op::AdafactorControl control, double value) { controls[control] = static_cast<Real>(value); };
    set(op::adafactor_learning_rate, learning_rate);
    set(op::adafactor_beta1, options_.beta1);
    set(op::adafactor_beta2, 1 - one_minus_beta2);
    set(op::adafactor_one_minus_beta2, one_minus_beta2);
    set(op::adafactor_epsilon1, options_.epsilon1);
    set(op::adafactor_epsilon2, options_.epsilon2);
    set(op::adafactor_weight_decay, options_.weight_decay);
    set(op::adafactor_clip, options_.update_clip);
    this->set(controls_, controls);
    this->run(updates_);
    this->model().zero_gradients();
  }

 private:
  /// 1 - beta2 of a step. The first step forgets the start of the moments altogether, whichever rule is used.
  double one_minus_beta2_at(std::int64_t step) const {
    const auto t = static_cast<double>(step);
    if (options_.beta2 == 0) return std::pow(t, -options_.exponent);
    return (1 - options_.beta2) / (1 - std::pow(options_.beta2, t));  // = 1 - beta2 (1 - beta2^(t-1)) / (1 - beta2^t)
  }

  /// Declares what is remembered of a tensor; returns its update.
  op::AdafactorUpdate declare_state(const TensorInfo& info) {
    op::AdafactorUpdate u{.w = info.tensor,
                          .g = gradient(info.tensor),
                          .row_means = {},
                          .column_means = {},
                          .factors = {},
                          .squares = {},
                          .momentum = {},
                          .controls = controls_,
                          .sum = this->sum_of_squares(),
                          .decays = info.decays,
                          .relative = options_.relative};
    const auto like_w = [&](const char* prefix) {
      const Tensor t = this->declare(prefix + info.name, info.shape);
      return matrix(t.memory, t.offset, info.tensor.rows, info.tensor.columns);
    };
    if (options_.factors(info)) {
      std::vector<std::int64_t> rows = info.shape, columns = info.shape;
      rows.pop_back();
      columns.erase(columns.end() - 2);
      const std::int64_t blocks = blocks_of(info);
      const Tensor r = this->declare("adafactor.r." + info.name, rows), c = this->declare("adafactor.c." + info.name, columns);
      u.row_means = matrix(r.memory, r.offset, blocks, info.tensor.rows / blocks);
      u.column_means = matrix(c.memory, c.offset, blocks, info.tensor.columns);
      u.factors = factors_.column_range(0, rows_of(info) + columns_of(info));
    } else {
      u.squares = like_w("adafactor.v.");
    }
    if (options_.beta1 > 0) u.momentum = like_w("adafactor.m.");
    return u;
  }

  void prepare(const std::vector<op::AdafactorUpdate>& updates) {
    const Memories<Real> memories = this->memories();
    const Backend& backend = this->backend();
    this->observe(updates_);
    const auto entered = device::enter(backend);
    for (const op::AdafactorUpdate& update : updates) updates_.add(backend, update, memories);
  }

  Adafactor options_;
  Tensor controls_, factors_;
  OperationList updates_;
};

}  // namespace genoform::inner::train

namespace genoform {
using inner::train::Adafactor;
}  // namespace genoform

#include "genoform/core/restore_macros.hpp"
