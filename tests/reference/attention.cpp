#include <cmath>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

TEST_CASE("a causal convolution sees earlier positions of its own sequence only") {
  Bench b;
  // Two sequences of three positions, one channel with the weights of now, one step and two steps ago.
  const Tensor x = b.of(6, 1, {1, 10, 100, 2, 20, 200}), w = b.of(1, 3, {1, 2, 3}), y = b.empty(6, 1);
  b.run(op::CausalConvolution{.x = x, .w = w, .y = y, .context = 3});
  require_close(b.values(y), {1, 12, 123, 2, 24, 246});
}

TEST_CASE("the gradients of a causal convolution agree with finite differences, also when it is wider than the sequence") {
  for (const std::int64_t width : {1, 3, 7}) {
    Bench b;
    const Tensor x = b.random(10, 3), w = b.random(3, width), y = b.empty(10, 3), dy = b.random(10, 3);
    const auto loss = [&] {
      b.run(op::CausalConvolution{.x = x, .w = w, .y = y, .context = 5});
      return b.dot(y, dy);
    };
    const Tensor dx = b.empty(10, 3), dw = b.constant(3, width, 1);
    b.run(op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .context = 5});
    b.require_gradient(dx, x, loss);
    b.require_gradient(dw, w, loss, 1);
  }
}

TEST_CASE("rotation rotates channel pairs i and i + K/2 by t * 10000^(-2i/K), from 0 in each sequence") {
  Bench b;
  const Tensor x = b.constant(4, 8, 0);
  for (std::int64_t n = 0; n < 4; ++n) {
    b.at(x, n, 0) = 1;  // head 0, pair 0, first half
    b.at(x, n, 7) = 1;  // head 1, pair 1, second half
  }
  b.run(op::Rotate{.x = x, .head_dim = 4, .context = 2});
  const double slow = 0.01;  // 10000^(-2/4)
  for (std::int64_t n = 0; n < 4; ++n) {
    const auto t = static_cast<double>(n % 2);
    const std::vector<double> row{std::cos(t), 0, std::sin(t), 0, 0, -std::sin(t * slow), 0, std::cos(t * slow)};
    for (std::int64_t c = 0; c < 8; ++c) REQUIRE(b.at(x, n, c) == Approx(row[static_cast<std::size_t>(c)]).margin(1e-14));
  }
}

TEST_CASE("the inverse rotation undoes the rotation and is its gradient") {
  Bench b;
  const Tensor x = b.random(6, 8), y = b.empty(6, 8), dy = b.random(6, 8);
  const auto loss = [&] {
    b.run(op::Copy{.x = x, .y = y});
    b.run(op::Rotate{.x = y, .head_dim = 4, .context = 3});
    return b.dot(y, dy);
  };
  loss();
  b.run(op::Rotate{.x = y, .head_dim = 4, .context = 3, .inverse = true});
  require_close(b.values(y), b.values(x), 1e-14);
  const Tensor dx = b.empty(6, 8);
  b.run(op::Copy{.x = dy, .y = dx});
  b.run(op::Rotate{.x = dx, .head_dim = 4, .context = 3, .inverse = true});
  b.require_gradient(dx, x, loss);
}

TEST_CASE("a convolution that rotates its first heads is a convolution and a rotation, and so are its gradients") {
  Bench b;
  const Tensor x = b.random(10, 11), w = b.random(11, 3), y = b.empty(10, 11), apart = b.empty(10, 11), dy = b.random(10, 11);
  const auto loss = [&] {
    b.run(op::CausalConvolution{.x = x, .w = w, .y = y, .context = 5, .rotation = {8, 4}});
    return b.dot(y, dy);
  };
  loss();
  b.run(op::CausalConvolution{.x = x, .w = w, .y = apart, .context = 5});
  b.run(op::Rotate{.x = apart.column_range(0, 8), .head_dim = 4, .context = 5});
  require_close(b.values(y), b.values(apart), 1e-14);
  const Tensor dx = b.empty(10, 11), dw = b.constant(11, 3, 1);
  b.run(op::Copy{.x = dy, .y = dx});
  b.run(op::CausalConvolutionGradient{.x = x, .w = w, .dy = dx, .dx = dx, .dw = dw, .context = 5, .rotation = {8, 4}});
  b.require_gradient(dx, x, loss);
  b.require_gradient(dw, w, loss, 1);
}

TEST_CASE("attention mixes the visible values by the softmax of the scores over sqrt(K)") {
  Bench b;
  // K = 4, so scores are halved; at position 1 the scores are 0 and log 3, the weights 1/4 and 3/4.
  const Tensor q = b.of(2, 4, {9, 9, 9, 9, 1, 0, 0, 0}), k = b.of(2, 4, {0, 5, 5, 5, 2 * std::log(3.0), 5, 5, 5});
  const Tensor v = b.of(2, 4, {4, 8, 0, 0, 8, 0, 4, 0}), y = b.empty(2, 4), log_sum_exps = b.empty(2, 1);
  b.run(op::Attend{.q = q,
                   .k = k,
                   .v = v,
                   .y = y,
                   .log_sum_exps = log_sum_exps,
                   .sizes = {.heads = 1, .kv_heads = 1, .head_dim = 4, .context = 2}});
  require_close(b.values(y), {4, 8, 0, 0, 7, 2, 3, 0}, 1e-12);
  require_close(b.values(log_sum_exps), {9 * 15 / 2.0, std::log(4.0)}, 1e-12);
}

TEST_CASE("query heads share key heads in groups, in order") {
  Bench b;
  // One position: a head's output is the value of the key head that it reads.
  const Tensor q = b.random(1, 8), k = b.random(1, 4), v = b.of(1, 4, {1, 2, 3, 4}), y = b.empty(1, 8),
               log_sum_exps = b.empty(1, 4);
  b.run(op::Attend{.q = q,
                   .k = k,
                   .v = v,
                   .y = y,
                   .log_sum_exps = log_sum_exps,
                   .sizes = {.heads = 4, .kv_heads = 2, .head_dim = 2, .context = 1}});
  require_close(b.values(y), {1, 2, 1, 2, 3, 4, 3, 4});
}

TEST_CASE("the gradients of attention agree with finite differences, with all, some and one key head") {
  for (const std::int64_t kv_heads : {4, 2, 1}) {
    CAPTURE(kv_heads);
    Bench b;
    const std::int64_t heads = 4, head_dim = 3, context = 5, tokens = 10;
    const Tensor q = b.random(tokens, heads * head_dim), k = b.random(tokens, kv_heads * head_dim),
                 v = b.random(tokens, kv_heads * head_dim);
    const Tensor y = b.empty(tokens, heads * head_dim), log_sum_exps = b.empty(tokens, heads),
                 dy = b.random(tokens, heads * head_dim);
    const auto loss = [&] {
      b.run(op::Attend{.q = q,
                       .k = k,
                       .v = v,
                       .y = y,
                       .log_sum_exps = log_sum_exps,
                       .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .context = context}});
      return b.dot(y, dy);
    };
    loss();
    const Tensor dq = b.constant(q.rows, q.columns, 9), dk = b.constant(k.rows, k.columns, 9),
                 dv = b.constant(v.rows, v.columns, 9);
    b.run(op::AttendGradient{.q = q,
                             .k = k,
                             .v = v,
                             .y = y,
                             .log_sum_exps = log_sum_exps,
                             .dy = dy,
                             .dq = dq,
                             .dk = dk,
                             .dv = dv,
                             .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim, .context = context}});
    b.require_gradient(dq, q, loss);
    b.require_gradient(dk, k, loss);
    b.require_gradient(dv, v, loss);
  }
}
