#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_kinds;

TEST_CASE("the gradients of attention are right where heads times head dimension is not the width") {
  check_kinds<Attention<Heads<3>, HeadDim<6>>, Attention<Heads<1>, HeadDim<2>>, Attention<Heads<5>, HeadDim<3>, NoPos>>();
}

TEST_CASE("the gradients of attention with shared key heads are right") {
  check_kinds<Attention<Heads<4>, KvHeads<2>, HeadDim<4>>, Attention<Heads<3>, KvHeads<1>, HeadDim<2>>,
              Attention<Heads<2>, KvHeads<2>, HeadDim<3>, NoPos>>();
}

TEST_CASE("the gradients of attention with a convolution are right, also when it is wider than the sequence") {
  check_kinds<Attention<Heads<2>, HeadDim<4>, DConv<3>>, Attention<Heads<4>, KvHeads<2>, HeadDim<2>, DConv<1>>,
              Attention<Heads<2>, HeadDim<3>, DConv<13>, NoPos>>();
}

TEST_CASE("the gradients of attention inside its norms are right") {
  check_kinds<Attention<Heads<2>, HeadDim<4>, Pre<LayerNorm>>, Attention<Heads<2>, HeadDim<4>, Post<RmsNorm>>,
              Attention<Heads<2>, HeadDim<4>, DConv<3>, Inner<LayerNorm>>>();
}
