#include <cmath>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"
#include "genoform/ops/operations.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// As ALiBi has them: 2^(-8 (h + 1) / H).
double of_head(std::int64_t head, std::int64_t heads) {
  return std::exp2(-8.0 * static_cast<double>(head + 1) / static_cast<double>(heads));
}

/// A layer of a user's own with state of every sort; its router notes no loads. y = x.
struct StateLayer {
  static constexpr std::string_view name = "State";
  struct Weights {
    Tensor counted, per_head, integers, threes, doubled, load;
  };
  struct Saved {};

  constexpr void declare(Weights& w, Declaration& d) const {
    w.counted = d.state("state.counted", 5, Initializer::modulo(3), false, false);
    w.per_head = d.state("state.per_head", 4, Initializer::function(of_head), false, false);
    w.integers = d.integers("state.integers", 5, Initializer::modulo(3), 3);
    w.threes = d.integers("state.threes", 2, Initializer::constant(3), 4);
    w.doubled = d.integers("state.doubled", 4,
                           Initializer::function([](std::int64_t i, std::int64_t) { return 2.0 * static_cast<double>(i); }), 8);
    w.load = d.load("state.load", 2);
  }
  constexpr void forward(auto& ops, const Weights&, Saved&, Tensor x, Tensor y) const { ops(op::Copy{.x = x, .y = y}); }
  constexpr void backward(auto& ops, const Weights&, const Saved&, Tensor, Tensor dy, Tensor dx) const {
    ops(op::Copy{.x = dy, .y = dx});
  }
};

/// The same with one tensor of integers that starts in a way that makes no sense.
template <int Case>
struct WrongLayer : StateLayer {
  constexpr void declare(Weights& w, Declaration& d) const {
    const Initializer starts[] = {Initializer::normal(1), Initializer::constant(8), Initializer::constant(0.5),
                                  Initializer::modulo(0)};
    w.integers = d.integers("wrong", 2, starts[Case], 8);
  }
};
template <int Case>
std::string refusal() {
  try {
    const Module<WrongLayer<Case>, Reference> module({.width = 4});
  } catch (const Exception& e) { return e.what(); }
  return "no exception";
}

std::string refusal_of(auto call) {
  try {
    call();
  } catch (const Exception& e) { return e.what(); }
  return "no exception";
}

using Net = Decoder<Block<Attention<Heads<2>>, Moe<Hash, Experts<2>, Hidden<8>>>, Vocab<16>, Width<8>, Context<7>>;

}  // namespace

TEMPLATE_TEST_CASE("state starts with numbers of its own element type", "", Cpu, Reference) {
  Module<StateLayer, TestType> module({.width = 4});
  const auto reals = [&](const std::string& name) {
    for (const TensorInfo& info : module.tensors())
      if (info.name == "blocks.0.0." + name) {
        const auto values = module.values(info);
        return std::vector<double>(values.begin(), values.end());
      }
    return std::vector<double>();
  };
  const auto integers = [&](const std::string& name) {
    const auto values = module.integers("blocks.0.0." + name);
    return std::vector<int>(values.begin(), values.end());
  };
  CHECK(reals("state.counted") == std::vector<double>{0, 1, 2, 0, 1});
  CHECK(reals("state.per_head") == std::vector<double>{0.25, 0.0625, 0.015625, 0.00390625});
  CHECK(integers("state.integers") == std::vector<int>{0, 1, 2, 0, 1});
  CHECK(integers("state.threes") == std::vector<int>{3, 3});
  CHECK(integers("state.doubled") == std::vector<int>{0, 2, 4, 6});
}

TEST_CASE("integers that cannot start as declared are refused when the model is made") {
  CHECK(refusal<0>() == "blocks.0.0.wrong has integers; their Initializer is constant, modulo or function");
  CHECK(refusal<1>() == "blocks.0.0.wrong: an initial value is no integer from 0 to 7");
  CHECK(refusal<2>() == "blocks.0.0.wrong: an initial value is no integer from 0 to 7");
  CHECK(refusal<3>() == "blocks.0.0.wrong: Initializer::modulo counts to at least 1");
}

TEST_CASE("a router that notes no loads and a pass without tokens have a summary of zeros, never NaN") {
  Module<StateLayer, Cpu> module({.width = 4});
  const std::vector<float> x(12, 1);
  module.forward(x, 1);
  module.backward(x);
  module.after_step();
  CHECK(!module.routing_summary().exists());
  CHECK(module.routing_summary().worst_load == 0);

  Model<Net, Cpu> model({.seed = 1});
  const std::vector<Token> padding(7, -1);
  const Losses losses = model.loss_and_gradient(padding, padding, 1);
  model.after_step();
  CHECK(losses.main == 0);
  CHECK(!model.routing_summary().exists());
  CHECK(model.routing_summary().entropy == 0);
}

TEST_CASE("a name that no tensor has is refused with the nearest one") {
  Model<Net, Cpu> model({.seed = 1});
  CHECK(refusal_of([&] { model.gradient("blocks.0.0.attention.q.wieght"); }) ==
        "the model has no trained tensor \"blocks.0.0.attention.q.wieght\"; tensors() lists all; did you mean "
        "\"blocks.0.0.attention.q.weight\"?");
  CHECK(refusal_of([&] { model.parameter("misspelt"); }) == "the model has no trained tensor \"misspelt\"; tensors() lists all");
  CHECK(refusal_of([&] { model.integers("blocks.0.1.moe.tabel"); }) ==
        "the model has no tensor of integers \"blocks.0.1.moe.tabel\"; tensors() lists all; did you mean "
        "\"blocks.0.1.moe.table\"?");
  CHECK(refusal_of([&] { model.parameter("blocks.0.1.moe.table"); }).starts_with("the model has no trained tensor"));
  CHECK(model.integers("blocks.0.1.moe.table").size() == 16);
}
