#include <cmath>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

TEST_CASE("clear, copy and add touch exactly their tensor") {
  Bench b;
  const Tensor before = b.empty(1, 1), x = b.of(2, 2, {1, 2, 3, 4}), y = b.constant(2, 2, 10), after = b.empty(1, 1);
  b.run(op::Add{.x = x, .y = y});
  require_close(b.values(y), {11, 12, 13, 14});
  b.run(op::Copy{.x = x, .y = y});
  require_close(b.values(y), {1, 2, 3, 4});
  b.run(op::Clear{.y = y});
  require_close(b.values(y), {0, 0, 0, 0});
  REQUIRE(b.at(before, 0) == Bench::untouched);
  REQUIRE(b.at(after, 0) == Bench::untouched);
}

TEST_CASE("an embedding copies rows, and its gradient adds up where a token repeats") {
  Bench b;
  const Tensor table = b.of(3, 2, {1, 2, 3, 4, 5, 6}), tokens = b.indices_of({2, 0, 2}), y = b.empty(3, 2);
  b.run(op::Embed{.tokens = tokens, .table = table, .y = y});
  require_close(b.values(y), {5, 6, 1, 2, 5, 6});
  const Tensor dtable = b.constant(3, 2, 100);
  b.run(op::EmbedGradient{.tokens = tokens, .dy = b.of(3, 2, {1, 2, 3, 4, 5, 6}), .dtable = dtable});
  require_close(b.values(dtable), {103, 104, 100, 100, 106, 108});
}

TEST_CASE("a linear map is x times w transposed plus bias, then its function") {
  Bench b;
  const Tensor x = b.of(2, 2, {1, 2, 3, -4}), w = b.of(3, 2, {1, 0, 0, 1, 2, -1}), bias = b.of(1, 3, {0, 1, -1}),
               y = b.empty(2, 3);
  b.run(op::Linear{.x = x, .w = w, .bias = bias, .y = y});
  require_close(b.values(y), {1, 3, -1, 3, -3, 9});
  b.run(op::Linear{.x = x, .w = w, .bias = bias, .y = y, .f = op::Function::relu});
  require_close(b.values(y), {1, 3, 0, 3, 0, 9});
  b.run(op::Linear{.x = x, .w = w, .y = y, .f = op::Function::squared_relu});
  require_close(b.values(y), {1, 4, 0, 9, 0, 100});
}

TEST_CASE("the gradients of a linear map agree with finite differences and are added to the gradient") {
  Bench b;
  const Tensor x = b.random(5, 3), w = b.random(4, 3), bias = b.random(1, 4), y = b.empty(5, 4), dy = b.random(5, 4);
  const auto loss = [&] {
    b.run(op::Linear{.x = x, .w = w, .bias = bias, .y = y});
    return b.dot(y, dy);
  };
  const Tensor dx = b.constant(5, 3, 3), dw = b.constant(4, 3, 2), dbias = b.constant(1, 4, 1);
  b.run(op::LinearWeightGradient{.x = x, .dy = dy, .dw = dw, .dbias = dbias});
  b.require_gradient(dw, w, loss, 2);
  b.require_gradient(dbias, bias, loss, 1);
  b.run(op::LinearInputGradient{.dy = dy, .w = w, .dx = dx, .accumulate = true});
  b.require_gradient(dx, x, loss, 3);
  b.run(op::LinearInputGradient{.dy = dy, .w = w, .dx = dx});
  b.require_gradient(dx, x, loss);
}

TEST_CASE("norms divide by the root of the mean square or of the biased variance, with epsilon 1e-6") {
  Bench b;
  const Tensor x = b.of(2, 2, {3, 4, 1e-3, 0}), w = b.of(1, 2, {1, 2}), shift = b.of(1, 2, {10, 20});
  const Tensor statistics = b.empty(2, 2), y = b.empty(2, 2);
  b.run(op::Normalize{.statistic = op::Statistic::rms, .x = x, .w = w, .statistics = statistics, .y = y});
  // Row 0: root of 12.5 + 1e-6; row 1: mean square 5e-7, plus 1e-6: as large as the epsilon, so the place of epsilon in the
  // formula matters.
  const double r0 = std::sqrt(12.500001), r1 = std::sqrt(1.5e-6);
  require_close(b.values(y), {3 / r0, 8 / r0, 1e-3 / r1, 0});
  require_close(b.values(statistics), {0, 1 / r0, 0, 1 / r1}, 1e-9);
  b.run(op::Normalize{.statistic = op::Statistic::layer, .x = x, .w = w, .b = shift, .statistics = statistics, .y = y});
  const double v0 = std::sqrt(0.250001), v1 = std::sqrt(1.25e-6);
  require_close(b.values(y), {10 - 0.5 / v0, 20 + 2 * 0.5 / v0, 10 + 5e-4 / v1, 20 - 2 * 5e-4 / v1}, 1e-10);
  require_close(b.values(statistics), {3.5, 1 / v0, 5e-4, 1 / v1}, 1e-9);
}

