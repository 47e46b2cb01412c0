#include <cmath>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

namespace {

/// Five tokens at three experts: expert 0 has tokens 1 and 3, expert 1 none, expert 2 tokens 0, 1 and 4; token 2 has
/// no expert.
struct Scene {
  Bench b;
  op::Assignment to;

  Scene() {
    const Tensor p = b.of(5, 3, {0.1, 0, 0.9, 0.8, 0, 0.7, 0, 0.2, 0, 0.6, 0, 0.1, 0.1, 0, 0.5});
    to = b.assignment(5, 3, 1, op::slots_bound(15, 3));
    b.run(op::RouteThreshold{.p = p, .threshold = b.of(3, 1, {0.3, 0.3, 0.3}), .to = to});
  }
  std::int64_t rows() const { return to.slot_token.rows; }
  /// Rows of the segments, padding included; the first 32 of the assignment.
  static constexpr std::int64_t end = 32;
};

}  // namespace

TEST_CASE("gathering copies the row of each token into its slots and zeros into padding") {
  Scene s;
  const Tensor x = s.b.of(5, 1, {10, 11, 12, 13, 14}), y = s.b.empty(s.rows(), 1);
  s.b.run(op::GatherRows{.x = x, .to = s.to, .y = y});
  std::vector<double> expected(static_cast<std::size_t>(Scene::end), 0.0);
  expected[0] = 11, expected[1] = 13, expected[16] = 10, expected[17] = 11, expected[18] = 14;
  require_close(s.b.values(y.row_range(0, Scene::end)), expected);
}

TEST_CASE("the gradient of gathering adds the slots of a token to its gradient") {
  Scene s;
  const Tensor x = s.b.random(5, 3), y = s.b.empty(s.rows(), 3), dy = s.b.random(s.rows(), 3), dx = s.b.constant(5, 3, 2);
  s.b.run(op::GatherRowsGradient{.dy = dy, .to = s.to, .dx = dx});
  s.b.require_gradient(
      dx, x,
      [&] {
        s.b.run(op::GatherRows{.x = x, .to = s.to, .y = y});
        return s.b.dot(y, dy);
      },
      2);
}

TEST_CASE("combining sums the weighted slots of a token; a token without slots gets 0") {
  Scene s;
  const Tensor x = s.b.constant(s.rows(), 1, 99), y = s.b.empty(5, 1);
  s.b.at(x, 0) = 1, s.b.at(x, 1) = 2, s.b.at(x, 16) = 3, s.b.at(x, 17) = 4, s.b.at(x, 18) = 5;
  s.b.run(op::CombineRows{.x = x, .to = s.to, .y = y});
  require_close(s.b.values(y), {0.9 * 3, 0.8 * 1 + 0.7 * 4, 0, 0.6 * 2, 0.5 * 5});
  s.b.run(op::CombineRows{.x = x, .to = s.to, .y = y, .accumulate = true});
  require_close(s.b.values(y), {1.8 * 3, 2 * (0.8 * 1 + 0.7 * 4), 0, 1.2 * 2, 5});
}

TEST_CASE("the gradients of combining agree with finite differences and are zero in padding") {
  Scene s;
  const Tensor x = s.b.random(s.rows(), 3), y = s.b.empty(5, 3), dy = s.b.random(5, 3);
  const Tensor dx = s.b.empty(s.rows(), 3), dweight = s.b.empty(s.rows(), 1);
  const auto loss = [&] {
    s.b.run(op::CombineRows{.x = x, .to = s.to, .y = y});
    return s.b.dot(y, dy);
  };
  s.b.run(op::CombineRowsGradient{.x = x, .to = s.to, .dy = dy, .dx = dx, .dweight = dweight});
  s.b.require_gradient(dx, x, loss);
  s.b.require_gradient(dweight, s.to.slot_weight, loss);
  REQUIRE(s.b.at(dweight, 2) == 0);
  REQUIRE(s.b.at(dx, 2, 1) == 0);
  const auto apart = s.b.values(dx);
  s.b.run(op::CombineRowsGradient{.x = x, .to = s.to, .dy = dy, .dx = x, .dweight = dweight});  // dx may be x
  require_close(s.b.values(x), apart);
}

