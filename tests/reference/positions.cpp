#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "genoform/backend/host/bucket.hpp"
#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

namespace {

/// A natural number of any size, in digits of base 2^32, lowest first.
struct Natural {
  std::vector<std::uint64_t> digits{1};
  void times(std::uint64_t factor) {
    std::uint64_t carry = 0;
    for (std::uint64_t& digit : digits) {
      const std::uint64_t product = digit * factor + carry;
      digit = product & 0xFFFFFFFFU;
      carry = product >> 32U;
    }
    if (carry > 0) digits.push_back(carry);
  }
  friend bool operator<(const Natural& a, const Natural& b) {
    if (a.digits.size() != b.digits.size()) return a.digits.size() < b.digits.size();
    return std::lexicographical_compare(a.digits.rbegin(), a.digits.rend(), b.digits.rbegin(), b.digits.rend());
  }
};
Natural product(std::uint64_t a, std::int64_t a_times, std::uint64_t b, std::int64_t b_times) {
  Natural n;
  for (std::int64_t i = 0; i < a_times; ++i) n.times(a);
  for (std::int64_t i = 0; i < b_times; ++i) n.times(b);
  return n;
}

/// The largest step k with (n/h)^r >= (m/h)^k, that is n^r h^k >= m^k h^r.
std::int64_t exact_bucket(std::int64_t n, std::int64_t b, std::int64_t m) {
  const std::int64_t h = b / 2, r = b - h;
  if (n < h) return n;
  std::int64_t k = 0;
  const auto N = static_cast<std::uint64_t>(n), M = static_cast<std::uint64_t>(m), H = static_cast<std::uint64_t>(h);
  while (k + 1 < r && !(product(N, r, H, k + 1) < product(M, k + 1, H, r))) ++k;
  return std::min(b - 1, h + k);
}

}  // namespace

TEST_CASE("buckets are the floor of the exact value, compared with natural numbers of any size") {
  for (const std::int64_t b : {2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 32})
    for (std::int64_t m = b / 2 + 1; m < 150; m += m < 20 ? 1 : 9)
      for (std::int64_t n = 0; n < m + 3; ++n) {
        CAPTURE(b, m, n);
        REQUIRE(host::bucket_of(n, b, m) == exact_bucket(n, b, m));
      }
}

TEST_CASE("exact powers begin their bucket: floating point alone would put some into the one before") {
  // h = 4, m = 4 * 2^4: n = 4 * 2^i is exactly on a step.
  for (std::int64_t i = 0; i < 4; ++i) CHECK(host::bucket_of(4 << i, 8, 64) == 4 + i);
  for (const std::int64_t n : {16, 32, 64}) CHECK(host::bucket_of(n, 32, 128) == exact_bucket(n, 32, 128));
  CHECK(host::bucket_of(32, 32, 128) == 16 + 16 / 3);
  CHECK(host::bucket_of(64, 32, 256) == 24);
  CHECK(host::bucket_of(127, 32, 128) == 31);
  CHECK(host::bucket_of(2147483647, 32, 128) == 31);
  CHECK(host::bucket_of(46340, 2, 2147483647) == 1);
}

TEST_CASE("a bias by distance is the table at the bucket, and its gradient sums over the bucket") {
  Bench b;
  const Tensor table = b.of(2, 4, {1, 2, 3, 4, 10, 20, 30, 40}), y = b.empty(2, 6);
  b.run(op::RelativeBias{.table = table, .y = y, .distance = 5});  // h = 2, r = 2: from sqrt(2 * 5) = 3.16 on bucket 3
  require_close(b.values(y), {1, 2, 3, 3, 4, 4, 10, 20, 30, 30, 40, 40});
  b.run(op::RelativeBias{.table = table, .y = y, .distance = 5, .accumulate = true});
  require_close(b.values(y), {2, 4, 6, 6, 8, 8, 20, 40, 60, 60, 80, 80});
  const Tensor dy = b.random(2, 6), dtable = b.constant(2, 4, 9);
  b.run(op::RelativeBiasGradient{.dy = dy, .dtable = dtable, .distance = 5});
  b.require_gradient(
      dtable, table,
      [&] {
        b.run(op::RelativeBias{.table = table, .y = y, .distance = 5});
        return b.dot(y, dy);
      },
      9);
}

