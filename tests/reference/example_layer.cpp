#include "genoform/layers/example.hpp"

#include "genoform/genoform.hpp"
#include "genoform/testing/check_gradients.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Writes a product whose output is too narrow.
struct NarrowLayer {
  static constexpr std::string_view name = "Narrow";
  struct Weights {
    Tensor w;
  };
  struct Saved {};
  constexpr void declare(Weights& w, Declaration& d) const {
    w.w = d.matrix("narrow.weight", 32, d.width(), Initializer::fan_in(d.width()));
  }
  constexpr void forward(auto& ops, const Weights& w, Saved&, Tensor x, Tensor y) const {
    ops(op::Linear{.x = x, .w = w.w, .y = y});
  }
  constexpr void backward(auto&, const Weights&, const Saved&, Tensor, Tensor, Tensor) const {}
};

template <class Part>
std::string refusal() {
  Module<Part, Reference> module({.width = 16});
  try {
    module.prepare({.batch = 2, .context = 4}, Pass::train);
  } catch (const Exception& e) { return e.what(); }
  return "none";
}

}  // namespace

TEST_CASE("the annotated example is a whole layer with right gradients") {
  static_assert(Layer<ExampleLayer>);
  static_assert(!Layer<Norm> && !Layer<int>);
  CHECK(testing::check_gradients<Block<Example<>, Example<Hidden<7>, Bias>>>().error < 1e-6);
}

TEST_CASE("the example's options stand in a text") {
  CHECK(text_of<Block<Example<Hidden<7>, Bias>, Ffn<ReLU>>> == "Block<Example<Hidden<7>, Bias>, Ffn<ReLU>>");
}

TEST_CASE("an operation whose shapes do not fit is refused with its layer, its name and the shapes") {
  CHECK(refusal<Block<Ffn<ReLU>, NarrowLayer>>() ==
        "blocks.0.1 Narrow: linear does not fit: it reads [8, 16], [32, 16] and writes [8, 16]");
  CHECK(refusal<Parallel<Ffn<ReLU>, NarrowLayer>>() ==
        "blocks.0.0 Narrow: linear does not fit: it reads [8, 16], [32, 16] and writes [8, 16]");
}
