#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

constexpr op::Function functions[] = {op::Function::identity, op::Function::relu, op::Function::gelu, op::Function::swish,
                                      op::Function::squared_relu};
/// Half a unit in the last place of the largest element of a matrix, and the error before rounding.
constexpr double rounding = 1.05 / 256.0;

}  // namespace

TEST_CASE("activations and gated pairs in bf16 agree forward and backward, in place too") {
  on_every_cpu(
      4,
      [](const Cpu& cpu, Scene& scene) {
        for (const auto f : functions) {
          const auto n = scene.number(1, 40), width = scene.number(1, 70);
          const auto matrix = [&](double scale = 1.0) { return scene.bf16(n, width, scale); };
          const Tensor u = matrix(3.0), gate = matrix(3.0), y = matrix(), z = matrix(), x = matrix(3.0), derivative = matrix();
          const Tensor dy = matrix(), du = matrix(), dv = matrix(), dw = matrix(), dgate = matrix();
          scene.agree(cpu, rounding, op::Activate{.f = f, .u = u, .y = y, .derivative = derivative},
                      op::Activate{.f = f, .u = u, .gate = gate, .y = z}, op::Activate{.f = f, .u = x, .y = x});
          scene.agree(cpu, rounding,
                      op::ActivateGradient{.f = f, .u = u, .gate = gate, .y = z, .dy = dy, .du = dv, .dgate = dgate},
                      op::Activate{.f = f, .u = u, .y = y, .derivative = u});
          if (f == op::Function::squared_relu) continue;  // a random y may be negative
          scene.agree(cpu, rounding, op::ActivateGradient{.f = f, .u = u, .y = y, .dy = dy, .du = du},
                      op::ActivateGradient{.f = f, .y = y, .dy = dw, .du = dw});
        }
      },
      cpu::Precision::bf16);
}

TEST_CASE("the gradients of relu and squared relu in bf16 need their output alone") {
  on_every_cpu(
      2,
      [](const Cpu& cpu, Scene& scene) {
        for (const auto f : {op::Function::relu, op::Function::squared_relu}) {
          const Tensor u = scene.bf16(9, 33), dy = scene.bf16(9, 33), du = scene.bf16(9, 33);
          scene.agree(cpu, 1.5 * rounding, op::Activate{.f = f, .u = u, .y = u},
                      op::ActivateGradient{.f = f, .y = u, .dy = dy, .du = du});
        }
      },
      cpu::Precision::bf16);
}

TEST_CASE("activations in bf16 are right at the ends of their range: large numbers, zero and NaN") {
  on_every_cpu(
      1,
      [](const Cpu& cpu, Scene&) {
        // 1, 40, -40, 3e38, -3e38, 0, nan; each in every lane of a run of 40.
        const std::uint16_t elements[] = {0x3F80, 0x4220, 0xC220, 0x7F61, 0xFF61, 0, 0x7FC0};
        for (const std::uint16_t element : elements) {
          std::vector<std::uint16_t> memory(80, element);
          Memories<float> memories;
          memories[Memory::state] = reinterpret_cast<float*>(memory.data());
          const Tensor x{Memory::state, ElementType::bf16, 0, 1, 40, 40}, y{Memory::state, ElementType::bf16, 40, 1, 40, 40};
          for (const auto f : {op::Function::gelu, op::Function::swish}) {
            cpu.prepare(op::Activate{.f = f, .u = x, .y = y}, memories)();
            const auto value = [&](std::size_t i) { return std::bit_cast<float>(std::uint32_t{memory[i]} << 16); };
            for (std::size_t i = 40; i < 80; ++i) {
              INFO("input " << value(0) << " gives " << value(i));
              const bool positive = value(0) > 2.0F;
              if (element == 0x7FC0)
                REQUIRE(value(i) != value(i));
              else if (positive)
                REQUIRE(value(i) == value(0));
              else if (element == 0x3F80)
                REQUIRE(value(i) == Approx(f == op::Function::gelu ? 0.84119 : 0.73106).epsilon(0.004));
              else
                REQUIRE(std::abs(value(i)) < 1e-15F);
            }
          }
        }
      },
      cpu::Precision::bf16);
}

TEST_CASE("the backward pass of a product through each activation uses the kept tensor, its output or its derivative") {
  for (const bool in_bf16 : {false, true})
    on_every_cpu(
        3,
        [&](const Cpu& cpu, Scene& scene) {
          for (const auto f : functions) {
            if (f == op::Function::identity) continue;
            const auto n = scene.number(33, 70), in = scene.number(33, 70),
                       out = scene.number(1, 40);  // whole blocks and parts of blocks
            const auto matrix = [&](std::int64_t rows, std::int64_t columns) {
              return in_bf16 ? scene.bf16(rows, columns) : scene.real(rows, columns);
            };
            const Tensor u = matrix(n, in), y = matrix(n, in), dy = matrix(n, out), dx = matrix(n, in), w = scene.real(out, in);
            const bool by_slope = f == op::Function::gelu || f == op::Function::swish;
            scene.agree(cpu, in_bf16 ? 3.0 * rounding : 1e-5, op::Activate{.f = f, .u = u, .y = y, .derivative = u},
                        op::LinearInputGradient{.dy = dy, .w = w, .dx = dx, .output = by_slope ? u : y, .f = f});
          }
        },
        in_bf16 ? cpu::Precision::bf16 : cpu::Precision::f32);
}