TEST_CASE("a bias is added after the division by sqrt(K), by distance, and a window hides what is farther away") {
  Bench b;
  // K = 4: the scores of query 2 are 0, log 2, log 3; the bias by distance log 2, 0, log 8 makes the weights 8 : 2 : 6.
  const double two = std::log(2.0);
  const Tensor q = b.of(3, 4, {0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0}),
               k = b.of(3, 4, {0, 5, 5, 5, two, 5, 5, 5, std::log(3.0), 5, 5, 5});
  const Tensor v = b.of(3, 4, {16, 0, 0, 1, 0, 16, 0, 1, 0, 0, 16, 1}), y = b.empty(3, 4), log_sum_exps = b.empty(3, 1);
  const Tensor bias = b.of(1, 3, {two, 0, 3 * two});
  b.run(op::Attend{.q = q,
                   .k = k,
                   .v = v,
                   .y = y,
                   .log_sum_exps = log_sum_exps,
                   .bias = bias,
                   .sizes = {.heads = 1, .kv_heads = 1, .head_dim = 4, .context = 3}});
  for (std::int64_t c = 0; c < 4; ++c)
    CHECK(b.at(y, 2, c) == Approx(std::vector<double>{8, 2, 6, 1}[static_cast<std::size_t>(c)]));
  b.run(op::Attend{.q = q,
                   .k = k,
                   .v = v,
                   .y = y,
                   .log_sum_exps = log_sum_exps,
                   .bias = bias,
                   .sizes = {.heads = 1, .kv_heads = 1, .head_dim = 4, .context = 3, .window = 2}});
  for (std::int64_t c = 0; c < 4; ++c)
    CHECK(b.at(y, 2, c) == Approx(std::vector<double>{0, 4, 12, 1}[static_cast<std::size_t>(c)]).margin(1e-14));
}

TEST_CASE("the gradients of attention with a bias and a window agree with finite differences") {
  Bench b;
  const std::int64_t heads = 2, kv_heads = 1, K = 3, T = 5, n = 10;
  const Tensor q = b.random(n, heads * K), k = b.random(n, K), v = b.random(n, K), bias = b.random(heads, T);
  const Tensor y = b.empty(n, heads * K), log_sum_exps = b.empty(n, heads), dy = b.random(n, heads * K);
  const auto loss = [&] {
    b.run(op::Attend{.q = q,
                     .k = k,
                     .v = v,
                     .y = y,
                     .log_sum_exps = log_sum_exps,
                     .bias = bias,
                     .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = T, .window = 3}});
    return b.dot(y, dy);
  };
  loss();
  const Tensor dq = b.constant(n, heads * K, 9), dk = b.constant(n, K, 9), dv = b.constant(n, K, 9),
               dbias = b.constant(heads, T, 9);
  b.run(op::AttendGradient{.q = q,
                           .k = k,
                           .v = v,
                           .y = y,
                           .log_sum_exps = log_sum_exps,
                           .dy = dy,
                           .dq = dq,
                           .dk = dk,
                           .dv = dv,
                           .bias = bias,
                           .dbias = dbias,
                           .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = T, .window = 3}});
  b.require_gradient(dq, q, loss);
  b.require_gradient(dk, k, loss);
  b.require_gradient(dv, v, loss);
  b.require_gradient(dbias, bias, loss);
  CHECK(op::visible_pairs(5, 3) == 1 + 2 + 3 + 3 + 3);
  CHECK(op::visible_pairs(5, 0) == 15);
  CHECK(op::visible_pairs(5, 7) == 15);
}