TEST_CASE("the gradients of both norms agree with finite differences") {
  for (const auto statistic : {op::Statistic::rms, op::Statistic::layer}) {
    Bench b;
    const bool layer = statistic == op::Statistic::layer;
    const Tensor x = b.random(3, 5), w = b.random(1, 5), shift = layer ? b.random(1, 5) : Tensor{};
    const Tensor statistics = b.empty(3, 2), y = b.empty(3, 5), dy = b.random(3, 5);
    const auto loss = [&] {
      b.run(op::Normalize{.statistic = statistic, .x = x, .w = w, .b = shift, .statistics = statistics, .y = y});
      return b.dot(y, dy);
    };
    loss();
    const Tensor dx = b.constant(3, 5, 4), dw = b.constant(1, 5, 2), db = layer ? b.constant(1, 5, 1) : Tensor{};
    b.run(op::NormalizeGradient{.statistic = statistic,
                                .x = x,
                                .w = w,
                                .statistics = statistics,
                                .dy = dy,
                                .dx = dx,
                                .dw = dw,
                                .db = db,
                                .accumulate = true});
    b.require_gradient(dx, x, loss, 4);
    b.require_gradient(dw, w, loss, 2);
    if (layer) b.require_gradient(db, shift, loss, 1);
    loss();
    b.run(op::NormalizeGradient{
        .statistic = statistic, .x = x, .w = w, .statistics = statistics, .dy = dy, .dx = dy, .dw = dw, .db = db});  // in place
                                                                                                                     // of dy
    const auto in_place = b.values(dy), apart = b.values(dx);
    for (std::size_t i = 0; i < apart.size(); ++i) REQUIRE(in_place[i] == Approx(apart[i] - 4).margin(1e-12));
  }
}

TEST_CASE("the activations have the values of their formulas") {
  Bench b;
  const Tensor u = b.of(1, 3, {-1, 0, 2}), y = b.empty(1, 3);
  const auto values_of = [&](op::Function f) {
    b.run(op::Activate{.f = f, .u = u, .y = y});
    return b.values(y);
  };
  require_close(values_of(op::Function::identity), {-1, 0, 2});
  require_close(values_of(op::Function::relu), {0, 0, 2});
  require_close(values_of(op::Function::squared_relu), {0, 0, 4});
  // x / (1 + e^-x): -1 / (1 + e) and 2 / (1 + e^-2).
  require_close(values_of(op::Function::swish), {-0.26894142136999510, 0, 1.7615941559557649});
  // The tanh form; published values of it are -0.158808 and 1.954598.
  require_close(values_of(op::Function::gelu), {-0.15880800939172324, 0, 1.9545976940877750}, 1e-12);
}

TEST_CASE("a gate multiplies u by the value of its function") {
  Bench b;
  const Tensor u = b.of(1, 2, {3, 5}), gate = b.of(1, 2, {2, -1}), y = b.empty(1, 2);
  b.run(op::Activate{.f = op::Function::squared_relu, .u = u, .gate = gate, .y = y});
  require_close(b.values(y), {12, 0});
  b.run(op::Activate{.f = op::Function::identity, .u = u, .gate = gate, .y = u});  // y may be u
  require_close(b.values(u), {6, -5});
}

