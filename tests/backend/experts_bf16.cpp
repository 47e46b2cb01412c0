#include <algorithm>
#include <cstring>

#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Two roundings to bf16 of a matrix's largest element, and the rounding of f32 weights when they are packed.
constexpr double rounding = 1.0 / 128.0;

op::Assignment assignment(Scene& scene, std::int64_t tokens, std::int64_t experts, std::int64_t filled, std::int64_t choices) {
  const std::int64_t slots = op::slots_bound(filled, experts);
  op::Assignment to{.expert_first = scene.index(experts + 1, 1, 0, 0),
                    .expert_count = scene.index(experts, 1, 0, 0),
                    .slot_token = scene.index(slots, 1, 0, 0),
                    .slot_weight = scene.packed(slots, 1),
                    .token_first = scene.index(tokens + 1, 1, 0, 0),
                    .token_slots = scene.index(slots, 1, 0, 0),
                    .choice_slot = {},
                    .choice_expert = {},
                    .first_share = {},
                    .experts = experts,
                    .useful_slots = filled};
  scene.ignore(to.token_slots);  // after the filled ones
  if (choices > 0) {
    to.choice_slot = scene.index(tokens, choices, 0, 0);
    to.choice_expert = scene.index(tokens, choices, 0, 0);
    to.first_share = scene.packed(experts, 1);
  }
  return to;
}

/// A sparse layer after `route`, rows of slots in bf16: forward and backward.
template <class Route>
void check_layer(const Cpu& cpu, Scene& scene, const Route& route, const op::Assignment& to, std::int64_t tokens, std::int64_t in,
                 std::int64_t out) {
  using enum op::Function;
  const std::int64_t slots = to.slot_token.rows;
  const Tensor x = scene.number(0, 1) == 0 ? scene.real(tokens, in) : scene.bf16(tokens, in), dy = scene.real(tokens, out);
  const Tensor w = scene.real(to.experts * out, in, 0.3), dw = scene.real(to.experts * out, in);
  const Tensor rows = scene.bf16(slots, in), y = scene.bf16(slots, out), d_out = scene.bf16(slots, out),
               dx = scene.bf16(slots, in), squared = scene.bf16(slots, in), plain = scene.real(slots, in);
  const Tensor joined = scene.real(tokens, out), back = scene.real(tokens, in), dweight = scene.packed(slots, 1);
  for (const Tensor& t : {rows, y, d_out, dx, squared, plain, dweight}) scene.ignore_behind(t, to);
  scene.agree(cpu, rounding, route, op::GatherRows{.x = x, .to = to, .y = rows},
              op::ExpertLinear{.x = rows, .w = w, .to = to, .y = y, .f = squared_relu},
              op::CombineRows{.x = y, .to = to, .y = joined, .accumulate = true},
              op::CombineRowsGradient{.x = y, .to = to, .dy = dy, .dx = d_out, .dweight = dweight},
              op::ExpertLinearInputGradient{.dy = d_out, .w = w, .to = to, .dx = dx},
              op::ExpertLinearInputGradient{.dy = d_out, .w = w, .to = to, .dx = dx, .accumulate = true},
              op::ExpertLinearInputGradient{.dy = d_out, .w = w, .to = to, .dx = squared, .output = rows, .f = relu},
              op::ExpertLinearInputGradient{.dy = d_out, .w = w, .to = to, .dx = plain},
              op::ExpertLinearWeightGradient{.x = rows, .dy = d_out, .to = to, .dw = dw},
              op::GatherRowsGradient{.dy = dx, .to = to, .dx = back},
              op::CombineRowsGradient{.x = y, .to = to, .dy = dy, .dx = y, .dweight = dweight});
}

void check_token_choice(const Cpu& cpu, Scene& scene, std::int64_t tokens, std::int64_t experts, std::int64_t choices,
                        std::int64_t in, std::int64_t out) {
  const op::Assignment to = assignment(scene, tokens, experts, tokens * choices, choices);
  const Tensor p = scene.real(tokens, experts);
  check_layer(cpu, scene,
              op::RouteTokenChoice{.p = p, .to = to, .choices = choices, .capacity = scene.number(0, 1) * tokens / experts}, to,
              tokens, in, out);
}

}  // namespace

TEST_CASE("experts in bf16 agree forward and backward on odd sizes") {
  on_every_cpu(
      8,
      [](const Cpu& cpu, Scene& scene) {
        const auto experts = scene.number(1, 9), choices = scene.number(1, std::min<std::int64_t>(3, experts));
        check_token_choice(cpu, scene, scene.number(1, 200), experts, choices, scene.number(1, 90), scene.number(1, 90));
      },
      cpu::Precision::bf16);
}

TEST_CASE("experts in bf16 agree where panels are packed in several parts, and with one expert") {
  on_every_cpu(
      1,
      [](const Cpu& cpu, Scene& scene) {
        check_token_choice(cpu, scene, 70, 3, 2, 544, 1100);
        check_token_choice(cpu, scene, 900, 1, 1, 96, 64);
      },
      cpu::Precision::bf16);
}

TEST_CASE("experts in bf16 give the same bits for one, two and three threads") {
  for (const auto set : cpu::all_instruction_sets) {
    if (!cpu::available(set)) continue;
    Scene scene(4);
    const std::int64_t tokens = 400, experts = 5, choices = 2, in = 96, out = 160;
    const op::Assignment to = assignment(scene, tokens, experts, tokens * choices, choices);
    const Tensor p = scene.real(tokens, experts), x = scene.bf16(to.slot_token.rows, in), y = scene.bf16(x.rows, out);
    const Tensor w = scene.real(experts * out, in), dw = scene.real(experts * out, in), dx = scene.bf16(x.rows, in);
    const auto run = [&](int threads) {
      const Cpu cpu({.threads = threads, .instruction_set = set, .precision = cpu::Precision::bf16});
      return scene.after(cpu, op::RouteTokenChoice{.p = p, .to = to, .choices = choices},
                         op::ExpertLinear{.x = x, .w = w, .to = to, .y = y},
                         op::ExpertLinearInputGradient{.dy = y, .w = w, .to = to, .dx = dx},
                         op::ExpertLinearWeightGradient{.x = x, .dy = y, .to = to, .dw = dw});
    };
    const std::vector<float> one = run(1);
    for (const int threads : {2, 3}) {
      const std::vector<float> more = run(threads);
      INFO(cpu::name_of(set) << ", threads " << threads);
      CHECK(std::memcmp(one.data(), more.data(), one.size() * sizeof(float)) == 0);  // some of them are integers
    }
  }
}
