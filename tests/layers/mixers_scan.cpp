#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/testing/laws.hpp"
#include "tests/layers/check.hpp"

using namespace genoform;
using namespace genoform::inner;
using genoform::tests::check_gradients_of;
using genoform::tests::check_kinds;

namespace {

template <class... Ts>
void require_agreement() {
  const auto compare = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const testing::Sizes& sizes :
         {testing::random_sizes(1), testing::random_sizes(2), testing::Sizes{.width = 40, .batch = 3, .context = 19, .vocab = 37},
          testing::Sizes{.width = 10, .batch = 2, .context = 71, .vocab = 5}}) {
      const auto worst = testing::compare_backends<T, Cpu>(sizes, 5);
      INFO(worst);
      REQUIRE(worst.error < 6e-5);  // the largest of them are losses, sums of both signs
    }
  };
  (compare(Type<Ts>{}), ...);
}

/// The rows before a position are the same bits whatever comes after it, in training and in evaluation.
template <class T, class Backend>
void require_same_bits_before() {
  INFO(text_of<T>);
  const testing::Sizes sizes{.width = 12, .batch = 2, .context = 150};
  for (const Pass pass : {Pass::train, Pass::evaluate})
    for (const std::int64_t t : {1, 40, 63, 64, 65, 127, 128, 149}) {
      testing::Subject<T, Backend> subject(sizes, 3, Backend());
      const auto before = subject.output(pass);
      testing::laws::replace_input(subject, 1, t, 7);
      const auto after = subject.output(pass);
      const auto same = static_cast<std::ptrdiff_t>((sizes.context + t) * sizes.width);
      REQUIRE(std::equal(before.begin(), before.begin() + same, after.begin()));
      REQUIRE_FALSE(std::equal(before.begin() + same, before.end(), after.begin() + same));
    }
}

template <class... Ts>
void require_causality() {
  const testing::Laws all{};
  const auto laws = [&](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    for (const std::uint64_t seed : {1U, 2U})
      for (const Pass pass : {Pass::train, Pass::evaluate}) {
        REQUIRE(testing::laws_of<T, Reference>(pass, testing::random_sizes(seed), seed) == all);
        REQUIRE(testing::laws_of<T, Cpu>(pass, testing::random_sizes(seed), seed) == all);
      }
    require_same_bits_before<T, Reference>();
    require_same_bits_before<T, Cpu>();
  };
  (laws(Type<Ts>{}), ...);
}

std::vector<double> numbers(std::size_t count, std::uint64_t seed, double scale = 1) {
  const Random random(seed, stream_of("numbers"));
  std::vector<double> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(scale * random.normal(i));
  return all;
}

}  // namespace

TEST_CASE("the gradients of linear attention are right for both kernels and with shared key heads") {
  check_kinds<LinearAttention<Heads<3>, HeadDim<4>, Features<7>>, LinearAttention<Heads<2>, HeadDim<5>, ReluKernel, NoPos>,
              LinearAttention<Heads<4>, KvHeads<2>, HeadDim<2>, Features<5>>>();
  check_gradients_of<LinearAttention<Heads<2>, KvHeads<1>, HeadDim<6>, Features<3>, ReluKernel>,
                     LinearAttention<Heads<1>, HeadDim<3>, NoPos, Post<LayerNorm>>>();
}

TEST_CASE("the gradients of the gated attention unit are right for every activation") {
  check_kinds<Gau<Hidden<7>, HeadDim<4>>, Gau<Hidden<5>, HeadDim<3>, NoPos, Bias, Length<3>>>();
  check_gradients_of<Gau<HeadDim<6>, GeLU>, Gau<Hidden<9>, HeadDim<2>, ReLU>, Gau<Hidden<9>, HeadDim<2>, SqReLU, Bias>,
                     Gau<Hidden<4>, HeadDim<8>, Identity, Pre<LayerNorm>>>();
}

TEST_CASE("the gradients of the convolution block are right, also where a convolution is wider than the sequence") {
  check_kinds<Conv<>, Conv<Bias, GeLU, Hidden<7>, Side<7>, Taps<2>, SideTaps<3>, LastTaps<1>>>();
  check_gradients_of<Conv<Middle<NoNorm>, SqReLU, Hidden<9>, Side<1>>, Conv<Middle<RmsNorm>, Swish, Taps<14>, Bias>,
                     Conv<Identity, Inner<LayerNorm>, LastTaps<3>>>();
}