TEST_CASE("the norm of a head has mean square 1, and its gradient may be taken after a rotation") {
  Bench b;
  const Tensor x = b.random(6, 8), y = b.empty(6, 8), dy = b.random(6, 8), scales = b.empty(6, 2);
  const auto loss = [&] {
    b.run(op::Copy{.x = x, .y = y});
    b.run(op::NormalizeHeads{.x = y, .scales = scales, .head_dim = 4});
    b.run(op::Rotate{.x = y, .head_dim = 4, .context = 3});
    return b.dot(y, dy);
  };
  loss();
  double square = 0;
  for (std::int64_t c = 0; c < 4; ++c) square += b.at(y, 1, c) * b.at(y, 1, c) / 4;
  CHECK(square == Approx(1).epsilon(1e-4));
  const Tensor dx = b.empty(6, 8);
  b.run(op::NormalizeHeadsGradient{.y = y, .scales = scales, .dy = dy, .dx = dx, .head_dim = 4});
  b.run(op::Rotate{.x = dx, .head_dim = 4, .context = 3, .inverse = true});
  b.require_gradient(dx, x, loss);
}

TEST_CASE("sinusoids are sines in the first half of the channels and cosines in the second") {
  Bench b;
  const Tensor x = b.constant(4, 4, 1);
  b.run(op::AddSinusoid{.x = x, .context = 2});
  const double slow = 0.01;  // 10000^(-1/2)
  for (std::int64_t n = 0; n < 4; ++n) {
    const auto t = static_cast<double>(n % 2);
    const std::vector<double> row{std::sin(t), std::sin(slow * t), std::cos(t), std::cos(slow * t)};
    for (std::int64_t c = 0; c < 4; ++c) CHECK(b.at(x, n, c) == Approx(1 + row[static_cast<std::size_t>(c)]).epsilon(1e-14));
  }
}

TEST_CASE("learned positions are added row by row in every sequence, also in shorter ones") {
  Bench b;
  const Tensor table = b.random(5, 3), x = b.random(6, 3), y = b.empty(6, 3), dy = b.random(6, 3), dtable = b.constant(5, 3, 9);
  const auto loss = [&] {
    b.run(op::Copy{.x = x, .y = y});
    b.run(op::AddPositions{.table = table, .x = y, .context = 3});
    return b.dot(y, dy);
  };
  loss();
  CHECK(b.at(y, 4, 2) == b.at(x, 4, 2) + b.at(table, 1, 2));
  b.run(op::AddPositionsGradient{.dy = dy, .dtable = dtable, .context = 3});
  b.require_gradient(dtable, table, loss, 9);
}

TEST_CASE("Primer's norm is the layer norm in double, and a constant row stays finite") {
  Bench b;
  const Tensor x = b.random(5, 6), w = b.random(1, 6), bias = b.random(1, 6), y = b.empty(5, 6), z = b.empty(5, 6);
  for (std::int64_t c = 0; c < 6; ++c) b.at(x, 3, c) = 1e3 + 1e-3 * b.at(x, 3, c), b.at(x, 4, c) = 0.1;
  const Tensor s = b.empty(5, 2);
  b.run(op::Normalize{.statistic = op::Statistic::layer, .x = x, .w = w, .b = bias, .statistics = s, .y = y});
  b.run(op::Normalize{.statistic = op::Statistic::primer, .x = x, .w = w, .b = bias, .statistics = s, .y = z});
  require_close(b.values(z), b.values(y), 1e-4);  // of the row around 1000, whose deviation is a millionth of it
  for (std::int64_t n = 0; n < 3; ++n)
    for (std::int64_t c = 0; c < 6; ++c) CHECK(b.at(z, n, c) == Approx(b.at(y, n, c)).margin(1e-13));
  for (std::int64_t c = 0; c < 6; ++c) CHECK(b.at(z, 4, c) == Approx(b.at(bias, 0, c)).margin(1e-9));
}
