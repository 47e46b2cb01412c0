#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_gradients_of;
using genoform::tests::check_kinds;

TEST_CASE("the gradients of the token choice routers are right, with the balance loss and without drops") {
  check_kinds<Moe<Top1, Experts<3>, Hidden<7>>, Moe<Top2, Experts<5>, Hidden<6>>, Moe<TopK<3>, Experts<4>, Hidden<5>>,
              Moe<Top2, Experts<2>, Hidden<5>>>();
  check_gradients_of<Moe<TopK<1>, Experts<3>, Hidden<4>>>();  // its weights are 1: the gradient of the router is too small to
                                                              // find planted errors
}

TEST_CASE("the gradients of the token choice routers are right when tokens are dropped") {
  check_kinds<Moe<Top1, Experts<3>, Hidden<7>, Capacity<60>>, Moe<Top2, Experts<4>, Hidden<6>, Capacity<70>>,
              Moe<TopK<3>, Experts<5>, Hidden<4>, Capacity<100>>>();
}

TEST_CASE("the gradients of expert choice are right below, at and above full capacity") {
  check_kinds<Moe<ExpertChoice, Experts<3>, Hidden<6>, Capacity<40>>, Moe<ExpertChoice, Experts<4>, Hidden<6>>,
              Moe<ExpertChoice, Experts<2>, Hidden<5>, Capacity<150>>>();
}

TEST_CASE("the gradients of experts with every kind of activation are right") {
  check_kinds<Moe<Top2, Experts<3>, Hidden<6>, GeLU>, Moe<Top2, Experts<3>, Hidden<6>, ReLU>,
              Moe<Top1, Experts<3>, Hidden<6>, Glu<Swish>>, Moe<ExpertChoice, Experts<3>, Hidden<6>, Glu<SqReLU>>>();
}

TEST_CASE("the gradients of a mixture of experts inside its norms are right") {
  check_kinds<Moe<Top2, Experts<3>, Hidden<6>, Post<LayerNorm>>, Moe<ExpertChoice, Experts<3>, Hidden<6>, Pre<NoNorm>>>();
  check_gradients_of<Moe<Top1, Experts<3>, Hidden<6>, Inner<RmsNorm>>>();  // the norm cancels the weight of the router
}