TEST_CASE("the CPU back end agrees with the reference on linear attention, gated attention and convolution blocks") {
  require_agreement<LinearAttention<Heads<3>, HeadDim<6>>, LinearAttention<Heads<4>, KvHeads<2>, HeadDim<8>, Features<33>>,
                    LinearAttention<Heads<2>, HeadDim<5>, ReluKernel, NoPos, Features<9>>>();
  require_agreement<Gau<HeadDim<6>>, Gau<Hidden<21>, HeadDim<16>, Bias, SqReLU>, Gau<Hidden<17>, HeadDim<5>, NoPos, GeLU>>();
  require_agreement<Conv<>, Conv<Bias, Swish, Hidden<33>, Side<17>, SideTaps<3>>, Conv<Middle<RmsNorm>, LastTaps<2>>>();
}

TEST_CASE("the CPU back end agrees with the reference on these mixers in one model and on two threads") {
  using Mixed = Block<LinearAttention<Heads<2>, HeadDim<8>>, Gau<Hidden<20>, HeadDim<8>>, Conv<Bias>>;
  const auto worst = testing::compare_backends<Decoder<Stack<Mixed, 2>>, Cpu>(
      {.width = 24, .batch = 3, .context = 67, .vocab = 11}, 2, Cpu({.threads = 2}));
  INFO(worst);
  REQUIRE(worst.error < 5e-5);
}

TEST_CASE("linear attention, gated attention and convolution blocks keep all laws, causality bit for bit") {
  require_causality<LinearAttention<Heads<2>, HeadDim<4>, Features<6>>,
                    LinearAttention<Heads<4>, KvHeads<2>, HeadDim<2>, ReluKernel>, Gau<Hidden<9>, HeadDim<4>>,
                    Gau<Hidden<5>, HeadDim<3>, NoPos, Bias, ReLU>, Conv<>, Conv<Bias, Swish, Taps<3>>>();
}

TEST_CASE("a sequence shorter than the context gives the rows that the longer one begins with") {
  const auto check = [](auto type) {
    using T = typename decltype(type)::type;
    INFO(text_of<T>);
    Module<T, Cpu> part({.width = 12, .context = 140});
    const auto x = numbers(140 * 12, 1);
    const std::vector<float> all(x.begin(), x.end()), some(all.begin(), all.begin() + 70 * 12);
    const auto whole = part.evaluate(all, 1);
    const std::vector<float> kept(whole.begin(), whole.begin() + 70 * 12);
    const auto begun = part.evaluate(some, 1);
    for (std::size_t i = 0; i < kept.size(); ++i) REQUIRE(begun[i] == Approx(kept[i]).margin(1e-5));
  };
  check(Type<LinearAttention<Heads<2>, HeadDim<4>>>{});
  check(Type<Gau<HeadDim<8>>>{});
  check(Type<Conv<>>{});
}

TEST_CASE("a gated attention unit without a context says what it needs, and takes a Length instead") {
  using Open = Module<Gau<>, Reference>;
  REQUIRE_THROWS_WITH(Open({.width = 8}), "a Gau divides its scores by the context; give a context, or write Length");
  Module<Gau<HeadDim<4>, Length<5>>, Reference> written({.width = 8, .seed = 2});
  Module<Gau<HeadDim<4>>, Reference> given({.width = 8, .context = 5, .seed = 2});
  const auto x = numbers(6 * 8, 1);
  const auto a = written.forward(x, 2), b = given.forward(x, 2);
  REQUIRE(std::equal(a.begin(), a.end(), b.begin()));
}

