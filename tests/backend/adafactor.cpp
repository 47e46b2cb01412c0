#include <limits>
#include <vector>

#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Random controls of a late step: learning rate, beta1, beta2, 1 - beta2, epsilons, weight decay, clipping that has an effect or
/// not.
Tensor controls_of(Scene& scene, bool clips) {
  const double values[] = {1e-2, 0.9, 0.7, 0.3, 1e-30, 1e-3, 0.1, clips ? 0.25 : 0.0};
  return scene.packed(1, 8, [&](std::int64_t, std::int64_t c) { return values[c]; });
}
Tensor positive(Scene& scene, std::int64_t rows, std::int64_t columns) {
  return scene.packed(rows, columns, [&](std::int64_t, std::int64_t) { return 0.1 + std::abs(scene.normal()); });
}

/// Of gradients that an update may use.
Tensor finite_sum(Scene& scene) {
  return scene.packed(1, 1, [](std::int64_t, std::int64_t) { return 1.0; });
}

}  // namespace

TEST_CASE("a factored Adafactor step agrees, for one matrix and for one of each expert, with and without momentum") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto blocks = scene.number(1, 3), rows = scene.number(1, 200), columns = scene.number(1, 150);
    const bool clips = scene.number(0, 1) == 1, with_momentum = scene.number(0, 1) == 1, relative = scene.number(0, 1) == 1;
    const Tensor controls = controls_of(scene, clips), w = scene.packed(blocks * rows, columns, 0.3),
                 g = scene.packed(blocks * rows, columns, 2.0), r = positive(scene, blocks, rows),
                 c = positive(scene, blocks, columns), factors = scene.packed(1, blocks * (rows + columns)),
                 m = scene.packed(blocks * rows, columns, 0.01);
    const op::AdafactorUpdate step{.w = w,
                                   .g = g,
                                   .row_means = r,
                                   .column_means = c,
                                   .factors = factors,
                                   .squares = {},
                                   .momentum = with_momentum ? m : Tensor{},
                                   .controls = controls,
                                   .sum = finite_sum(scene),
                                   .decays = clips,
                                   .relative = relative};
    scene.ignore(factors);
    scene.agree(cpu, 3e-6, step);
  });
}

TEST_CASE("an Adafactor step that is not factored agrees") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 40000);
    const bool clips = scene.number(0, 1) == 1, with_momentum = scene.number(0, 1) == 1, relative = scene.number(0, 1) == 1;
    const Tensor controls = controls_of(scene, clips), w = scene.packed(1, n, 0.3), g = scene.packed(1, n, 2.0),
                 v = positive(scene, 1, n), m = scene.packed(1, n, 0.01);
    scene.agree(cpu, 3e-6,
                op::AdafactorUpdate{.w = w,
                                    .g = g,
                                    .squares = v,
                                    .momentum = with_momentum ? m : Tensor{},
                                    .controls = controls,
                                    .sum = finite_sum(scene),
                                    .decays = clips,
                                    .relative = relative});
  });
}

TEST_CASE("an Adafactor step gives the same bits for any number of threads") {
  const auto bits = [](int threads) {
    Scene scene(11);
    const Tensor controls = controls_of(scene, true), w = scene.packed(3 * 300, 130, 0.3), g = scene.packed(3 * 300, 130, 2.0),
                 r = positive(scene, 3, 300), c = positive(scene, 3, 130), factors = scene.packed(1, 3 * 430);
    const Tensor w2 = scene.packed(1, 70001, 0.3), g2 = scene.packed(1, 70001), v2 = positive(scene, 1, 70001);
    const Tensor sum = finite_sum(scene);
    return scene.after(
        Cpu({.threads = threads}),
        op::AdafactorUpdate{
            .w = w, .g = g, .row_means = r, .column_means = c, .factors = factors, .controls = controls, .sum = sum},
        op::AdafactorUpdate{.w = w2, .g = g2, .squares = v2, .controls = controls, .sum = sum});
  };
  const auto one = bits(1);
  REQUIRE(one == bits(2));
  REQUIRE(one == bits(3));
}

TEST_CASE("rows and columns that never had a gradient do not move") {
  on_every_cpu(2, [](const Cpu& cpu, Scene& scene) {
    const auto rows = scene.number(2, 60), columns = scene.number(2, 60);
    const double values[] = {1e-2, 0, 0, 1, 1e-30, 1e-3, 0, 1};
    const Tensor controls = scene.packed(1, 8, [&](std::int64_t, std::int64_t c) { return values[c]; });
    const Tensor w = scene.packed(rows, columns), r = scene.packed(1, rows, 0.0), c = scene.packed(1, columns, 0.0),
                 factors = scene.packed(1, rows + columns),
                 g = scene.packed(rows, columns, [](std::int64_t i, std::int64_t j) { return i == 0 || j == 0 ? 0.0 : 1e6; });
    scene.ignore(factors);
    scene.agree(cpu, 3e-6,
                op::AdafactorUpdate{.w = w,
                                    .g = g,
                                    .row_means = r,
                                    .column_means = c,
                                    .factors = factors,
                                    .controls = controls,
                                    .sum = finite_sum(scene)});
  });
}

TEST_CASE("a step of an optimizer changes nothing when the sum of squares is not finite") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    for (const double sum : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
      const Tensor controls = controls_of(scene, true), w = scene.packed(1, 70), g = scene.packed(1, 70),
                   v = positive(scene, 1, 70), m = scene.packed(1, 70),
                   infinite = scene.packed(1, 1, [&](std::int64_t, std::int64_t) { return sum; });
      const auto bits = [&](const auto&... ops) {
        const std::vector<float> values = scene.after(cpu, ops...);
        return std::vector<float>(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(infinite.offset));
      };
      const auto before = bits(op::SumOfSquares{.x = g, .sum = infinite});  // touches nothing before it
      CHECK(before == bits(op::AdamWUpdate{.w = w, .g = g, .m = m, .v = v, .sum = infinite, .controls = controls}));
      CHECK(before ==
            bits(op::AdafactorUpdate{.w = w, .g = g, .squares = v, .momentum = m, .controls = controls, .sum = infinite}));
    }
  });
}
