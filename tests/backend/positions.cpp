#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

void check_shaped_attention(const Cpu& cpu, Scene& scene, std::int64_t context, std::int64_t sequences, std::int64_t kv_heads,
                            std::int64_t group, std::int64_t K, bool biased, std::int64_t window) {
  const auto n = context * sequences, heads = kv_heads * group;
  const Tensor q = scene.real(n, heads * K, 2.0), k = scene.real(n, kv_heads * K), v = scene.real(n, kv_heads * K),
               y = scene.real(n, heads * K);
  const Tensor sums = scene.real(n, heads), dy = scene.real(n, heads * K), dq = scene.real(n, heads * K),
               dk = scene.real(n, kv_heads * K), dv = scene.real(n, kv_heads * K);
  const Tensor bias = biased ? scene.real(heads, context, 2.0) : Tensor{}, dbias = biased ? scene.real(heads, context) : Tensor{};
  INFO("context " << context << ", head dimension " << K << ", window " << window << ", bias " << biased);
  scene.agree(
      cpu, 2e-5,
      op::Attend{.q = q,
                 .k = k,
                 .v = v,
                 .y = y,
                 .log_sum_exps = sums,
                 .bias = bias,
                 .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = context, .window = window}},
      op::AttendGradient{.q = q,
                         .k = k,
                         .v = v,
                         .y = y,
                         .log_sum_exps = sums,
                         .dy = dy,
                         .dq = dq,
                         .dk = dk,
                         .dv = dv,
                         .bias = bias,
                         .dbias = dbias,
                         .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = context, .window = window}});
}

}  // namespace

TEST_CASE("attention with a bias or a window agrees on odd sizes and with grouped keys") {
  on_every_cpu(24, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 70);
    check_shaped_attention(cpu, scene, context, scene.number(1, 3), scene.number(1, 3), scene.number(1, 3), scene.number(1, 40),
                           scene.number(0, 1) == 1, scene.number(0, context + 3));
  });
}

TEST_CASE("attention with a bias or a window agrees over several blocks of queries, also where whole blocks are not visible") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    for (const std::int64_t window : {0, 1, 7, 16, 63, 64, 65, 100, 148}) {
      check_shaped_attention(cpu, scene, 149, 2, 1, 2, 5, true, window);
      check_shaped_attention(cpu, scene, 208, 1, 1, 1, 3, false, window);
    }
  });
}

TEST_CASE("the spread of a table of relative biases and its gradient agree") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto heads = scene.number(1, 5), buckets = scene.number(2, 40), context = scene.number(1, 90);
    const auto distance = buckets / 2 + scene.number(1, 50);
    const Tensor table = scene.real(heads, buckets), y = scene.real(heads, context), dy = scene.real(heads, context),
                 dtable = scene.real(heads, buckets);
    scene.agree(cpu, 1e-6, op::RelativeBias{.table = table, .y = y, .distance = distance},
                op::RelativeBias{.table = table, .y = y, .distance = distance, .accumulate = true},
                op::RelativeBiasGradient{.dy = dy, .dtable = dtable, .distance = distance});
  });
}

TEST_CASE("norms of heads agree") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 90), heads = scene.number(1, 4), K = scene.number(1, 40);
    const Tensor x = scene.real(n, heads * K), scales = scene.real(n, heads), dy = scene.real(n, heads * K),
                 dx = scene.real(n, heads * K);
    scene.agree(cpu, 1e-5, op::NormalizeHeads{.x = x, .scales = scales, .head_dim = K},
                op::NormalizeHeadsGradient{.y = x, .scales = scales, .dy = dy, .dx = dx, .head_dim = K},
                op::NormalizeHeadsGradient{.y = x, .scales = scales, .dy = dy, .dx = dy, .head_dim = K});
  });
}

