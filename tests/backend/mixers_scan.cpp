#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

struct FeatureSizes {
  std::int64_t context, sequences, kv_heads, group, features, head_dim;
};

void check_linear_attention(const Cpu& cpu, Scene& scene, const FeatureSizes& s, bool shifted) {
  const auto n = s.context * s.sequences, heads = s.kv_heads * s.group, m = s.features, K = s.head_dim;
  // Features are positive, like random features.
  const auto positive = [&](std::int64_t columns) {
    return scene.packed(n, columns, [&](std::int64_t, std::int64_t) { return std::exp(-std::abs(scene.normal())); });
  };
  const Tensor q = positive(heads * m), k = positive(s.kv_heads * m), v = scene.real(n, s.kv_heads * K),
               y = scene.real(n, heads * K);
  const Tensor shift = shifted ? scene.real(n, s.kv_heads, 3.0) : Tensor{}, reciprocal = scene.real(n, heads);
  const Tensor dy = scene.real(n, heads * K), dq = scene.real(n, heads * m), dk = scene.real(n, s.kv_heads * m),
               dv = scene.real(n, s.kv_heads * K);
  scene.agree(cpu, 2e-5,
              op::LinearAttend{.q = q,
                               .k = k,
                               .shift = shift,
                               .v = v,
                               .y = y,
                               .reciprocal = reciprocal,
                               .sizes = {.heads = heads, .kv_heads = s.kv_heads, .head_dim = K, .context = s.context},
                               .features = m},
              op::LinearAttendGradient{.q = q,
                                       .k = k,
                                       .shift = shift,
                                       .v = v,
                                       .y = y,
                                       .reciprocal = reciprocal,
                                       .dy = dy,
                                       .dq = dq,
                                       .dk = dk,
                                       .dv = dv,
                                       .sizes = {.heads = heads, .kv_heads = s.kv_heads, .head_dim = K, .context = s.context},
                                       .features = m});
}

void check_squared_relu(const Cpu& cpu, Scene& scene, std::int64_t context, std::int64_t sequences, std::int64_t S,
                        std::int64_t E) {
  const auto n = context * sequences, length = scene.number(1, 9);
  const Tensor q = scene.real(n, S), k = scene.real(n, S), v = scene.real(n, E), y = scene.real(n, E), dy = scene.real(n, E);
  const Tensor dq = scene.real(n, S), dk = scene.real(n, S), dv = scene.real(n, E);
  scene.agree(cpu, 1e-5, op::SquaredReluAttend{.q = q, .k = k, .v = v, .y = y, .length = length, .context = context},
              op::SquaredReluAttendGradient{
                  .q = q, .k = k, .v = v, .dy = dy, .dq = dq, .dk = dk, .dv = dv, .length = length, .context = context});
}

}  // namespace

TEST_CASE("random features agree forward and backward for both kernels, with and without shifts") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 40), heads = scene.number(1, 3), m = scene.number(1, 50), K = scene.number(1, 40);
    for (const auto kernel : {op::FeatureKernel::softmax, op::FeatureKernel::relu})
      for (const bool shifted : {true, false}) {
        const Tensor x = scene.real(n, heads * K), w = scene.real(m, K), y = scene.real(n, heads * m);
        const Tensor shift = shifted ? scene.real(n, heads) : Tensor{}, dy = scene.real(n, heads * m),
                     dx = scene.real(n, heads * K);
        scene.agree(cpu, 1e-5, op::RandomFeatures{.kernel = kernel, .x = x, .w = w, .y = y, .shift = shift, .heads = heads},
                    op::RandomFeaturesGradient{
                        .kernel = kernel, .x = x, .w = w, .y = y, .dy = dy, .dx = dx, .heads = heads, .shifted = shifted});
      }
  });
}

TEST_CASE("attention by features agrees forward and backward on odd sizes, with grouped keys, with and without shifts") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const FeatureSizes sizes{scene.number(1, 70), scene.number(1, 3),  scene.number(1, 3),
                             scene.number(1, 3),  scene.number(1, 40), scene.number(1, 40)};
    check_linear_attention(cpu, scene, sizes, scene.number(0, 1) == 0);
  });
}

TEST_CASE("attention by features agrees over several blocks of positions") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    check_linear_attention(cpu, scene, {64, 2, 2, 1, 32, 16}, true);
    check_linear_attention(cpu, scene, {149, 1, 1, 2, 24, 9}, true);
    check_linear_attention(cpu, scene, {192, 1, 2, 2, 17, 15}, false);
    check_linear_attention(cpu, scene, {131, 2, 1, 1, 5, 3}, true);
  });
}

TEST_CASE("attention by features stays finite for shifts that differ by hundreds") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    const std::int64_t n = 140, m = 6, K = 5;
    const auto positive = [&](std::int64_t, std::int64_t) { return std::exp(-std::abs(scene.normal())); };
    const Tensor q = scene.packed(n, m, positive), k = scene.packed(n, m, positive), v = scene.real(n, K), y = scene.real(n, K);
    const Tensor shift = scene.packed(n, 1, [](std::int64_t r, std::int64_t) {
      return r % 7 == 0 ? 300.0 - static_cast<double>(r) : -4.0 * static_cast<double>(r % 90);
    });
    const Tensor reciprocal = scene.real(n, 1), dy = scene.real(n, K), dq = scene.real(n, m), dk = scene.real(n, m),
                 dv = scene.real(n, K);
    scene.agree(cpu, 1e-5,
                op::LinearAttend{.q = q,
                                 .k = k,
                                 .shift = shift,
                                 .v = v,
                                 .y = y,
                                 .reciprocal = reciprocal,
                                 .sizes = {.heads = 1, .kv_heads = 1, .head_dim = K, .context = n},
                                 .features = m},
                op::LinearAttendGradient{.q = q,
                                         .k = k,
                                         .shift = shift,
                                         .v = v,
                                         .y = y,
                                         .reciprocal = reciprocal,
                                         .dy = dy,
                                         .dq = dq,
                                         .dk = dk,
                                         .dv = dv,
                                         .sizes = {.heads = 1, .kv_heads = 1, .head_dim = K, .context = n},
                                         .features = m});
  });
}

TEST_CASE("scale and offset agree forward and backward") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto n = scene.number(1, 70), channels = scene.number(1, 40), copies = scene.number(1, 3);
    const Tensor x = scene.real(n, channels), w = scene.real(copies, channels), b = scene.real(copies, channels),
                 y = scene.real(n, copies * channels);
    const Tensor dy = scene.real(n, copies * channels), dx = scene.real(n, channels), dw = scene.real(copies, channels),
                 db = scene.real(copies, channels);
    scene.agree(cpu, 1e-5, op::ScaleOffset{.x = x, .w = w, .b = b, .y = y},
                op::ScaleOffsetGradient{.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .db = db});
  });
}

TEST_CASE("attention by squared ReLU agrees forward and backward, also over several blocks of queries") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    check_squared_relu(cpu, scene, scene.number(1, 70), scene.number(1, 3), scene.number(1, 40), scene.number(1, 50));
  });
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    check_squared_relu(cpu, scene, 149, 1, 24, 37);
    check_squared_relu(cpu, scene, 128, 2, 16, 32);
  });
}
