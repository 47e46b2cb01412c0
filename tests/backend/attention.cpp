#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("rotation and its inverse agree") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), sequences = scene.number(1, 4), half = scene.number(1, 20),
               heads = scene.number(1, 4);
    const Tensor x = scene.real(context * sequences, heads * 2 * half), z = scene.real(context * sequences, heads * 2 * half);
    scene.agree(cpu, 1e-6, op::Rotate{.x = x, .head_dim = 2 * half, .context = context},
                op::Rotate{.x = z, .head_dim = 2 * half, .context = context, .inverse = true});
  });
}

TEST_CASE("causal convolution agrees for every width, longer than the sequence too") {
  on_every_cpu(14, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), n = context * scene.number(1, 4), channels = scene.number(1, 70);
    const auto width = scene.number(0, 1) == 0 ? 3 : scene.number(1, 6);
    const Tensor x = scene.real(n, channels), w = scene.real(channels, width), y = scene.real(n, channels);
    const Tensor dy = scene.real(n, channels), dx = scene.real(n, channels), dw = scene.real(channels, width);
    scene.agree(cpu, 1e-5, op::CausalConvolution{.x = x, .w = w, .y = y, .context = context},
                op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .context = context},
                op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dy, .dw = dw, .context = context});
  });
}

TEST_CASE("causal convolution rotates heads of every size in its own pass or in a separate one") {
  on_every_cpu(14, [](const Cpu& cpu, Scene& scene) {
    const auto context = scene.number(1, 40), n = context * scene.number(1, 4), heads = scene.number(1, 3);
    const auto K = scene.number(0, 1) == 0 ? 8 * scene.number(1, 8) : 2 * scene.number(1, 20);
    const auto width = scene.number(0, 2) > 0 ? 3 : scene.number(1, 6), channels = heads * K + scene.number(0, 50);
    const Tensor x = scene.real(n, channels), w = scene.real(channels, width), y = scene.real(n, channels),
                 dy = scene.real(n, channels), dw = scene.real(channels, width);
    const op::FusedRotation rotated{.channels = heads * K, .head_dim = K};
    scene.agree(
        cpu, 1e-5, op::CausalConvolution{.x = x, .w = w, .y = y, .context = context, .rotation = rotated},
        op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dy, .dw = dw, .context = context, .rotation = rotated});
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
  scene.agree(cpu, 1e-5,
              op::Attend{.q = q,
                         .k = k,
                         .v = v,
                         .y = y,
                         .log_sum_exps = sums,
                         .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = context}},
              op::AttendGradient{.q = q,
                                 .k = k,
                                 .v = v,
                                 .y = y,
                                 .log_sum_exps = sums,
                                 .dy = dy,
                                 .dq = dq,
                                 .dk = dk,
                                 .dv = dv,
                                 .sizes = {.heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = context}});
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
    scene.agree(cpu, 1e-5,
                op::Attend{.q = part(qkv, 0),
                           .k = part(qkv, 1),
                           .v = part(qkv, 2),
                           .y = y,
                           .log_sum_exps = sums,
                           .sizes = {.heads = 2, .kv_heads = 2, .head_dim = 16, .context = 48}},
                op::AttendGradient{.q = part(qkv, 0),
                                   .k = part(qkv, 1),
                                   .v = part(qkv, 2),
                                   .y = y,
                                   .log_sum_exps = sums,
                                   .dy = dy,
                                   .dq = part(dqkv, 0),
                                   .dk = part(dqkv, 1),
                                   .dv = part(dqkv, 2),
                                   .sizes = {.heads = 2, .kv_heads = 2, .head_dim = 16, .context = 48}});
  });
}
