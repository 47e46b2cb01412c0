#pragma once
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

#include "genoform/train/optimizer.hpp"
#include "genoform/train/optimizer_choice.hpp"

/// An optimizer of a user's own: nothing here stands in the library. Its name is momentum.
namespace mine {

using namespace genoform;
using namespace genoform::extend;

/// Stochastic gradient descent with momentum: v <- momentum * v + g, w <- w - learning_rate * v.
struct Momentum {
  double momentum = 0.9;

  static constexpr std::string_view name = "momentum", help = "stochastic gradient descent with momentum";
  static constexpr auto settings() {
    return std::tuple{optimizer_setting("momentum", &Momentum::momentum, 0, 0.9999, "decay of the running sum of gradients")};
  }

  template <class Backend>
  class Bound;
  template <class Backend>
  std::unique_ptr<Optimizer<Backend>> bind(BasicModel<Backend>& model) const {
    return std::make_unique<Bound<Backend>>(*this, model);
  }
  std::int64_t elements(std::span<const TensorInfo> tensors) const {
    std::int64_t sum = 0;
    for (const TensorInfo& info : tensors)
      if (info.tensor.memory == Memory::weights) sum += info.tensor.size();
    return sum;
  }
};

/// On a back end whose memory the host can touch.
template <class Backend>
class Momentum::Bound final : public Optimizer<Backend> {
 public:
  using Real = typename Backend::Real;

  Bound(const Momentum& options, BasicModel<Backend>& model) : Optimizer<Backend>(model), options_(options) {
    for (const TensorInfo& info : model.tensors())
      if (info.tensor.memory == Memory::weights) this->declare("momentum." + info.name, info.shape);
    this->allocate();
  }

  std::string description() const override { return "momentum " + std::to_string(options_.momentum); }

  void update(std::int64_t, double learning_rate) override {
    if (!std::isfinite(this->measured_norm())) return;
    const auto w = this->model().parameters();
    const auto g = this->model().gradients();
    const auto decay = static_cast<Real>(options_.momentum), rate = static_cast<Real>(learning_rate);
    std::size_t at = 0;  // the state lies tensor after tensor, as the parameters do
    for (const OptimizerState& state : this->state())
      for (Real& v : this->values(state)) {
        v = decay * v + g[at];
        w[at] -= rate * v;
        ++at;
      }
    this->model().zero_gradients();
  }

 private:
  Momentum options_;
};

}  // namespace mine