TEST_CASE("the gradients of all activations agree with finite differences, with and without a gate") {
  using op::Function;
  for (const Function f : {Function::identity, Function::relu, Function::gelu, Function::swish, Function::squared_relu}) {
    for (const bool gated : {false, true}) {
      CAPTURE(static_cast<int>(f), gated);
      Bench b;
      const Tensor u = b.random(4, 5), gate = gated ? b.random(4, 5) : Tensor{}, y = b.empty(4, 5), dy = b.random(4, 5);
      for (const Tensor& t : {u, gate})  // away from 0, where the function has no derivative
        for (std::int64_t i = 0; t.exists() && i < t.size(); ++i) {
          double& element = b.at(t, i / 5, i % 5);
          if (std::abs(element) < 0.01) element = 0.5;
        }
      const auto loss = [&] {
        b.run(op::Activate{.f = f, .u = u, .gate = gate, .y = y});
        return b.dot(y, dy);
      };
      loss();
      const bool reads_input = gated || f == Function::gelu || f == Function::swish;
      const Tensor du = b.empty(4, 5), dgate = gated ? b.empty(4, 5) : Tensor{};
      b.run(op::ActivateGradient{
          .f = f, .u = reads_input ? u : Tensor{}, .gate = gate, .y = y, .dy = dy, .du = du, .dgate = dgate});
      b.require_gradient(du, u, loss);
      if (gated) b.require_gradient(dgate, gate, loss);
      if (gated) continue;
      const Tensor derivative = b.empty(4, 5), later = b.empty(4, 5), argument = b.random(4, 5);
      b.run(op::Activate{.f = f, .u = u, .y = y, .derivative = derivative});
      for (std::int64_t i = 0; i < u.size(); ++i) {
        REQUIRE(b.at(derivative, i / 5, i % 5) * b.at(dy, i / 5, i % 5) == Approx(b.at(du, i / 5, i % 5)).margin(1e-12));
        b.at(argument, i / 5, i % 5) = b.at(u, i / 5, i % 5);
      }
      b.run(op::Activate{.f = f, .u = argument, .y = y, .derivative = argument});  // the derivative may overwrite u
      REQUIRE(b.values(argument) == b.values(derivative));
      b.run(op::ActivateGradient{.f = f, .y = reads_input ? derivative : y, .dy = dy, .du = later});
      REQUIRE(b.values(later) == b.values(du));
      const auto apart = b.values(du);
      loss();  // the finite differences have changed y
      b.run(op::ActivateGradient{
          .f = f, .u = reads_input ? u : Tensor{}, .gate = gate, .y = y, .dy = dy, .du = dy, .dgate = dgate});  // du may be dy
      require_close(b.values(dy), apart);
    }
  }
}

TEST_CASE("a softmax row sums to one and does not overflow") {
  Bench b;
  const Tensor x = b.of(2, 3, {0, std::log(2.0), std::log(5.0), 1000, 1000, -1000}), y = b.empty(2, 3);
  b.run(op::Softmax{.x = x, .y = y});
  require_close(b.values(y), {0.125, 0.25, 0.625, 0.5, 0.5, 0});
}

TEST_CASE("the gradient of softmax agrees with finite differences, also in place") {
  Bench b;
  const Tensor x = b.random(3, 4), y = b.empty(3, 4), dy = b.random(3, 4), dx = b.empty(3, 4);
  const auto loss = [&] {
    b.run(op::Softmax{.x = x, .y = y});
    return b.dot(y, dy);
  };
  loss();
  b.run(op::SoftmaxGradient{.y = y, .dy = dy, .dx = dx});
  b.require_gradient(dx, x, loss);
  const auto apart = b.values(dx);
  loss();
  b.run(op::SoftmaxGradient{.y = y, .dy = dy, .dx = dy});
  require_close(b.values(dy), apart);
}

TEST_CASE("cross entropy is the mean over the rows that have a target") {
  Bench b;
  const Tensor logits = b.of(3, 2, {0, std::log(3.0), 7, 8, 1000, 0}), targets = b.indices_of({1, -1, 0});
  const Tensor scale = b.constant(1, 1, 2), loss = b.empty(1, 1), dlogits = b.empty(3, 2);
  b.run(op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss, .dlogits = dlogits});
  REQUIRE(b.at(loss, 0) == Approx(std::log(4.0 / 3.0) / 2));
  require_close(b.values(dlogits), {0.25, -0.25, 0, 0, 0, 0});  // 2 * (softmax - onehot) / 2 rows
  b.run(op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss});
  REQUIRE(b.at(loss, 0) == Approx(std::log(4.0 / 3.0) / 2));
}

TEST_CASE("the gradient of cross entropy agrees with finite differences, and may overwrite the logits") {
  Bench b;
  const Tensor logits = b.random(4, 5), targets = b.indices_of({3, 0, -1, 4});
  const Tensor scale = b.constant(1, 1, 0.5), loss = b.empty(1, 1), dlogits = b.empty(4, 5);
  b.run(op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss, .dlogits = dlogits});
  b.require_gradient(dlogits, logits, [&] {
    b.run(op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss});
    return 0.5 * b.at(loss, 0);
  });
  b.run(op::CrossEntropy{.logits = logits, .targets = targets, .scale = scale, .loss = loss, .dlogits = logits});
  require_close(b.values(logits), b.values(dlogits));
}
