#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("an AdamW step agrees, clipped or not, with and without weight decay") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 40000);
    const Tensor g = scene.packed(1, n), sum = scene.packed(1, 1);
    const Tensor w = scene.packed(1, n), m = scene.packed(1, n, 0.1),
                 v = scene.packed(1, n, [&](std::int64_t, std::int64_t) { return std::abs(scene.normal()); });
    const double clip = 0.5 * static_cast<double>(scene.number(0, 2));
    const double values[] = {1e-2, 0.9, 0.95, 1e-8, 0.1, 0.4, 0.2, clip};
    const Tensor controls = scene.packed(1, 8, [&](std::int64_t, std::int64_t c) { return values[c]; });
    const Tensor g2 = scene.packed(1, n), w2 = scene.packed(1, n), m2 = scene.packed(1, n, 0.1),
                 v2 = scene.packed(1, n, [&](std::int64_t, std::int64_t) { return std::abs(scene.normal()); });
    scene.agree(cpu, 2e-6, op::SumOfSquares{.x = g, .sum = sum},
                op::AdamWUpdate{.w = w, .g = g, .m = m, .v = v, .sum = sum, .controls = controls},
                op::AdamWUpdate{.w = w2, .g = g2, .m = m2, .v = v2, .sum = sum, .controls = controls, .decays = false});
  });
}
