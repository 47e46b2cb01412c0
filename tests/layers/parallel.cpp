#include <algorithm>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/model/module.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/laws.hpp"
#include "tests/layers/check.hpp"
#include "tests/layers/shift_layer.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_kinds;
using genoform::tests::ShiftLayer;

namespace {

using AttentionBesideFfn = Parallel<Attention<Heads<3>, HeadDim<4>, DConv<3>>, Ffn<GeLU, Hidden<7>>>;
using Three = Parallel<Ffn<SqReLU, Hidden<5>>, Attention<Heads<2>, HeadDim<5>, NoPos>, Moe<Top2, Experts<3>, Hidden<6>>,
                       Inner<LayerNorm>, Pre<RmsNorm>>;
using Pool = Parallel<Moe<ExpertChoice, Experts<3>, Hidden<5>>, Attention<Heads<2>, HeadDim<4>>, Post<RmsNorm>>;

std::vector<double> numbers(std::size_t count, std::uint64_t seed) {
  const Random random(seed, stream_of("numbers"));
  std::vector<double> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(random.normal(i));
  return all;
}

void require_same(std::span<const double> a, std::span<const double> b, double margin) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Approx(b[i]).margin(margin).epsilon(0));
}

}  // namespace

TEST_CASE("the gradients of layers side by side are right, with every norm around their sum") {
  check_kinds<AttentionBesideFfn, Three, Pool, Parallel<Ffn<ReLU, Hidden<6>>, Pre<NoNorm>>>();
}

TEST_CASE("the gradients of a layer of one's own beside the library's are right") {
  check_kinds<Parallel<ShiftLayer, Ffn<SqReLU, Hidden<5>>>>();
}

TEST_CASE("the gradients of a decoder with layers side by side in several stacks are right") {
  check_kinds<Decoder<Body<Stack<Block<AttentionBesideFfn, Ffn<ReLU, Hidden<6>>>, 2>,
                           Stack<Block<Parallel<Moe<Top1, Experts<2>, Hidden<4>>, ShiftLayer>>, 1>>>>();
}

TEST_CASE("the CPU back end agrees with the reference on layers side by side") {
  const auto compare = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const testing::Sizes& sizes : {testing::random_sizes(1), testing::Sizes{.width = 40, .batch = 3, .context = 19}}) {
      const auto worst = testing::compare_backends<T, Cpu>(sizes, 5);
      INFO(worst);
      REQUIRE(worst.error < 2e-5);
    }
  };
  compare(Type<AttentionBesideFfn>{});
  compare(Type<Three>{});
  compare(Type<Pool>{});
}

TEST_CASE("layers side by side are causal when their parts are, and in evaluation") {
  using testing::Laws;
  const testing::Sizes sizes = testing::random_sizes(1);
  REQUIRE(testing::laws_of<AttentionBesideFfn>(Pass::train, sizes) == Laws{});
  REQUIRE(testing::laws_of<Three>(Pass::train, sizes) == Laws{});
  REQUIRE(testing::laws_of<Pool>(Pass::train, sizes) == Laws{.causal = false, .batch_independent = false});
  REQUIRE(testing::laws_of<Pool>(Pass::evaluate, sizes) == Laws{});
}

TEST_CASE("a Parallel of one part is that layer, to the last bit") {
  Module<Ffn<SwiGlu, Hidden<9>, Bias, Inner<RmsNorm>>, Reference> alone({.width = 10});
  Module<Parallel<Inner<RmsNorm>, Ffn<SwiGlu, Hidden<9>, Bias>>, Reference> wrapped({.width = 10});
  REQUIRE(alone.parameters().size() == wrapped.parameters().size());
  std::copy(alone.parameters().begin(), alone.parameters().end(), wrapped.parameters().begin());
  const auto x = numbers(3 * 7 * 10, 1), dy = numbers(3 * 7 * 10, 2);
  require_same(alone.forward(x, 3), wrapped.forward(x, 3), 0);
  require_same(alone.backward(dy), wrapped.backward(dy), 0);
  require_same(alone.gradients(), wrapped.gradients(), 0);
  require_same(alone.evaluate(x, 3), wrapped.evaluate(x, 3), 0);
}

TEST_CASE("two feed-forward layers side by side are one of the hidden widths together") {
  Module<Parallel<Ffn<GeLU, Hidden<4>>, Ffn<GeLU, Hidden<3>>>, Reference> two({.width = 10});
  Module<Ffn<GeLU, Hidden<7>>, Reference> one({.width = 10});
  const auto up = one.parameter("blocks.0.0.ffn.up.weight"), down = one.parameter("blocks.0.0.ffn.down.weight");
  for (std::size_t p = 0, first = 0; p < 2; first += 4, ++p) {
    const std::string part = "blocks.0.0." + std::to_string(p) + ".ffn.";
    const auto part_up = two.parameter(part + "up.weight"), part_down = two.parameter(part + "down.weight");
    const std::size_t hidden = part_up.size() / 10;
    REQUIRE(hidden == 4 - p);
    for (std::size_t f = 0; f < hidden; ++f)
      for (std::size_t d = 0; d < 10; ++d) {
        up[(first + f) * 10 + d] = part_up[f * 10 + d];
        down[d * 7 + first + f] = part_down[d * hidden + f];
      }
  }
  const auto x = numbers(3 * 7 * 10, 1), dy = numbers(3 * 7 * 10, 2);
  require_same(two.forward(x, 3), one.forward(x, 3), 1e-12);
  require_same(two.backward(dy), one.backward(dy), 1e-12);
  require_same(two.gradient("blocks.0.0.pre.weight"), one.gradient("blocks.0.0.pre.weight"), 1e-12);
}
