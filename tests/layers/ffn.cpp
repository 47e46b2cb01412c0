#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_kinds;

TEST_CASE(
    "the gradients of every activation of an FFN are right, and an error planted in any of its backward operations is found") {
  check_kinds<Ffn<ReLU, Hidden<13>>, Ffn<GeLU, Hidden<10>>, Ffn<Swish, Hidden<7>>, Ffn<SqReLU, Hidden<17>>,
              Ffn<Identity, Hidden<5>>>();
}

TEST_CASE("the gradients of every gated activation of an FFN are right") {
  check_kinds<Ffn<Glu<ReLU>, Hidden<13>>, Ffn<Glu<GeLU>, Hidden<10>>, Ffn<Glu<Swish>, Hidden<7>>, Ffn<Glu<SqReLU>, Hidden<9>>,
              Ffn<Glu<Identity>, Hidden<5>>>();
}

TEST_CASE("the gradients of an FFN with biases are right") {
  check_kinds<Ffn<SqReLU, Hidden<11>, Bias>, Ffn<Glu<Swish>, Hidden<11>, Bias>, Ffn<SqReLU>, Ffn<SwiGlu>>();
}

TEST_CASE("the gradients of all norms in all places are right") {
  check_kinds<Ffn<GeLU, Hidden<9>, Pre<LayerNorm>>, Ffn<GeLU, Hidden<9>, Pre<NoNorm>>, Ffn<GeLU, Hidden<9>, Post<RmsNorm>>,
              Ffn<GeLU, Hidden<9>, Post<LayerNorm>>, Ffn<GeLU, Hidden<9>, Inner<RmsNorm>>,
              Ffn<SqReLU, Hidden<9>, Bias, Inner<LayerNorm>>,
              Ffn<GeLU, Hidden<9>, Pre<RmsNorm>, Inner<LayerNorm>, Post<RmsNorm>>>();
}
