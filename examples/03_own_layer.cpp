// A layer of one's own: it stands in a block as it is, and the library's own check finds out whether its backward pass is right.
#include <cstdio>

#include "genoform/genoform.hpp"
#include "genoform/testing/check_gradients.hpp"

using namespace genoform;
using namespace genoform::extend;

/// y = u * f(g) with u, g = Wx split in two: a gate without a matrix after it. x, y: [N, D].
struct GateLayer {
  static constexpr std::string_view name = "Gate";
  struct Weights {
    Tensor w;
  };
  struct Saved {
    Tensor both;
  };

  constexpr void declare(Weights& w, Declaration& d) const {
    w.w = d.matrix("gate.weight", 2 * d.width(), d.width(), Initializer::fan_in(d.width()));
  }
  constexpr void forward(auto& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    s.both = ops.keep(x.rows, 2 * x.columns);
    ops(op::Linear{.x = x, .w = w.w, .y = s.both});
    ops(op::Activate{.f = op::Function::swish, .u = half(s.both, 0), .gate = half(s.both, 1), .y = y});
  }
  constexpr void backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d = ops.scratch(x.rows, 2 * x.columns);
    ops(op::ActivateGradient{.f = op::Function::swish,
                             .u = half(s.both, 0),
                             .gate = half(s.both, 1),
                             .dy = dy,
                             .du = half(d, 0),
                             .dgate = half(d, 1)});
    ops(op::LinearWeightGradient{.x = x, .dy = d, .dw = gradient(w.w)});
    ops(op::LinearInputGradient{.dy = d, .w = w.w, .dx = dx});
  }
  static constexpr Tensor half(Tensor both, int i) { return both.column_range(i * both.columns / 2, both.columns / 2); }
};

int main() {
  const auto check = testing::check_gradients<Block<GateLayer, Ffn<SqReLU>>>();
  std::printf("%lld gradients are %s\n", static_cast<long long>(check.elements), check.error < 1e-6 ? "right" : "wrong");
}
