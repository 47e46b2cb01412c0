#include "tests/layers/check.hpp"
#include "tests/layers/shift_layer.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_kinds;
using genoform::tests::ShiftLayer;

namespace {

using Mixed = Block<Attention<Heads<2>, HeadDim<4>, DConv<3>>, Moe<Top2, Experts<3>, Hidden<5>>, Ffn<SqReLU, Hidden<9>>>;

/// ShiftLayer with a wrong backward pass: it leaves out the gradient of the filter.
struct ForgetfulLayer : ShiftLayer {
  template <class Ops>
  constexpr void backward(Ops& ops, const Weights& w, const Saved& s, Tensor, Tensor dy, Tensor dx) const {
    ops(op::LinearWeightGradient{.x = s.shifted, .dy = dy, .dw = gradient(w.mix)});
    ops(op::LinearInputGradient{.dy = dy, .w = w.mix, .dx = dx});
  }
};

}  // namespace

TEST_CASE("the gradients of blocks and stacks are right") {
  check_kinds<Mixed, Stack<Block<Attention<Heads<2>, HeadDim<4>>, Ffn<GeLU, Hidden<7>>>, 3>>();
}

TEST_CASE("the gradients of whole decoders are right, from the embedding to the loss") {
  check_kinds<Decoder<Stack<Mixed, 2>>,
              Decoder<Stack<Block<Attention<Heads<2>, HeadDim<4>>, Ffn<SwiGlu, Hidden<6>>>, 2>, FinalNorm<LayerNorm>>,
              Decoder<Body<Stack<Block<Moe<ExpertChoice, Experts<3>, Hidden<5>>>, 1>, Stack<Block<Ffn<ReLU, Hidden<6>>>, 2>>,
                      FinalNorm<NoNorm>>>();
}

TEST_CASE("a layer of one's own stands in a fixed model and is checked like the library's") {
  check_kinds<ShiftLayer, Decoder<Stack<Block<ShiftLayer, Ffn<SqReLU, Hidden<7>>>, 2>>>();
}

TEST_CASE("a layer whose backward pass leaves out a term is found, with the name of the tensor") {
  const auto check = testing::check_gradients<ForgetfulLayer>();
  REQUIRE(check.error > 0.1);
  REQUIRE((check.tensor == "blocks.0.0.shift.taps" || check.tensor == "input"));
}
