#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Half a unit in the last place of the largest element of a matrix, and the error of sums in f32.
constexpr double rounding = 1.01 / 256.0;

struct Sizes {
  std::int64_t context, sequences, kv_heads, group, head_dim;
};
struct Shaping {
  bool biased = false;
  std::int64_t window = 0;
};

/// Forward and backward pass in one operation list.
struct AttentionScene {
  op::Attend there;
  op::AttendGradient back;

  AttentionScene(Scene& scene, const Sizes& sizes, const Shaping& shaping) {
    const auto [context, sequences, kv_heads, group, K] = sizes;
    const auto n = context * sequences, heads = kv_heads * group;
    const Tensor q = scene.bf16(n, heads * K, 2.0), k = scene.bf16(n, kv_heads * K), v = scene.bf16(n, kv_heads * K),
                 y = scene.bf16(n, heads * K), sums = scene.real(n, heads), dy = scene.bf16(n, heads * K),
                 dq = scene.bf16(n, heads * K), dk = scene.bf16(n, kv_heads * K), dv = scene.bf16(n, kv_heads * K);
    const Tensor bias = shaping.biased ? scene.real(heads, context, 2.0) : Tensor{},
                 dbias = shaping.biased ? scene.real(heads, context) : Tensor{};
    const op::AttentionSizes attention{
        .heads = heads, .kv_heads = kv_heads, .head_dim = K, .context = context, .window = shaping.window};
    there = {.q = q, .k = k, .v = v, .y = y, .log_sum_exps = sums, .bias = bias, .sizes = attention};
    back = {.q = q,
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
            .sizes = attention};
  }
};

void check(const Cpu& cpu, Scene& scene, const Sizes& sizes, const Shaping& shaping = {}) {
  INFO("context " << sizes.context << ", sequences " << sizes.sequences << ", key heads " << sizes.kv_heads << " of "
                  << sizes.group << ", head dimension " << sizes.head_dim << ", window " << shaping.window << ", bias "
                  << shaping.biased);
  const AttentionScene attention(scene, sizes, shaping);
  scene.agree(cpu, 1e-2, attention.there, attention.back);
}

}  // namespace

TEST_CASE("attention in bf16 agrees on odd sizes, with grouped keys, a bias or a window") {
  on_every_cpu(
      20,
      [](const Cpu& cpu, Scene& scene) {
        const auto context = scene.number(1, 110);
        const Sizes sizes{context, scene.number(1, 3), scene.number(1, 3), scene.number(1, 3), scene.number(1, 45)};
        const Shaping shaping{scene.number(0, 1) == 1, scene.number(0, 1) == 1 ? scene.number(0, context + 3) : 0};
        check(cpu, scene, sizes, shaping);
      },
      cpu::Precision::bf16);
}

TEST_CASE("attention in bf16 agrees over several blocks of queries, also where whole blocks are not visible") {
  on_every_cpu(
      1,
      [](const Cpu& cpu, Scene& scene) {
        for (const std::int64_t K : {12, 16, 20, 32, 40, 64}) check(cpu, scene, {64, 2, 2, 1, K});
        check(cpu, scene, {256, 1, 1, 2, 64});
        for (const std::int64_t window : {0, 1, 7, 31, 32, 33, 64, 65, 100, 148}) {
          check(cpu, scene, {149, 2, 1, 2, 5}, {true, window});
          check(cpu, scene, {208, 1, 1, 1, 32}, {false, window});
        }
      },
      cpu::Precision::bf16);
}

TEST_CASE("attention in bf16 works in place on columns of one projection") {
  on_every_cpu(
      1,
      [](const Cpu& cpu, Scene& scene) {
        const Tensor qkv = scene.bf16(96, 96), y = scene.bf16(96, 32), sums = scene.real(96, 2), dy = scene.bf16(96, 32),
                     dqkv = scene.bf16(96, 96);
        const auto part = [](const Tensor& t, std::int64_t i) { return t.column_range(32 * i, 32); };
        scene.agree(cpu, 1e-2,
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
      },
      cpu::Precision::bf16);
}

TEST_CASE("attention in bf16 gives the same bits on one thread and on two") {
  Scene scene(3);
  const AttentionScene attention(scene, {70, 5, 2, 2, 20}, {true, 40});
  const auto after = [&](int threads) {
    return scene.after(Cpu({.threads = threads, .precision = cpu::Precision::bf16}), attention.there, attention.back);
  };
  CHECK(after(1) == after(2));
}

TEST_CASE("causal convolution in bf16 gives the same bits on one thread and on two, however the channels are divided") {
  Scene scene(5);
  const std::int64_t n = 160, channels = 16 * 7 + 5, context = 40;
  const Tensor x = scene.bf16(n, channels), w = scene.real(channels, 3), y = scene.bf16(n, channels),
               dy = scene.bf16(n, channels), dw = scene.real(channels, 3);
  const auto after = [&](int threads) {
    return scene.after(Cpu({.threads = threads, .precision = cpu::Precision::bf16}),
                       op::CausalConvolution{.x = x, .w = w, .y = y, .context = context},
                       op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dy, .dw = dw, .context = context});
  };
  CHECK(after(1) == after(2));
}

