#include <cstdint>

#include "genoform/ops/mixing.hpp"
#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Sizes that are no multiple of a tile; tables are longer than the sequence.
struct Sizes {
  std::int64_t context, sequences, groups, width, positions;

  explicit Sizes(Scene& scene, std::int64_t longest = 75)
      : context(scene.number(1, longest)),
        sequences(scene.number(1, 3)),
        groups(scene.number(1, 3)),
        width(scene.number(1, 40)),
        positions(context + scene.number(0, 5)) {}

  op::Grouped tokens(Scene& scene) const { return tokens(scene, width); }
  op::Grouped tokens(Scene& scene, std::int64_t columns) const {
    return op::of_tokens(scene.real(context * sequences, groups * columns), groups);
  }
  op::Grouped table(Scene& scene, std::int64_t columns) const {
    return op::of_table(scene.real(groups * positions, columns), groups);
  }
  op::Grouped weights(Scene& scene, bool is_table) const { return is_table ? table(scene, positions) : tokens(scene, context); }
};

void check_mix(const Cpu& cpu, Scene& scene, const Sizes& sizes, bool is_table, bool accumulate) {
  const op::Grouped x = sizes.tokens(scene), w = sizes.weights(scene, is_table), y = sizes.tokens(scene),
                    dy = sizes.tokens(scene), dx = sizes.tokens(scene), dw = sizes.weights(scene, is_table);
  const Tensor bias = scene.number(0, 1) == 0 ? Tensor{} : scene.real(sizes.groups, sizes.positions);
  const Tensor dbias = bias.exists() ? scene.real(sizes.groups, sizes.positions) : Tensor{};
  scene.agree(
      cpu, 1e-5, op::CausalMix{.x = x, .w = w, .bias = bias, .y = y, .context = sizes.context},
      op::CausalMixGradient{
          .x = x, .w = w, .dy = dy, .dx = dx, .dw = dw, .dbias = dbias, .context = sizes.context, .accumulate = accumulate});
}

}  // namespace

TEST_CASE("causal mixing agrees with weights of a table and of every token, and touches nothing above the diagonal") {
  on_every_cpu(10, [](const Cpu& cpu, Scene& scene) {
    check_mix(cpu, scene, Sizes(scene), scene.number(0, 1) == 0, scene.number(0, 1) == 0);
  });
}

TEST_CASE("causal mixing agrees over several blocks of positions") {
  on_every_cpu(1, [](const Cpu& cpu, Scene& scene) {
    Sizes sizes(scene);
    sizes.context = 150;
    sizes.positions = 160;
    check_mix(cpu, scene, sizes, true, false);
    check_mix(cpu, scene, sizes, false, true);
  });
}

TEST_CASE("causal scores agree for queries and keys of tokens and of tables, with and without what is added") {
  on_every_cpu(12, [](const Cpu& cpu, Scene& scene) {
    const Sizes sizes(scene);
    const bool fixed_queries = scene.number(0, 2) == 0, fixed_keys = scene.number(0, 1) == 0, scaled = scene.number(0, 1) == 0;
    const bool all_fixed = fixed_queries && fixed_keys, adds = scene.number(0, 1) == 0;
    const auto rows = [&](bool fixed) { return fixed ? sizes.table(scene, sizes.width) : sizes.tokens(scene); };
    const op::Grouped q = rows(fixed_queries), k = rows(fixed_keys), y = sizes.weights(scene, all_fixed),
                      dy = sizes.weights(scene, all_fixed), dq = rows(fixed_queries), dk = rows(fixed_keys);
    const op::Grouped added = adds ? sizes.table(scene, sizes.positions) : op::Grouped{},
                      dadded = adds ? sizes.table(scene, sizes.positions) : op::Grouped{};
    scene.agree(cpu, 1e-5,
                op::CausalScores{.queries = q, .keys = k, .added = added, .y = y, .context = sizes.context, .scaled = scaled},
                op::CausalScoresGradient{.queries = q,
                                         .keys = k,
                                         .dy = dy,
                                         .dqueries = dq,
                                         .dkeys = dk,
                                         .dadded = dadded,
                                         .context = sizes.context,
                                         .scaled = scaled});
  });
}

TEST_CASE("the result of causal scores may be added to itself") {
  on_every_cpu(2, [](const Cpu& cpu, Scene& scene) {
    const Sizes sizes(scene);
    const op::Grouped q = sizes.tokens(scene), k = sizes.tokens(scene), y = sizes.tokens(scene, sizes.context);
    scene.agree(cpu, 1e-5,
                op::CausalScores{.queries = q, .keys = k, .added = y, .y = y, .context = sizes.context, .scaled = true});
  });
}

TEST_CASE("causal softmax agrees on tokens and tables, in place too, and its gradient is written or added") {
  on_every_cpu(10, [](const Cpu& cpu, Scene& scene) {
    const Sizes sizes(scene);
    const bool is_table = scene.number(0, 1) == 0, accumulate = scene.number(0, 1) == 0;
    const op::Grouped x = sizes.weights(scene, is_table), y = scene.number(0, 1) == 0 ? x : sizes.weights(scene, is_table),
                      dy = sizes.weights(scene, is_table);
    const op::Grouped dx = accumulate || scene.number(0, 1) == 0 ? sizes.weights(scene, is_table) : dy;
    scene.agree(cpu, 1e-5, op::CausalSoftmax{.x = x, .y = y, .context = sizes.context},
                op::CausalSoftmaxGradient{.y = y, .dy = dy, .dx = dx, .context = sizes.context, .accumulate = accumulate});
  });
}

TEST_CASE("a bias by distance is added, in place too, and its gradient is the sum along the diagonals") {
  on_every_cpu(8, [](const Cpu& cpu, Scene& scene) {
    const Sizes sizes(scene);
    const bool is_table = scene.number(0, 1) == 0;
    const op::Grouped x = sizes.weights(scene, is_table), y = scene.number(0, 1) == 0 ? x : sizes.weights(scene, is_table),
                      dy = sizes.weights(scene, is_table);
    const Tensor bias = scene.real(sizes.groups, sizes.positions), dbias = scene.real(sizes.groups, sizes.positions);
    scene.agree(cpu, 1e-5, op::AddByDistance{.x = x, .bias = bias, .y = y, .context = sizes.context},
                op::AddByDistanceGradient{.dy = dy, .dbias = dbias, .context = sizes.context});
  });
}
