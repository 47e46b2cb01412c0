#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {
op::Assignment assignment(Scene& scene, std::int64_t tokens, std::int64_t experts, std::int64_t filled, std::int64_t choices) {
  const std::int64_t slots = op::slots_bound(filled, experts);
  op::Assignment to;
  to.experts = experts;
  to.useful_slots = filled;
  to.expert_first = scene.index(experts + 1, 1, 0, 0);
  to.expert_count = scene.index(experts, 1, 0, 0);
  to.slot_token = scene.index(slots, 1, 0, 0);
  to.slot_weight = scene.packed(slots, 1);
  to.token_first = scene.index(tokens + 1, 1, 0, 0);
  to.token_slots = scene.index(slots, 1, 0, 0);
  scene.ignore_behind(to.token_slots.row_range(filled, 0), to);
  if (choices > 0) {
    to.choice_slot = scene.index(tokens, choices, 0, 0);
    to.choice_expert = scene.index(tokens, choices, 0, 0);
    to.first_share = scene.packed(experts, 1);
  }
  return to;
}

struct Expert {
  Tensor x, rows, w, y, dy, dx, ds, undone, dw, back, joined, dweight, drows, dtoken;
};
Expert expert_tensors(Scene& scene, const op::Assignment& to, std::int64_t tokens, std::int64_t narrowest) {
  const auto in = scene.number(narrowest, narrowest + 60), out = scene.number(narrowest, narrowest + 60),
             slots = to.slot_token.rows;
  Expert e{.x = scene.real(tokens, in),
           .rows = scene.real(slots, in),
           .w = scene.real(to.experts * out, in),
           .y = scene.real(slots, out),
           .dy = scene.real(tokens, out),
           .dx = scene.real(slots, in),
           .ds = scene.real(slots, in),
           .undone = scene.packed(slots, in, [&](std::int64_t, std::int64_t) { return std::max(0.0, scene.normal()); }),
           .dw = scene.real(to.experts * out, in),
           .back = scene.real(tokens, in),
           .joined = scene.real(tokens, out),
           .dweight = scene.packed(slots, 1),
           .drows = scene.real(slots, out),
           .dtoken = scene.real(tokens, out)};
  for (const Tensor& t : {e.rows, e.y, e.dx, e.ds, e.undone, e.dweight, e.drows}) scene.ignore_behind(t, to);
  return e;
}

/// A whole sparse layer after `route`: forward and backward.
template <class Route>
void check_layer(const Cpu& cpu, Scene& scene, const Route& route, const op::Assignment& to, std::int64_t tokens,
                 std::int64_t narrowest = 1) {
  const Expert e = expert_tensors(scene, to, tokens, narrowest);
  scene.agree(
      cpu, 1e-5, route, op::GatherRows{.x = e.x, .to = to, .y = e.rows},
      op::ExpertLinear{.x = e.rows, .w = e.w, .to = to, .y = e.y, .f = op::Function::squared_relu},
      op::CombineRows{.x = e.y, .to = to, .y = e.joined}, op::CombineRows{.x = e.y, .to = to, .y = e.dtoken, .accumulate = true},
      op::CombineRowsGradient{.x = e.y, .to = to, .dy = e.dy, .dx = e.drows, .dweight = e.dweight},
      op::ExpertLinearInputGradient{
          .dy = e.drows, .w = e.w, .to = to, .dx = e.ds, .output = e.undone, .f = op::Function::squared_relu},
      op::ExpertLinearInputGradient{.dy = e.drows, .w = e.w, .to = to, .dx = e.ds, .output = e.undone, .f = op::Function::relu},
      op::ExpertLinearInputGradient{.dy = e.drows, .w = e.w, .to = to, .dx = e.dx},
      op::ExpertLinearInputGradient{.dy = e.drows, .w = e.w, .to = to, .dx = e.dx, .accumulate = true},
      op::ExpertLinearWeightGradient{.x = e.rows, .dy = e.drows, .to = to, .dw = e.dw},
      op::GatherRowsGradient{.dy = e.dx, .to = to, .dx = e.back},
      op::CombineRowsGradient{.x = e.y, .to = to, .dy = e.dy, .dx = e.y, .dweight = e.dweight});
}
}  // namespace

TEST_CASE("a token choice layer agrees forward and backward, with and without capacity") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto tokens = scene.number(1, 300), experts = scene.number(1, 9),
               choices = scene.number(1, std::min<std::int64_t>(3, experts));
    const auto capacity = scene.number(0, 1) == 0 ? tokens : (choices * tokens + experts - 1) / experts;
    const op::Assignment to = assignment(scene, tokens, experts, tokens * choices, choices);
    scene.ignore_behind(to.token_slots, to);
    const Tensor p = scene.real(tokens, experts);
    for (const bool normalise : {false, true})
      check_layer(cpu, scene,
                  op::RouteTokenChoice{.p = p, .to = to, .choices = choices, .capacity = capacity, .normalise = normalise}, to,
                  tokens);
  });
}

