// A router of one's own: the layer's way of choosing experts is new, experts, slots and their gradients are the library's.
#include <cstdio>
#include <string>

#include "genoform/genoform.hpp"
#include "genoform/layers/experts.hpp"
#include "genoform/layers/routers/routing.hpp"
#include "genoform/testing/check_gradients.hpp"

using namespace genoform;
using namespace genoform::extend;

/// Each token takes its two experts of largest sigmoid(l), l = Wr x, which is their weight as it is: a sparse gate in which
/// experts do not compete. x, y: [N, D].
struct SparseGateLayer {
  static constexpr std::string_view name = "SparseGate";
  int hidden = 24, choices = 2;

  struct Weights {
    Tensor router;
    ExpertLayers::Weights experts;
  };
  struct Saved {
    Tensor scores;
    op::Assignment to;
    ExpertLayers::Saved experts;
  };
  constexpr ExpertLayers experts() const { return {.activation = {}, .experts = 4, .hidden = hidden}; }

  constexpr void declare(Weights& w, Declaration& d) const {
    w.router = d.matrix("gate.router.weight", experts().experts, d.width(), Initializer::fan_in(d.width()), true);
    experts().declare(w.experts, d, 100 * choices);
  }
  constexpr void forward(auto& ops, const Weights& w, Saved& s, Tensor x, Tensor y) const {
    s.scores = ops.keep(x.rows, w.router.rows);
    ops(op::Linear{.x = x, .w = w.router, .y = s.scores});
    ops(op::Sigmoid{.x = s.scores, .y = s.scores});
    s.to = make_assignment(ops, x.rows, w.router.rows, x.rows * choices, choices);
    ops(op::ChooseTopK{.scores = s.scores, .tokens = ops.step.tokens, .to = s.to});
    ops(op::AssignSlots{.scores = s.scores, .to = s.to});
    experts().forward(ops, w.experts, s.experts, s.to, x, y);
  }
  constexpr void backward(auto& ops, const Weights& w, const Saved& s, Tensor x, Tensor dy, Tensor dx) const {
    const Tensor d_out = ops.scratch(s.experts.out.rows, x.columns), d_weight = ops.scratch(d_out.rows, 1);
    experts().combine_backward(ops, s.experts, s.to, dy, d_out, d_weight);
    const Tensor d = ops.scratch(x.rows, w.router.rows);
    ops(op::RouteTokenChoiceGradient{.p = s.scores, .to = s.to, .dweight = d_weight, .dp = d, .choices = choices});
    ops(op::SigmoidGradient{.y = s.scores, .dy = d, .dx = d});
    ops(op::LinearWeightGradient{.x = x, .dy = d, .dw = gradient(w.router)});
    ops(op::LinearInputGradient{.dy = d, .w = w.router, .dx = dx});
    experts().backward(ops, w.experts, s.experts, s.to, d_out, dx);
  }
};

int main() {
  using Net = Decoder<Stack<Block<SparseGateLayer, Ffn<SqReLU>>, 2>, Vocab<11>, Width<12>, Context<7>>;
  const auto check = testing::check_gradients<Net>();
  std::printf("%s\n%lld parameters, %lld of them activated\n", std::string(text_of<Net>).c_str(),
              static_cast<long long>(parameters<Net>), static_cast<long long>(activated_parameters<Net>));
  std::printf("%lld gradients are %s\n", static_cast<long long>(check.elements), check.error < 1e-6 ? "right" : "wrong");
}
