#include <cmath>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

TEST_CASE("the sum of squares replaces the old value") {
  Bench b;
  const Tensor sum = b.constant(1, 1, 5);
  b.run(op::SumOfSquares{.x = b.of(1, 3, {1, -2, 3}), .sum = sum});
  REQUIRE(b.at(sum, 0) == 14);
}

TEST_CASE("AdamW's first step moves by the learning rate against the sign of the gradient, and by weight decay") {
  Bench b;
  // learning rate, beta1, beta2, epsilon, weight decay, 1 - beta1, 1 - beta2, no clipping
  const Tensor controls = b.of(1, 8, {0.1, 0.9, 0.99, 0, 0.5, 0.1, 0.01, 0});
  const Tensor w = b.of(1, 2, {2, -4}), g = b.of(1, 2, {3, -5}), m = b.constant(1, 2, 0), v = b.constant(1, 2, 0),
               sum = b.constant(1, 1, 34);
  b.run(op::AdamWUpdate{.w = w, .g = g, .m = m, .v = v, .sum = sum, .controls = controls});
  require_close(b.values(w), {2 - 0.1 * (1 + 1), -4 - 0.1 * (-1 - 2)});
  require_close(b.values(m), {0.3, -0.5});
  require_close(b.values(v), {0.09, 0.25});
  require_close(b.values(g), {3, -5});  // only read
}

TEST_CASE("AdamW clips by the global norm, decays only the tensors that ask for it and adds epsilon outside the root") {
  Bench b;
  const Tensor controls = b.of(1, 8, {1, 0, 0, 1, 0.5, 1, 1, 2});
  const Tensor w = b.of(1, 1, {8}), g = b.of(1, 1, {6}), m = b.constant(1, 1, 0), v = b.constant(1, 1, 0),
               sum = b.constant(1, 1, 16);
  b.run(op::AdamWUpdate{
      .w = w, .g = g, .m = m, .v = v, .sum = sum, .controls = controls, .decays = false});  // the gradient becomes 6 * 2 / 4 = 3,
                                                                                            // the step 3 / (3 + 1)
  require_close(b.values(w), {8 - 0.75});
  b.at(sum, 0) = 1;  // a norm below the limit changes nothing
  b.run(op::AdamWUpdate{.w = w, .g = g, .m = m, .v = v, .sum = sum, .controls = controls, .decays = false});
  require_close(b.values(m), {6});
}

TEST_CASE("AdamW's second step corrects both means by one minus the power of beta") {
  Bench b;
  const Tensor w = b.of(1, 1, {0}), g = b.of(1, 1, {1}), m = b.constant(1, 1, 0), v = b.constant(1, 1, 0),
               sum = b.constant(1, 1, 1);
  b.run(
      op::AdamWUpdate{.w = w, .g = g, .m = m, .v = v, .sum = sum, .controls = b.of(1, 8, {0.1, 0.5, 0.75, 0, 0, 0.5, 0.25, 0})});
  b.at(g, 0) = 3;
  b.run(op::AdamWUpdate{
      .w = w, .g = g, .m = m, .v = v, .sum = sum, .controls = b.of(1, 8, {0.1, 0.5, 0.75, 0, 0, 0.75, 0.4375, 0})});
  // m = 0.25 + 1.5 = 1.75, v = 0.1875 + 2.25 = 2.4375
  REQUIRE(b.at(w, 0) == Approx(-0.1 - 0.1 * (1.75 / 0.75) / std::sqrt(2.4375 / 0.4375)));
}
