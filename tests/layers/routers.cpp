#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_gradients_of;
using genoform::tests::check_kinds;

TEST_CASE("the gradients of a hash layer are right, with and without drops") {
  check_kinds<Moe<Hash, Experts<3>, Hidden<7>>, Moe<Hash, Experts<4>, Hidden<6>, Glu<Swish>, Capacity<60>>>();
}

TEST_CASE("the gradients of a base layer are right, with and without drops") {
  check_kinds<Moe<Base, Experts<3>, Hidden<7>>, Moe<Base, Experts<4>, Hidden<6>, GeLU, Capacity<50>>>();
}

TEST_CASE("the gradients of loss-free balancing are right, with and without drops") {
  check_kinds<Moe<LossFree<2>, Experts<4>, Hidden<6>>, Moe<LossFree<3>, Experts<5>, Hidden<5>, Glu<GeLU>, Capacity<70>>>();
  check_gradients_of<Moe<LossFree<1>, Experts<3>, Hidden<4>>>();  // its weights are 1: the router has no gradient
}

TEST_CASE("the gradients of expert thresholds are right, unbounded and with a capacity that drops") {
  check_kinds<Moe<ExpertThreshold, Experts<3>, Hidden<6>>, Moe<ExpertThreshold, Experts<4>, Hidden<5>, Glu<Swish>>,
              Moe<ExpertThreshold, Experts<3>, Hidden<6>, Capacity<60>>,
              Moe<ExpertThreshold, Experts<4>, Hidden<6>, GeLU, Capacity<200>>>();
}

TEST_CASE("the gradients of shared experts are right beside every way of routing") {
  check_kinds<Moe<Top2, Experts<3>, Hidden<6>, Shared<1>>, Moe<ExpertChoice, Experts<3>, Hidden<5>, Glu<Swish>, Shared<3>>,
              Moe<ExpertThreshold, Experts<3>, Hidden<5>, GeLU, Shared<2>>, Moe<Hash, Experts<3>, Hidden<5>, ReLU, Shared<2>>>();
}
