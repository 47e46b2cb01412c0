#include <cmath>
#include <vector>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

TEST_CASE(
    "features of the softmax kernel are exp(w z - |z|^2 / 2) with the maximum of the row as a separate shift, z = x K^(-1/4)") {
  Bench b;
  // K = 16, so z = x / 2; only two channels of x are not 0.
  const Tensor x = b.constant(1, 16, 0), w = b.constant(2, 16, 0), y = b.empty(1, 2), shift = b.empty(1, 1);
  b.at(x, 0, 0) = 2;
  b.at(x, 0, 1) = 4;
  b.at(w, 0, 0) = 3;
  b.at(w, 1, 1) = -1;
  b.run(op::RandomFeatures{.kernel = op::FeatureKernel::softmax, .x = x, .w = w, .y = y, .shift = shift, .heads = 1});
  require_close(b.values(y), {1, std::exp(-5.0)});  // p = 3 and -2
  require_close(b.values(shift), {3 - 0.5 * 5});    // |z|^2 = 1 + 4
  b.run(op::RandomFeatures{.kernel = op::FeatureKernel::relu, .x = x, .w = w, .y = y, .heads = 1});
  require_close(b.values(y), {3.001, 0.001});
}

TEST_CASE("products of features are near e^(q k / sqrt(K)) on average over normal features") {
  Bench b;
  const std::int64_t K = 4, m = 4000;
  const Tensor q = b.of(1, 4, {0.5, -0.2, 0.3, 0.9}), k = b.of(1, 4, {0.4, 0.6, -0.5, 0.7}), w = b.random(m, K);
  const Tensor phi_q = b.empty(1, m), phi_k = b.empty(1, m), shift_q = b.empty(1, 1), shift_k = b.empty(1, 1);
  b.run(op::RandomFeatures{.kernel = op::FeatureKernel::softmax, .x = q, .w = w, .y = phi_q, .shift = shift_q, .heads = 1});
  b.run(op::RandomFeatures{.kernel = op::FeatureKernel::softmax, .x = k, .w = w, .y = phi_k, .shift = shift_k, .heads = 1});
  const double found = b.dot(phi_q, phi_k) * std::exp(b.at(shift_q, 0) + b.at(shift_k, 0)) / static_cast<double>(m);
  REQUIRE(found == Approx(std::exp(b.dot(q, k) / 2)).epsilon(0.05));
}

TEST_CASE("attention by features mixes the visible values by the products, whatever the common part of the shifts is") {
  Bench b;
  // One feature: weights of position 1 are 2 * 1 * e^0 and 2 * 3 * e^(log 2), so 1/7 and 6/7.
  const Tensor q = b.of(2, 1, {5, 2}), k = b.of(2, 1, {1, 3}), v = b.of(2, 2, {7, 0, 14, 7}), y = b.empty(2, 2);
  const Tensor reciprocal = b.empty(2, 1);
  for (const double common : {0.0, 300.0, -300.0}) {
    const Tensor shift = b.of(2, 1, {common, common + std::log(2.0)});
    b.run(op::LinearAttend{.q = q,
                           .k = k,
                           .shift = shift,
                           .v = v,
                           .y = y,
                           .reciprocal = reciprocal,
                           .sizes = {.heads = 1, .kv_heads = 1, .head_dim = 2, .context = 2},
                           .features = 1});
    require_close(b.values(y), {7, 0, 13, 6});
  }
  b.run(op::LinearAttend{.q = q,
                         .k = k,
                         .v = v,
                         .y = y,
                         .reciprocal = reciprocal,
                         .sizes = {.heads = 1, .kv_heads = 1, .head_dim = 2, .context = 2},
                         .features = 1});
  require_close(b.values(y), {7, 0, 12.25, 5.25});
}

TEST_CASE("the gradients of attention by features agree with finite differences, with all, some and one key head") {
  for (const std::int64_t kv_heads : {4, 2, 1}) {
    CAPTURE(kv_heads);
    Bench b;
    const std::int64_t heads = 4, features = 3, head_dim = 2, context = 5, tokens = 10;
    const auto positive = [&](std::int64_t columns) {
      const Tensor t = b.random(tokens, columns);
      for (std::int64_t r = 0; r < tokens; ++r)
        for (std::int64_t c = 0; c < columns; ++c) b.at(t, r, c) = 0.2 + std::abs(b.at(t, r, c));
      return t;
    };
    const Tensor q = positive(heads * features), k = positive(kv_heads * features), v = b.random(tokens, kv_heads * head_dim);
    const Tensor shift = kv_heads == 2 ? Tensor{} : b.random(tokens, kv_heads), y = b.empty(tokens, heads * head_dim),
                 reciprocal = b.empty(tokens, heads), dy = b.random(tokens, heads * head_dim);
    const auto loss = [&] {
      b.run(op::LinearAttend{.q = q,
                             .k = k,
                             .shift = shift,
                             .v = v,
                             .y = y,
                             .reciprocal = reciprocal,
                             .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .context = context},
                             .features = features});
      return b.dot(y, dy);
    };
    loss();
    const Tensor dq = b.constant(q.rows, q.columns, 9), dk = b.constant(k.rows, k.columns, 9),
                 dv = b.constant(v.rows, v.columns, 9);
    b.run(op::LinearAttendGradient{.q = q,
                                   .k = k,
                                   .shift = shift,
                                   .v = v,
                                   .y = y,
                                   .reciprocal = reciprocal,
                                   .dy = dy,
                                   .dq = dq,
                                   .dk = dk,
                                   .dv = dv,
                                   .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .context = context},
                                   .features = features});
    b.require_gradient(dq, q, loss);
    b.require_gradient(dk, k, loss);
    b.require_gradient(dv, v, loss);
  }
}