TEST_CASE("experts whose products are cut into slabs agree forward and backward") {
  for (const auto set : sets_of_products())
    for (CpuOptions options : {CpuOptions{.threads = 2}, {.threads = 3}, {.threads = 1, .thread_invariant = true}})
      for (std::uint64_t seed = 0; seed < 3; ++seed) {
        options.instruction_set = set;
        Scene scene(seed);
        const auto tokens = scene.number(250, 300), experts = scene.number(2, 3);
        const op::Assignment to = assignment(scene, tokens, experts, 2 * tokens, 2);
        const Tensor p = scene.real(tokens, experts);
        check_layer(Cpu(options), scene,
                    op::RouteTokenChoice{.p = p, .to = to, .choices = 2, .capacity = tokens, .normalise = true}, to, tokens, 100);
      }
}

TEST_CASE("an expert choice layer agrees forward and backward") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto tokens = scene.number(1, 300), experts = scene.number(1, 9), capacity = scene.number(1, tokens);
    const op::Assignment to = assignment(scene, tokens, experts, capacity * experts, 0);
    scene.ignore_behind(to.token_slots, to);
    const Tensor p = scene.real(tokens, experts), cuts = scene.packed(experts + 1, 1), threshold = scene.packed(experts, 1);
    const Tensor dweight = scene.packed(to.slot_token.rows, 1), dp = scene.real(tokens, experts);
    const op::RouteExpertChoice route{.p = p, .to = to, .capacity = capacity, .cuts = cuts};
    check_layer(cpu, scene, route, to, tokens);
    scene.agree(cpu, 1e-6, op::Clear{.y = cuts}, route, route,
                op::RouteExpertChoiceGradient{.to = to, .dweight = dweight, .dp = dp},
                op::UpdateThreshold{.cuts = cuts, .threshold = threshold});
  });
}

TEST_CASE("a threshold layer agrees for a part of the experts") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto tokens = scene.number(1, 200), all = scene.number(2, 9), experts = scene.number(1, all),
               first = scene.number(0, all - experts);
    const op::Assignment to = assignment(scene, tokens, experts, tokens * experts, 0);
    scene.ignore_behind(to.token_slots, to);
    const Tensor p = scene.real(tokens, all), threshold = scene.packed(all, 1);
    check_layer(cpu, scene, op::RouteThreshold{.p = p, .threshold = threshold, .to = to, .first_expert = first}, to, tokens);
  });
}

TEST_CASE("the gradients of token choice and of the balance loss agree") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const auto tokens = scene.number(1, 100), experts = scene.number(2, 9), choices = scene.number(1, 2),
               capacity = scene.number(1, tokens);
    const op::Assignment to = assignment(scene, tokens, experts, tokens * choices, choices);
    scene.ignore_behind(to.token_slots, to);
    const Tensor logits = scene.real(tokens, experts), p = scene.real(tokens, experts),
                 dweight = scene.packed(to.slot_token.rows, 1);
    const Tensor dp = scene.real(tokens, experts), dz = scene.real(tokens, experts), loss = scene.packed(1, 1),
                 scale = scene.packed(1, 1);
    scene.agree(
        cpu, 1e-5, op::Softmax{.x = logits, .y = p},
        op::RouteTokenChoice{.p = p, .to = to, .choices = choices, .capacity = capacity, .normalise = true},
        op::RouteTokenChoiceGradient{.p = p, .to = to, .dweight = dweight, .dp = dp, .choices = choices, .normalise = true},
        op::RouteTokenChoiceGradient{.p = p, .to = to, .dweight = dweight, .dp = dz, .choices = choices},
        op::BalanceLoss{.p = p, .first_share = to.first_share, .loss = loss},
        op::BalanceLossGradient{.first_share = to.first_share, .scale = scale, .dp = dz});
  });
}

TEST_CASE("segments longer than the finest products are cut into prepared pieces") {
  const Cpu cpu;
  Scene scene(3);
  const std::int64_t tokens = 1400, experts = 2;
  const op::Assignment to = assignment(scene, tokens, experts, tokens, 1);
  scene.ignore_behind(to.token_slots, to);
  const Tensor p =
      scene.packed(tokens, experts, [](std::int64_t n, std::int64_t e) { return (n < 1190) == (e == 0) ? 0.75 : 0.25; });
  check_layer(cpu, scene, op::RouteTokenChoice{.p = p, .to = to, .capacity = tokens}, to, tokens);
}
