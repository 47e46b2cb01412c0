#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "genoform/backend/host/routing.hpp"
#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Scores with ties, zeros of either sign and, if requested, NaN; some tokens are padding.
struct Pool {
  std::int64_t tokens, experts, stride;
  std::vector<float> scores;
  std::vector<std::int32_t> ids;

  Pool(Scene& scene, bool numbers_only)
      : tokens(scene.number(1, 90)), experts(scene.number(0, 9) == 0 ? scene.number(10, 80) : scene.number(1, 9)) {
    stride = experts + scene.number(0, 2);
    const float odd[] = {0.0F, -0.0F, std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                         std::numeric_limits<float>::quiet_NaN()};
    for (std::int64_t i = 0; i < tokens * stride; ++i) {
      const auto kind = scene.number(0, 19);
      scores.push_back(kind < 5 && (kind < 4 || !numbers_only) ? odd[kind]
                       : kind < 10                             ? 0.25F * static_cast<float>(scene.number(-2, 2))
                                                               : static_cast<float>(scene.normal()));
    }
    for (std::int64_t n = 0; n < tokens; ++n) ids.push_back(static_cast<std::int32_t>(scene.number(-1, 5)));
  }
  host::Rows<const float> rows() const { return {scores.data(), tokens, experts, stride}; }
  cpu::ScoresArgs work(bool with_padding, const float* bias = nullptr) const {
    return {scores.data(), stride, tokens, experts, with_padding ? ids.data() : nullptr, bias};
  }
};

void on_every_set(int times, const std::function<void(const cpu::Kernels&, Scene&)>& test) {
  for (const auto set : cpu::all_instruction_sets) {
    if (!cpu::available(set)) continue;
    INFO(cpu::name_of(set));
    for (int i = 0; i < times; ++i) {
      Scene scene(static_cast<std::uint64_t>(i));
      test(cpu::kernels_of(set), scene);
    }
  }
}

}  // namespace

TEST_CASE("the kernel chooses the same experts for tokens as a plain loop") {
  on_every_set(200, [](const cpu::Kernels& kernels, Scene& scene) {
    const Pool pool(scene, scene.number(0, 2) > 0);
    const auto choices = scene.number(1, pool.experts);
    const bool padded = scene.number(0, 1) == 0, biased = scene.number(0, 1) == 0;
    std::vector<float> bias, scratch(static_cast<std::size_t>(pool.experts));
    for (std::int64_t e = 0; e < pool.experts; ++e) bias.push_back(static_cast<float>(scene.normal()));
    const auto size = static_cast<std::size_t>(pool.tokens * choices);
    std::vector<std::int32_t> plain(size, 77), chosen(size, 77);
    host::Slots<float> to{};
    to.choice_expert = plain.data(), to.experts = pool.experts, to.tokens = pool.tokens;
    host::choose_top_k<float>(pool.rows(), to, choices, padded ? pool.ids.data() : nullptr, biased ? bias.data() : nullptr,
                              scratch.data());
    const cpu::ScoresArgs work = pool.work(padded, biased ? bias.data() : nullptr);
    const std::int64_t middle = std::min<std::int64_t>(pool.tokens, 16);
    kernels.choose_top_k(work, choices, chosen.data(), 0, middle);
    kernels.choose_top_k(work, choices, chosen.data(), middle, pool.tokens);
    REQUIRE(chosen == plain);
  });
}

TEST_CASE("the kernel takes the same tokens for experts as a sort, with ties, padding and NaN") {
  on_every_set(200, [](const cpu::Kernels& kernels, Scene& scene) {
    const Pool pool(scene, scene.number(0, 1) == 0);
    const bool padded = scene.number(0, 1) == 0;
    const cpu::ScoresArgs work = pool.work(padded);
    const auto stride = cpu::keys_stride(pool.tokens);
    std::vector<std::int32_t> keys(static_cast<std::size_t>(stride * pool.experts), 77),
        places(static_cast<std::size_t>(pool.tokens + 1));
    kernels.score_keys(work, keys.data(), 0, pool.tokens);
    std::vector<std::int64_t> real;
    for (std::int64_t n = 0; n < pool.tokens; ++n)
      if (!padded || pool.ids[static_cast<std::size_t>(n)] >= 0) real.push_back(n);
    if (real.empty()) return;
    const auto wanted = scene.number(1, static_cast<std::int64_t>(real.size()));
    for (std::int64_t e = 0; e < pool.experts; ++e) {
      const auto score = [&](std::int64_t n) { return host::routing::score_of(pool.rows()[n][e]); };
      std::vector<std::int64_t> sorted = real;
      std::stable_sort(sorted.begin(), sorted.end(), [&](std::int64_t a, std::int64_t b) { return score(a) > score(b); });
      sorted.resize(static_cast<std::size_t>(wanted));
      const float cut = score(sorted.back());
      std::sort(sorted.begin(), sorted.end());
      const std::int32_t lowest = kernels.take_top_k(keys.data() + e * stride, stride, wanted, places.data());
      REQUIRE(std::equal(sorted.begin(), sorted.end(), places.begin()));
      REQUIRE(score(lowest) == cut);
    }
  });
}

TEST_CASE("the softmax of few columns is that of many, and NaN stays in its row") {
  on_every_cpu(10, [](const Cpu& cpu, Scene& scene) {
    const auto rows = scene.number(1, 70), columns = scene.number(1, 20);
    const Tensor x = scene.real(rows, columns, 3.0), p = scene.real(rows, columns), dy = scene.real(rows, columns),
                 dx = scene.real(rows, columns);
    scene.agree(cpu, 1e-6, op::Softmax{.x = x, .y = p}, op::SoftmaxGradient{.y = p, .dy = dy, .dx = dx},
                op::SoftmaxGradient{.y = p, .dy = dy, .dx = dy}, op::Softmax{.x = x, .y = x});
  });
  std::vector<float> x(5 * 8, 1.0F), y(5 * 8);
  x[3 * 8 + 2] = std::numeric_limits<float>::quiet_NaN();
  on_every_set(1, [&](const cpu::Kernels& kernels, Scene&) {
    kernels.softmax({x.data(), nullptr, y.data(), 8, 0, 8, 8}, 0, 5);
    for (std::size_t i = 0; i < y.size(); ++i) CHECK((i / 8 == 3 ? std::isnan(y[i]) : y[i] == 0.125F));
  });
}
