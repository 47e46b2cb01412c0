#include "tests/backend/scene.hpp"

using namespace genoform;

TEST_CASE("rotation and its inverse agree") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), sequences = scene.number(1, 4), half = scene.number(1, 20),
               heads = scene.number(1, 4);
    const Tensor x = scene.real(context * sequences, heads * 2 * half), z = scene.real(context * sequences, heads * 2 * half);
    scene.agree(cpu, 1e-6, op::Rotate{x, 2 * half, context, false}, op::Rotate{z, 2 * half, context, true});
  });
}

TEST_CASE("causal convolution agrees for every width, longer than the sequence too") {
  on_every_cpu(14, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), n = context * scene.number(1, 4), channels = scene.number(1, 70);
    const auto width = scene.number(0, 1) == 0 ? 3 : scene.number(1, 6);
    const Tensor x = scene.real(n, channels), w = scene.real(channels, width), y = scene.real(n, channels);
    const Tensor dy = scene.real(n, channels), dx = scene.real(n, channels), dw = scene.real(channels, width);
    scene.agree(cpu, 1e-5, op::CausalConvolution{x, w, y, context}, op::CausalConvolutionGradient{x, w, dy, dx, dw, context},
                op::CausalConvolutionGradient{x, w, dy, dy, dw, context});
  });
}

TEST_CASE("causal convolution rotates heads of every size in its own pass or in a separate one") {
  on_every_cpu(14, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), n = context * scene.number(1, 4), heads = scene.number(1, 3);
    const auto K = scene.number(0, 1) == 0 ? 8 * scene.number(1, 8) : 2 * scene.number(1, 20);
    const auto width = scene.number(0, 2) > 0 ? 3 : scene.number(1, 6), channels = heads * K + scene.number(0, 50);
    const Tensor x = scene.real(n, channels), w = scene.real(channels, width), y = scene.real(n, channels),
                 dy = scene.real(n, channels), dw = scene.real(channels, width);
    const op::FusedRotation rotated{heads * K, K};
    scene.agree(cpu, 1e-5, op::CausalConvolution{x, w, y, context, rotated},
                op::CausalConvolutionGradient{x, w, dy, dy, dw, context, rotated});
  });
}

namespace {
void check_attention(const Cpu& cpu, Scene& scene, std::int64_t context, std::int64_t sequences, std::int64_t kv_heads,
                     std::int64_t group, std::int64_t K) {
  const auto n = context * sequences, heads = kv_heads * group;
  const Tensor q = scene.real(n, heads * K, 2.0), k = scene.real(n, kv_heads * K), v = scene.real(n, kv_heads * K),
               y = scene.real(n, heads * K);
  const Tensor sums = scene.real(n, heads), dy = scene.real(n, heads * K), dq = scene.real(n, heads * K),
               dk = scene.real(n, kv_heads * K);
  const Tensor dv = scene.real(n, kv_heads * K);
  scene.agree(cpu, 1e-5, op::Attend{q, k, v, y, sums, heads, kv_heads, K, context},
              op::AttendGradient{q, k, v, y, sums, dy, dq, dk, dv, heads, kv_heads, K, context});
}
}  // namespace

TEST_CASE("attention agrees forward and backward on odd sizes and with grouped keys") {
  on_every_cpu(12, [](const Cpu& cpu, Scene& scene) {
    check_attention(cpu, scene, scene.number(1, 70), scene.number(1, 3), scene.number(1, 3), scene.number(1, 3),
                    scene.number(1, 40));
  });
}

TEST_CASE("attention agrees over several blocks of queries") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    check_attention(cpu, scene, 64, 2, 2, 1, 32);
    check_attention(cpu, scene, 149, 1, 1, 2, 24);
    check_attention(cpu, scene, 256, 1, 1, 1, 64);
  });
}

TEST_CASE("attention works in place on columns of one projection") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    const Tensor qkv = scene.real(96, 96), y = scene.real(96, 32), sums = scene.real(96, 2), dy = scene.real(96, 32),
                 dqkv = scene.real(96, 96);
    const auto part = [](const Tensor& t, std::int64_t i) { return t.column_range(32 * i, 32); };
    scene.agree(cpu, 1e-5, op::Attend{part(qkv, 0), part(qkv, 1), part(qkv, 2), y, sums, 2, 2, 16, 48},
                op::AttendGradient{part(qkv, 0), part(qkv, 1), part(qkv, 2), y, sums, dy, part(dqkv, 0), part(dqkv, 1),
                                   part(dqkv, 2), 2, 2, 16, 48});
  });
}
