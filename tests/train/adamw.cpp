#include <algorithm>
#include <cmath>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

/// One AdamW step of Loshchilov and Hutter on plain vectors, gradients already clipped.
void plain_adamw(const AdamW& o, int step, double learning_rate, bool decays, double g, double& w, double& m, double& v) {
  m = o.beta1 * m + (1 - o.beta1) * g;
  v = o.beta2 * v + (1 - o.beta2) * g * g;
  const double mean = m / (1 - std::pow(o.beta1, step)), square = v / (1 - std::pow(o.beta2, step));
  w -= learning_rate * (mean / (std::sqrt(square) + o.epsilon) + (decays ? o.weight_decay : 0) * w);
}

}  // namespace

TEST_CASE("AdamW follows its formulas on every tensor, with decay on matrices only and clipping by the global norm") {
  Model<Mixed, Reference> model({.seed = 5});
  const AdamW options{.beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 0.5};
  const auto optimizer = options.bind(model);
  std::vector<double> w = copied(model.parameters()), m(w.size()), v(w.size());
  for (int step = 1; step <= 3; ++step) {
    double squares = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      model.gradients()[i] = std::sin(static_cast<double>(i) * step);
      squares += model.gradients()[i] * model.gradients()[i];
    }
    REQUIRE(optimizer->gradient_norm() == Approx(std::sqrt(squares)));
    const std::vector<double> g = copied(model.gradients());
    optimizer->update(step, 0.01);
    REQUIRE(std::ranges::all_of(model.gradients(), [](double x) { return x == 0; }));
    for (const TensorInfo& info : model.tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      for (auto i = static_cast<std::size_t>(info.tensor.offset);
           i < static_cast<std::size_t>(info.tensor.offset + info.tensor.size()); ++i)
        plain_adamw(options, step, 0.01, info.decays, g[i] * options.clip / std::sqrt(squares), w[i], m[i], v[i]);
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < w.size(); ++i) worst = std::max(worst, std::abs(w[i] - model.parameters()[i]));
  REQUIRE(worst < 1e-12);
}

TEST_CASE("AdamW declares two moments for each trained tensor, in its shape, and none for state") {
  Model<Mixed, Reference> model;
  const auto optimizer = AdamW{}.bind(model);
  std::size_t trained = 0;
  for (const TensorInfo& info : model.tensors()) trained += info.tensor.memory == Memory::weights ? 1 : 0;
  REQUIRE(trained < model.tensors().size());
  REQUIRE(optimizer->state().size() == 2 * trained);
  REQUIRE(optimizer->state().front().name == "adamw.m." + model.tensors().front().name);
  REQUIRE(optimizer->state().front().shape == model.tensors().front().shape);
}

TEST_CASE("norms, biases and convolutions do not decay") {
  Model<Mixed, Reference> model;
  for (const TensorInfo& info : model.tensors()) {
    const bool plain = info.name.ends_with(".dconv") || info.shape.size() == 1;
    INFO(info.name);
    REQUIRE(info.decays == !plain);
  }
}
