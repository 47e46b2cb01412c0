#include <cmath>

#include "tests/reference/bench.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::Bench;
using genoform::tests::require_close;

namespace {

/// learning rate, beta1, beta2, 1 - beta2, epsilon1, epsilon2, weight decay, clip
Tensor controls_of(Bench& b, std::initializer_list<double> values) {
  const Tensor t{Memory::workspace, ElementType::real, b.of(1, 8, values).offset, 1, 8, 8};
  return t;
}
/// Without gaps, as the tensors of an optimizer are.
Tensor packed(Bench& b, std::int64_t rows, std::int64_t columns, std::initializer_list<double> values) {
  Tensor t = b.of(1, rows * columns, values);
  t.rows = rows;
  t.columns = t.stride = columns;
  return t;
}

}  // namespace

TEST_CASE("Adafactor's first step on a matrix, by hand") {
  Bench b;
  // g^2 = [[1, 4], [9, 16]]: means of the rows 2.5 and 12.5, their mean 7.5; means of the columns 5 and 10.
  const Tensor w = packed(b, 2, 2, {1, -1, 1, -1}), g = packed(b, 2, 2, {1, -2, 3, 4}), r = packed(b, 1, 2, {7, 7}),
               c = packed(b, 1, 2, {7, 7}), factors = packed(b, 1, 4, {0, 0, 0, 0});
  const double v[] = {2.5 * 5 / 7.5, 2.5 * 10 / 7.5, 12.5 * 5 / 7.5, 12.5 * 10 / 7.5};
  const double u[] = {1 / std::sqrt(v[0]), -2 / std::sqrt(v[1]), 3 / std::sqrt(v[2]), 4 / std::sqrt(v[3])};
  const double rms = std::sqrt((0.6 + 1.2 + 1.08 + 0.96) / 4);  // below 1, so nothing is clipped; rms(w) = 1
  REQUIRE(rms < 1);
  const auto step = [&](double clip) {
    return op::AdafactorUpdate{.w = w,
                               .g = g,
                               .row_means = r,
                               .column_means = c,
                               .factors = factors,
                               .controls = controls_of(b, {0.1, 0, 0, 1, 0, 1e-3, 0.5, clip}),
                               .sum = b.constant(1, 1, 1)};
  };
  b.run(step(1));
  require_close(b.values(r), {2.5, 12.5});
  require_close(b.values(c), {5, 10});
  require_close(b.values(w), {0.95 - 0.1 * u[0], -0.95 - 0.1 * u[1], 0.95 - 0.1 * u[2], -0.95 - 0.1 * u[3]});
  b.at(w, 0, 0) = b.at(w, 1, 0) = 1;
  b.at(w, 0, 1) = b.at(w, 1, 1) = -1;
  require_close(b.values(g), {1, -2, 3, 4});  // unchanged
  b.run(step(0.5));                           // the same means again; the update is clipped to an rms of one half
  REQUIRE(b.at(w, 1, 1) == Approx(-0.95 - 0.1 * u[3] * 0.5 / rms));
}

TEST_CASE(
    "Adafactor on a vector keeps the mean square of every element, scales by the parameters and uses momentum if there is one") {
  Bench b;
  const Tensor w = packed(b, 1, 2, {3, 4}), g = packed(b, 1, 2, {2, -1}), v = packed(b, 1, 2, {1, 1}),
               m = packed(b, 1, 2, {1, 1});
  // beta2 = 0.75: v = 0.75 + 0.25 * (g^2 + 1) = 2 and 1.25; epsilon2 and weight decay have no effect here
  const op::AdafactorUpdate step{.w = w,
                                 .g = g,
                                 .row_means = {},
                                 .column_means = {},
                                 .factors = {},
                                 .squares = v,
                                 .momentum = m,
                                 .controls = controls_of(b, {0.1, 0.5, 0.75, 0.25, 1, 1e-3, 0.5, 0}),
                                 .sum = b.constant(1, 1, 1),
                                 .decays = false};
  b.run(step);
  const double scale = std::sqrt((9.0 + 16.0) / 2), m0 = 0.5 + 0.5 * 0.1 * scale * 2 / std::sqrt(2.0),
               m1 = 0.5 - 0.5 * 0.1 * scale / std::sqrt(1.25);
  require_close(b.values(v), {2, 1.25});
  require_close(b.values(m), {m0, m1});
  require_close(b.values(w), {3 - m0, 4 - m1});
  require_close(b.values(g), {2, -1});
}

TEST_CASE("a tensor near zero moves by epsilon2, and by the plain learning rate when steps are not relative") {
  Bench b;
  for (const bool relative : {true, false}) {
    const Tensor w = packed(b, 1, 1, {0}), g = packed(b, 1, 1, {-5}), v = packed(b, 1, 1, {0});
    b.run(op::AdafactorUpdate{.w = w,
                              .g = g,
                              .squares = v,
                              .controls = controls_of(b, {0.1, 0, 0, 1, 0, 1e-3, 0, 1}),
                              .sum = b.constant(1, 1, 1),
                              .relative = relative});
    REQUIRE(b.at(w, 0) == Approx(relative ? 1e-4 : 0.1));
  }
}

TEST_CASE("experts have means of their own and are clipped together") {
  Bench b;
  const Tensor w = packed(b, 2, 1, {1, 1}), g = packed(b, 2, 1, {1, 100}), r = packed(b, 2, 1, {0, 0}),
               c = packed(b, 2, 1, {0, 0}), factors = packed(b, 1, 4, {0, 0, 0, 0});
  b.run(op::AdafactorUpdate{.w = w,
                            .g = g,
                            .row_means = r,
                            .column_means = c,
                            .factors = factors,
                            .controls = controls_of(b, {0.1, 0, 0, 1, 0, 1e-3, 0, 0.5}),
                            .sum = b.constant(1, 1, 1)});
  require_close(b.values(r), {1, 10000});
  require_close(b.values(w), {0.95, 0.95});  // each update is 1 before clipping: experts do not affect each other
}