TEST_CASE("causal convolution in bf16 gives the same bits on one thread and on two if it rotates three heads of any size") {
  for (const std::int64_t K : {6, 16, 20, 32, 64}) {
    Scene scene(7);
    const std::int64_t n = 160, channels = 3 * K + 21, context = 40;
    const Tensor x = scene.bf16(n, channels), w = scene.real(channels, 3), y = scene.bf16(n, channels),
                 dy = scene.bf16(n, channels), dw = scene.real(channels, 3);
    const auto after = [&](int threads) {
      return scene.after(Cpu({.threads = threads, .precision = cpu::Precision::bf16}),
                         op::CausalConvolution{.x = x, .w = w, .y = y, .context = context, .rotation = {3 * K, K}},
                         op::CausalConvolutionGradient{
                             .x = x, .w = w, .dy = dy, .dx = dy, .dw = dw, .context = context, .rotation = {3 * K, K}});
    };
    INFO(K);
    CHECK(after(1) == after(2));
  }
}

TEST_CASE("causal convolution in bf16 agrees for every width, longer than the sequence too") {
  on_every_cpu(
      14,
      [](const Cpu& cpu, Scene& scene) {
        const auto context = scene.number(1, 40), n = context * scene.number(1, 4), channels = scene.number(1, 70);
        const auto width = scene.number(0, 1) == 0 ? 3 : scene.number(1, 6);
        const Tensor x = scene.bf16(n, channels), w = scene.real(channels, width), y = scene.bf16(n, channels);
        const Tensor dy = scene.bf16(n, channels), dx = scene.bf16(n, channels), dw = scene.real(channels, width);
        scene.agree(cpu, rounding, op::CausalConvolution{.x = x, .w = w, .y = y, .context = context},
                    op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .context = context},
                    op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dy, .dw = dw, .context = context});
      },
      cpu::Precision::bf16);
}

TEST_CASE("causal convolution in bf16 rotates heads of every size in its own pass or in a separate one") {
  on_every_cpu(
      14,
      [](const Cpu& cpu, Scene& scene) {
        const auto context = scene.number(1, 40), n = context * scene.number(1, 4), heads = scene.number(1, 3);
        const auto K = scene.number(0, 1) == 0 ? 8 * scene.number(1, 8) : 2 * scene.number(1, 20);
        const auto width = scene.number(0, 2) > 0 ? 3 : scene.number(1, 6), channels = heads * K + scene.number(0, 50);
        const Tensor x = scene.bf16(n, channels), w = scene.real(channels, width), y = scene.bf16(n, channels),
                     dy = scene.bf16(n, channels), dw = scene.real(channels, width);
        const op::FusedRotation rotated{.channels = heads * K, .head_dim = K};
        // Heads that are rotated in a separate pass are rounded twice.
        scene.agree(
            cpu, 2 * rounding, op::CausalConvolution{.x = x, .w = w, .y = y, .context = context, .rotation = rotated},
            op::CausalConvolutionGradient{.x = x, .w = w, .dy = dy, .dx = dy, .dw = dw, .context = context, .rotation = rotated});
      },
      cpu::Precision::bf16);
}

TEST_CASE("rotation, norms of heads and copies in bf16 agree") {
  on_every_cpu(
      8,
      [](const Cpu& cpu, Scene& scene) {
        const auto context = scene.number(1, 40), n = context * scene.number(1, 4), heads = scene.number(1, 4),
                   K = 2 * scene.number(1, 40);
        const Tensor x = scene.bf16(n, heads * K), z = scene.bf16(n, heads * K), scales = scene.real(n, heads),
                     y = scene.bf16(n, heads * K), dy = scene.bf16(n, heads * K), dx = scene.bf16(n, heads * K),
                     copy = scene.bf16(n, heads * K);
        scene.agree(cpu, rounding, op::Rotate{.x = x, .head_dim = K, .context = context},
                    op::Rotate{.x = z, .head_dim = K, .context = context, .inverse = true}, op::Copy{.x = dy, .y = copy},
                    op::NormalizeHeadsGradient{.y = y, .scales = scales, .dy = dy, .dx = dx, .head_dim = K},
                    op::NormalizeHeadsGradient{.y = y, .scales = scales, .dy = copy, .dx = copy, .head_dim = K},
                    op::NormalizeHeads{.x = y, .scales = scales, .head_dim = K});
      },
      cpu::Precision::bf16);
}