TEST_CASE("random features come in orthogonal blocks with lengths of normal rows, the same for the same seed") {
  const std::int64_t K = 32, m = 4 * K;
  Module<LinearAttention<Heads<1>, HeadDim<32>>, Reference> part({.width = 8, .seed = 4}), again({.width = 8, .seed = 4}),
      other({.width = 8, .seed = 5});
  REQUIRE(part.state().size() == static_cast<std::size_t>(m * K));
  REQUIRE(std::equal(part.state().begin(), part.state().end(), again.state().begin()));
  REQUIRE_FALSE(std::equal(part.state().begin(), part.state().end(), other.state().begin()));
  const auto dot = [&](std::int64_t a, std::int64_t b) {
    double sum = 0;
    for (std::int64_t i = 0; i < K; ++i)
      sum += part.state()[static_cast<std::size_t>(a * K + i)] * part.state()[static_cast<std::size_t>(b * K + i)];
    return sum;
  };
  double squares = 0;
  for (std::int64_t a = 0; a < m; ++a) {
    squares += dot(a, a) / static_cast<double>(m);
    for (std::int64_t b = a / K * K; b < a; ++b) REQUIRE(dot(a, b) == Approx(0).margin(1e-4));
  }
  REQUIRE(squares == Approx(K).epsilon(0.1));  // the mean of a chi-squared number with K degrees of freedom
  REQUIRE(dot(0, 0) != Approx(dot(1, 1)));
  REQUIRE(dot(0, K) != Approx(0).margin(1e-3));  // blocks are independent of each other
}

TEST_CASE("with many features linear attention approaches the softmax attention that it approximates") {
  using Few = LinearAttention<Heads<2>, HeadDim<4>, Features<16>>;
  using Many = LinearAttention<Heads<2>, HeadDim<4>, Features<8192>>;
  const auto x = numbers(2 * 9 * 8, 1);
  Module<Attention<Heads<2>, HeadDim<4>>, Reference> exact({.width = 8, .seed = 3});
  const auto expected = exact.evaluate(x, 2);
  const auto distance = [&](auto& approximate) {
    for (const std::string name : {"q", "k", "v", "o"}) {
      const auto from = exact.parameter("blocks.0.0.attention." + name + ".weight");
      std::copy(from.begin(), from.end(), approximate.parameter("blocks.0.0.linear_attention." + name + ".weight").begin());
    }
    const auto found = approximate.evaluate(x, 2);
    double sum = 0;
    for (std::size_t i = 0; i < found.size(); ++i) sum += (found[i] - expected[i]) * (found[i] - expected[i]);
    return std::sqrt(sum / static_cast<double>(found.size()));
  };
  Module<Few, Reference> few({.width = 8});
  Module<Many, Reference> many({.width = 8});
  const double far = distance(few), near = distance(many);
  INFO("root mean squared distances " << far << " and " << near);
  REQUIRE(near < 0.06);
  REQUIRE(near < far / 3);
}

TEST_CASE("queries and keys a hundred times too large keep linear attention finite on the CPU") {
  Module<LinearAttention<Heads<2>, HeadDim<16>>, Cpu> part({.width = 12});
  const auto x = numbers(70 * 12, 1), dy = numbers(70 * 12, 2);
  for (const std::string name : {"q", "k"})
    for (float& w : part.parameter("blocks.0.0.linear_attention." + name + ".weight")) w *= 100;
  part.zero_gradients();
  const auto finite = [](auto values) { return std::ranges::all_of(values, [](float v) { return std::isfinite(v); }); };
  REQUIRE(finite(part.forward(std::vector<float>(x.begin(), x.end()), 1)));
  REQUIRE(finite(part.backward(std::vector<float>(dy.begin(), dy.end()))));
  REQUIRE(finite(part.gradients()));
}

TEST_CASE("a convolution block whose convolutions have one filter element of 1 is its matrices") {
  // Filters of 1 everywhere and no norm: y = Wlast (relu(Wwide x) + pad(Wside x)).
  using One = Conv<Taps<1>, SideTaps<1>, LastTaps<1>, Middle<NoNorm>, Hidden<3>, Side<2>, Pre<NoNorm>>;
  Module<One, Reference> part({.width = 2});
  for (const std::string name : {"wide", "side", "last"})
    std::ranges::fill(part.parameter("blocks.0.0.conv." + name + ".dconv"), 1.0);
  const auto set = [&](const std::string& name, std::vector<double> values) {
    std::ranges::copy(values, part.parameter("blocks.0.0.conv." + name + ".weight").begin());
  };
  set("wide", {1, 0, 0, 1, 1, 1});
  set("side", {2, 0, 0, 3});
  set("last", {1, 10, 100, 0, 0, 1});
  const auto y = part.evaluate(std::vector<double>{1, -4}, 1);
  // relu: 1, 0, 0; side: 2, -12; sum 3, -12, 0; last: 3 - 120, 0; residual 1, -4.
  REQUIRE(y[0] == Approx(1 + 3 - 120));
  REQUIRE(y[1] == Approx(-4));
}