TEST_CASE("the gradient of features agrees with finite differences of a function of features and shifts") {
  for (const auto kernel : {op::FeatureKernel::softmax, op::FeatureKernel::relu}) {
    Bench b;
    const std::int64_t tokens = 4, heads = 2, K = 3, m = 5;
    const Tensor x = b.random(tokens, heads * K), w = b.random(m, K), y = b.empty(tokens, heads * m),
                 shift = b.empty(tokens, heads), weight = b.random(tokens, heads * m), dy = b.empty(tokens, heads * m),
                 dx = b.constant(tokens, heads * K, 9);
    const auto loss = [&] {
      b.run(op::RandomFeatures{.kernel = kernel, .x = x, .w = w, .y = y, .shift = shift, .heads = heads});
      double sum = 0;
      for (std::int64_t n = 0; n < tokens; ++n)
        for (std::int64_t c = 0; c < heads * m; ++c) {
          b.at(dy, n, c) = b.at(weight, n, c) * std::exp(b.at(shift, n, c / m));
          sum += b.at(y, n, c) * b.at(dy, n, c);
        }
      return sum;
    };
    loss();
    b.run(op::RandomFeaturesGradient{
        .kernel = kernel, .x = x, .w = w, .y = y, .dy = dy, .dx = dx, .heads = heads, .shifted = true});
    b.require_gradient(dx, x, loss);
  }
}

TEST_CASE("scale and offset make copies side by side, and their gradients agree with finite differences") {
  Bench b;
  const Tensor two = b.of(1, 2, {3, 5}), scales = b.of(2, 2, {1, 2, 10, 20}), offsets = b.of(2, 2, {0, 1, 2, 3}),
               pairs = b.empty(1, 4);
  b.run(op::ScaleOffset{.x = two, .w = scales, .b = offsets, .y = pairs});
  require_close(b.values(pairs), {3, 11, 32, 103});

  const Tensor x = b.random(4, 3), w = b.random(2, 3), offset = b.random(2, 3), y = b.empty(4, 6), dy = b.random(4, 6);
  const auto loss = [&] {
    b.run(op::ScaleOffset{.x = x, .w = w, .b = offset, .y = y});
    return b.dot(y, dy);
  };
  const Tensor dx = b.constant(4, 3, 9), dw = b.constant(2, 3, 1), db = b.constant(2, 3, 1);
  b.run(op::ScaleOffsetGradient{.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .db = db});
  b.require_gradient(dx, x, loss);
  b.require_gradient(dw, w, loss, 1);
  b.require_gradient(db, offset, loss, 1);
}

TEST_CASE("attention by squared ReLU mixes the visible values by max(0, q k / n)^2") {
  Bench b;
  // Scores of position 1 over n = 2: 3 and -1, so only the first value counts, nine times.
  const Tensor q = b.of(2, 1, {4, 2}), k = b.of(2, 1, {3, -1}), v = b.of(2, 2, {1, 2, 5, 5}), y = b.empty(2, 2);
  b.run(op::SquaredReluAttend{.q = q, .k = k, .v = v, .y = y, .length = 2, .context = 2});
  require_close(b.values(y), {36, 72, 9, 18});
}

TEST_CASE("the gradients of attention by squared ReLU agree with finite differences") {
  Bench b;
  const std::int64_t tokens = 10, context = 5;
  const Tensor q = b.random(tokens, 3), k = b.random(tokens, 3), v = b.random(tokens, 4), y = b.empty(tokens, 4),
               dy = b.random(tokens, 4);
  const auto loss = [&] {
    b.run(op::SquaredReluAttend{.q = q, .k = k, .v = v, .y = y, .length = 3, .context = context});
    return b.dot(y, dy);
  };
  const Tensor dq = b.constant(tokens, 3, 9), dk = b.constant(tokens, 3, 9), dv = b.constant(tokens, 4, 9);
  b.run(op::SquaredReluAttendGradient{
      .q = q, .k = k, .v = v, .dy = dy, .dq = dq, .dk = dk, .dv = dv, .length = 3, .context = context});
  b.require_gradient(dq, q, loss);
  b.require_gradient(dk, k, loss);
  b.require_gradient(dv, v, loss);
}
