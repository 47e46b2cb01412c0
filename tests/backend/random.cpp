#include <cstdint>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "tests/backend/scene.hpp"

using namespace genoform;
using namespace genoform::inner;

TEST_CASE("every instruction set gives the same normal numbers as Random, for any count and scale") {
  on_every_cpu(6, [](const Cpu& cpu, Scene& scene) {
    const auto word = [&] { return static_cast<std::uint64_t>(scene.number(0, std::int64_t{1} << 62)) * 4 + 1; };
    const Random random(word(), word());
    const double scale = 0.03125 * static_cast<double>(scene.number(-40, 40));
    std::vector<float> found(static_cast<std::size_t>(scene.number(1, 60000)), 9.0F);
    cpu.sample_normals(random, scale, found);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < found.size(); ++i) wrong += found[i] == static_cast<float>(scale * random.normal(i)) ? 0 : 1;
    REQUIRE(wrong == 0);
  });
}

TEST_CASE("where two floats are possible the exact value decides") {
  // Among two million numbers some are within the margin of a rounding boundary; they must be right too.
  const Random random(3, stream_of("borders"));
  std::vector<float> found(2'000'000);
  Cpu().sample_normals(random, 1, found);
  std::size_t wrong = 0, near = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double exact = random.normal(i), margin = 4e-15 * std::max(1.0, std::abs(exact));
    near += static_cast<float>(exact - margin) == static_cast<float>(exact + margin) ? 0 : 1;
    wrong += found[i] == static_cast<float>(exact) ? 0 : 1;
  }
  REQUIRE(near > 0);
  REQUIRE(wrong == 0);
}

TEST_CASE("a model starts with the same numbers on every back end, rounded to float") {
  using Net = Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2, Experts<3>>>, 2>, Vocab<64>, Width<24>, Context<8>>;
  const Model<Net, Cpu> cpu({.seed = 11});
  const Model<Net, Reference> reference({.seed = 11});
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < cpu.parameters().size(); ++i)
    wrong += static_cast<double>(cpu.parameters()[i]) == reference.parameters()[i] ? 0 : 1;
  REQUIRE(wrong == 0);
}