TEST_CASE("each slot is multiplied by the matrix of its expert") {
  Scene s;
  const Tensor x = s.b.constant(s.rows(), 2, 0), w = s.b.of(3, 2, {1, 2, 30, 40, 500, -600}), y = s.b.empty(s.rows(), 1);
  for (const std::int64_t slot : {0, 1, 16, 17, 18}) {
    s.b.at(x, slot, 0) = 1;
    s.b.at(x, slot, 1) = static_cast<double>(slot);
  }
  s.b.run(op::ExpertLinear{.x = x, .w = w, .to = s.to, .y = y});
  REQUIRE(s.b.at(y, 0) == 1);
  REQUIRE(s.b.at(y, 1) == 3);
  REQUIRE(s.b.at(y, 2) == 0);
  REQUIRE(s.b.at(y, 17) == 500 - 600 * 17);
  s.b.run(op::ExpertLinear{.x = x, .w = w, .to = s.to, .y = y, .f = op::Function::squared_relu});
  REQUIRE(s.b.at(y, 1) == 9);
  REQUIRE(s.b.at(y, 17) == 0);
}

TEST_CASE("the gradients of the experts' matrices agree with finite differences") {
  Scene s;
  const Tensor x = s.b.random(s.rows(), 3), w = s.b.random(6, 3), y = s.b.constant(s.rows(), 2, 0),
               dy = s.b.constant(s.rows(), 2, 0);
  for (const std::int64_t slot : {0, 1, 16, 17, 18})
    for (std::int64_t c = 0; c < 2; ++c) s.b.at(dy, slot, c) = std::sin(static_cast<double>(3 * slot + c + 1));
  const auto loss = [&] {
    s.b.run(op::ExpertLinear{.x = x, .w = w, .to = s.to, .y = y});
    return s.b.dot(y, dy);
  };
  const Tensor dw = s.b.constant(6, 3, 1), dx = s.b.constant(s.rows(), 3, 0);
  s.b.run(op::ExpertLinearWeightGradient{.x = x, .dy = dy, .to = s.to, .dw = dw});
  s.b.require_gradient(dw, w, loss, 1);
  s.b.run(op::ExpertLinearInputGradient{.dy = dy, .w = w, .to = s.to, .dx = dx});
  s.b.require_gradient(dx, x, loss);
  s.b.run(op::ExpertLinearInputGradient{.dy = dy, .w = w, .to = s.to, .dx = dx, .accumulate = true});
  REQUIRE(s.b.at(dx, 17, 1) == Approx(2 * (s.b.at(dy, 17, 0) * s.b.at(w, 4, 1) + s.b.at(dy, 17, 1) * s.b.at(w, 5, 1))));
}

TEST_CASE("the balance loss is one times its coefficient when uniform, and is added") {
  Bench b;
  const Tensor p = b.constant(6, 4, 0.25), share = b.constant(4, 1, 0.25), loss = b.constant(1, 1, 3);
  b.run(op::BalanceLoss{.p = p, .first_share = share, .loss = loss});
  REQUIRE(b.at(loss, 0) == Approx(3.01).epsilon(1e-14));
  // All tokens at expert 0 with probability 1: E.
  const Tensor certain = b.of(1, 4, {1, 0, 0, 0}), one = b.of(4, 1, {1, 0, 0, 0});
  b.at(loss, 0) = 0;
  b.run(op::BalanceLoss{.p = certain, .first_share = one, .loss = loss, .coefficient = 0.5});
  REQUIRE(b.at(loss, 0) == 2);
}

TEST_CASE("the gradient of the balance loss agrees with finite differences, the shares held fixed") {
  Bench b;
  const Tensor p = b.random(5, 3), share = b.of(3, 1, {0.2, 0.6, 0.2}), loss = b.empty(1, 1), dp = b.constant(5, 3, 7),
               scale = b.constant(1, 1, 2);
  b.run(op::BalanceLossGradient{.first_share = share, .scale = scale, .dp = dp});
  b.require_gradient(
      dp, p,
      [&] {
        b.at(loss, 0) = 0;
        b.run(op::BalanceLoss{.p = p, .first_share = share, .loss = loss});
        return 2 * b.at(loss, 0);
      },
      7);
}
