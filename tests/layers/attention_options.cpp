#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_kinds;

TEST_CASE("the gradients of attention with a relative bias are right, and an error planted in any backward operation is found") {
  check_kinds<Attention<Heads<3>, HeadDim<6>, RelBias<7, 9>>, Attention<Heads<4>, HeadDim<3>, KvHeads<2>, RelBias<2, 2>>,
              Attention<Heads<2>, HeadDim<5>, DConv<3>, RelBias<32, 128>>>();
}

TEST_CASE("the gradients of attention with a window are right, of one position and of more than there are") {
  check_kinds<Attention<Heads<3>, HeadDim<6>, NoPos, Window<1>>, Attention<Heads<4>, HeadDim<3>, KvHeads<2>, NoPos, Window<3>>,
              Attention<Heads<2>, HeadDim<4>, RelBias<4, 5>, Window<4>>, Attention<Heads<2>, HeadDim<4>, Window<99>>>();
}

TEST_CASE("the gradients of attention with normed queries and keys are right, rotated and not rotated") {
  check_kinds<Attention<Heads<3>, HeadDim<6>, QkNorm>, Attention<Heads<4>, HeadDim<3>, KvHeads<2>, NoPos, QkNorm>,
              Attention<Heads<2>, HeadDim<4>, DConv<3>, RelBias<4, 5>, QkNorm>>();
}

TEST_CASE("the gradients of attention whose queries are made from the keys are right") {
  check_kinds<Attention<Heads<3>, HeadDim<6>, SharedQk>, Attention<Heads<2>, HeadDim<5>, SharedQk, NoPos>,
              Attention<Heads<2>, HeadDim<5>, DConv<3>, SharedQk, RelBias<4, 5>, Inner<PrimerNorm>>,
              Attention<Heads<2>, HeadDim<4>, DConv<2>, SharedQk, Window<3>, QkNorm>>();
}

TEST_CASE("the gradients of Primer's norm are right in all places") {
  check_kinds<Ffn<SqReLU, Hidden<9>, Bias, Inner<PrimerNorm>>, Ffn<GeLU, Hidden<9>, Pre<PrimerNorm>, Post<PrimerNorm>>>();
}