TEST_CASE("positions at the input and scaling agree") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), n = context * scene.number(1, 4), half = scene.number(1, 40);
    const Tensor x = scene.real(n, 2 * half), table = scene.real(context + scene.number(0, 3), 2 * half),
                 dtable = scene.real(table.rows, 2 * half), y = scene.real(n, 2 * half);
    scene.agree(
        cpu, 1e-6, op::AddSinusoid{.x = x, .context = context}, op::AddPositions{.table = table, .x = x, .context = context},
        op::AddPositionsGradient{.dy = x, .dtable = dtable, .context = context}, op::ScaleBy{.x = x, .y = y, .factor = 0.3},
        op::ScaleBy{.x = x, .y = x, .factor = -1.5}, op::ScaleByGradient{.dy = y, .dx = y, .factor = 0.7});
  });
}

TEST_CASE("Primer's norm agrees, and values around 100 with a spread of 0.3 stay finite and near the variance") {
  on_every_cpu(4, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 30), D = scene.number(2, 70);
    const Tensor x = scene.real(n, D), w = scene.real(1, D), b = scene.real(1, D), statistics = scene.real(n, 2),
                 y = scene.real(n, D), dy = scene.real(n, D), dx = scene.real(n, D), dw = scene.real(1, D), db = scene.real(1, D);
    scene.agree(cpu, 1e-5,
                op::Normalize{.statistic = op::Statistic::primer, .x = x, .w = w, .b = b, .statistics = statistics, .y = y},
                op::NormalizeGradient{.statistic = op::Statistic::primer,
                                      .x = x,
                                      .w = w,
                                      .statistics = statistics,
                                      .dy = dy,
                                      .dx = dx,
                                      .dw = dw,
                                      .db = db});
  });
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    const Tensor x = scene.packed(8, 512, [&](std::int64_t, std::int64_t) { return 100 + 0.3 * scene.normal(); });
    const Tensor w = scene.packed(1, 512, [](std::int64_t, std::int64_t) { return 1.0; }), b = scene.packed(1, 512, 0.0);
    const Tensor statistics = scene.packed(8, 2), y = scene.packed(8, 512);
    const std::vector<float> elements = scene.after(
        cpu, op::Normalize{.statistic = op::Statistic::primer, .x = x, .w = w, .b = b, .statistics = statistics, .y = y});
    for (std::int64_t r = 0; r < 8; ++r) {
      double square = 0;
      for (std::int64_t c = 0; c < 512; ++c)
        square += std::pow(elements[static_cast<std::size_t>(y.offset + r * 512 + c)], 2) / 512;
      CHECK(square == Approx(1).epsilon(1e-3));  // false for NaN
    }
  });
}

TEST_CASE("the gradient of a bias is the same on one thread and on two") {
  Scene scene(3);
  const std::int64_t T = 40, heads = 4, K = 12, n = 5 * T;
  const Tensor q = scene.real(n, heads * K), k = scene.real(n, heads * K), v = scene.real(n, heads * K),
               y = scene.real(n, heads * K), sums = scene.real(n, heads), dy = scene.real(n, heads * K),
               dq = scene.real(n, heads * K), dk = scene.real(n, heads * K), dv = scene.real(n, heads * K),
               bias = scene.real(heads, T), dbias = scene.real(heads, T);
  const op::Attend there{.q = q,
                         .k = k,
                         .v = v,
                         .y = y,
                         .log_sum_exps = sums,
                         .bias = bias,
                         .sizes = {.heads = heads, .kv_heads = heads, .head_dim = K, .context = T, .window = 9}};
  const op::AttendGradient back{.q = q,
                                .k = k,
                                .v = v,
                                .y = y,
                                .log_sum_exps = sums,
                                .dy = dy,
                                .dq = dq,
                                .dk = dk,
                                .dv = dv,
                                .bias = bias,
                                .dbias = dbias,
                                .sizes = there.sizes};
  CHECK(scene.after(Cpu({.threads = 1}), there, back) == scene.after(Cpu({.threads = 2}), there, back));
}
