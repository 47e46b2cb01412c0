#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/module.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

constexpr std::size_t width = 10, rows = 21;

// GLaM's formula for its parameters, L/2 (2 * 4 M heads dim + 3 M H + E * 2 M H) for L layers in pairs of a dense and a sparse
// one, at the sizes of its table: 0.1B/64E, 1.7B/64E, 8B/64E. Norms, routers and the embedding are counted separately.
template <std::int64_t Pairs, int M, int H, int HeadCount, int Dim, int E>
constexpr bool follows_formula() {
  using Attend = Attention<Heads<HeadCount>, HeadDim<Dim>>;
  using Net = Decoder<Stack<Block<Attend, Moe<Top2, Experts<E>, GeLU, Hidden<H>>, Attend, Ffn<Glu<GeLU>, Hidden<H>>>, Pairs>,
                      Vocab<1000>, Width<M>, Context<8>>;
  constexpr std::int64_t m = M, h = H, formula = Pairs * (2 * 4 * m * HeadCount * Dim + 3 * m * h + E * 2 * m * h);
  return parameters<Net> == formula + Pairs * (4 * m + E * m) + m + 1000 * m;
}
static_assert(follows_formula<6, 768, 3072, 12, 64, 64>());
static_assert(follows_formula<12, 2048, 8192, 16, 128, 64>());
static_assert(follows_formula<16, 4096, 16384, 32, 128, 64>());

std::vector<double> random_numbers(std::size_t count, std::uint64_t seed) {
  const Random random(seed, stream_of("numbers"));
  std::vector<double> numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(random.normal(i));
  return numbers;
}
std::vector<Token> some_tokens(int vocab) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < rows; ++i) tokens.push_back(static_cast<Token>(i * i + 3) % vocab);
  return tokens;
}

/// y = W down(ReLU^2(W up x)) of expert e, added to `y` with a weight: a mixture of experts without slots.
void add_expert(std::span<const double> up, std::span<const double> down, std::size_t e, std::size_t hidden,
                std::span<const double> x, double weight, std::span<double> y) {
  for (std::size_t f = 0; f < hidden; ++f) {
    double u = 0;
    for (std::size_t c = 0; c < width; ++c) u += up[(e * hidden + f) * width + c] * x[c];
    const double a = std::max(u, 0.0) * std::max(u, 0.0);
    for (std::size_t c = 0; c < width; ++c) y[c] += weight * down[(e * width + c) * hidden + f] * a;
  }
}

/// The layer in evaluation against the plain sum over experts, the weights of row n by weights_of(n, logits).
template <class T, class WeightsOf>
void require_plain_sum(std::size_t experts, std::size_t hidden, const WeightsOf& weights_of) {
  Module<T, Reference> layer({.width = static_cast<int>(width), .vocab = 9});
  const auto tokens = some_tokens(9);
  layer.set_tokens(tokens);
  const auto up = layer.parameter("blocks.0.0.moe.up.weight"), down = layer.parameter("blocks.0.0.moe.down.weight");
  const std::string router_name = "blocks.0.0.moe.router.weight";
  const bool has_router = std::ranges::find(layer.tensors(), router_name, &TensorInfo::name) != layer.tensors().end();
  const auto router = has_router ? layer.parameter(router_name) : std::span<double>();
  const std::vector<double> x = random_numbers(rows * width, 1);
  const auto y = layer.evaluate(x, 3);
  for (std::size_t n = 0; n < rows; ++n) {
    const auto row = std::span(x).subspan(n * width, width);
    std::vector<double> logits(experts, 0.0), expected(row.begin(), row.end());  // the residual sum
    for (std::size_t e = 0; e < experts && has_router; ++e)
      for (std::size_t c = 0; c < width; ++c) logits[e] += router[e * width + c] * row[c];
    const std::vector<double> weights = weights_of(n, logits);
    for (std::size_t e = 0; e < experts; ++e) add_expert(up, down, e, hidden, row, weights[e], expected);
    for (std::size_t c = 0; c < width; ++c) REQUIRE(y[n * width + c] == Approx(expected[c]).margin(1e-12).epsilon(0));
  }
}

std::vector<double> softmax(const std::vector<double>& logits) {
  std::vector<double> p;
  double sum = 0;
  for (const double l : logits) sum += std::exp(l);
  for (const double l : logits) p.push_back(std::exp(l) / sum);
  return p;
}
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
std::size_t largest(const std::vector<double>& x) {
  return static_cast<std::size_t>(std::max_element(x.begin(), x.end()) - x.begin());
}
/// Sets all but the k largest to 0.
std::vector<double> keep_largest(std::vector<double> x, std::size_t k) {
  std::vector<double> sorted = x;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (double& value : x)
    if (value < sorted[k - 1]) value = 0;
  return x;
}

}  // namespace

TEST_CASE("every router without drops is the plain sum over its experts") {
  require_plain_sum<Moe<Hash, Experts<4>, Hidden<6>, Pre<NoNorm>>>(4, 6, [](std::size_t n, const std::vector<double>&) {
    std::vector<double> w(4, 0.0);
    w[static_cast<std::size_t>(some_tokens(9)[n] % 4)] = 1;
    return w;
  });
  require_plain_sum<Moe<Base, Experts<4>, Hidden<6>, Pre<NoNorm>>>(4, 6, [](std::size_t, const std::vector<double>& l) {
    std::vector<double> w(4, 0.0);
    w[largest(l)] = sigmoid(l[largest(l)]);
    return w;
  });
  require_plain_sum<Moe<LossFree<2>, Experts<4>, Hidden<6>, Pre<NoNorm>>>(4, 6, [](std::size_t, std::vector<double> l) {
    for (double& x : l) x = sigmoid(x);
    l = keep_largest(l, 2);
    const double sum = l[0] + l[1] + l[2] + l[3];
    for (double& x : l) x /= sum;
    return l;
  });
  require_plain_sum<Moe<ExpertThreshold, Experts<4>, Hidden<6>, Pre<NoNorm>>>(4, 6,
                                                                              [](std::size_t, const std::vector<double>& l) {
                                                                                std::vector<double> p = softmax(l);
                                                                                for (double& x : p) x = x > 0.25 ? x : 0;
                                                                                return p;
                                                                              });
  require_plain_sum<Moe<TopK<3>, Experts<4>, Hidden<6>, Pre<NoNorm>>>(4, 6, [](std::size_t, const std::vector<double>& l) {
    std::vector<double> p = keep_largest(softmax(l), 3);
    const double sum = p[0] + p[1] + p[2] + p[3] + 1e-9;
    for (double& x : p) x /= sum;
    return p;
  });
}

TEST_CASE("one expert with weight 1 is the feed-forward layer bit for bit") {
  Module<Moe<Hash, Experts<1>, Hidden<13>>, Reference> moe({.width = 10, .vocab = 5});
  Module<Ffn<SqReLU, Hidden<13>>, Reference> ffn({.width = 10});
  for (const std::string name : {"up", "down"})
    std::ranges::copy(moe.parameter("blocks.0.0.moe." + name + ".weight"),
                      ffn.parameter("blocks.0.0.ffn." + name + ".weight").begin());
  const auto x = random_numbers(rows * width, 1), dy = random_numbers(rows * width, 2);
  REQUIRE(std::ranges::equal(moe.forward(x, 3), ffn.forward(x, 3)));
  REQUIRE(std::ranges::equal(moe.backward(dy), ffn.backward(dy)));
  REQUIRE(std::ranges::equal(moe.gradient("blocks.0.0.moe.up.weight"), ffn.gradient("blocks.0.0.ffn.up.weight")));
  REQUIRE(std::ranges::equal(moe.evaluate(x, 3), ffn.evaluate(x, 3)));
}

TEST_CASE("shared experts are one more feed-forward layer of their width") {
  Module<Moe<Top2, Experts<3>, Hidden<6>, Glu<Swish>, Shared<2>>, Reference> with({.width = 10});
  Module<Moe<Top2, Experts<3>, Hidden<6>, Glu<Swish>>, Reference> without({.width = 10});
  Module<Ffn<Glu<Swish>, Hidden<12>>, Reference> ffn({.width = 10});
  for (const std::string name : {"router", "up", "gate", "down"})
    std::ranges::copy(with.parameter("blocks.0.0.moe." + name + ".weight"),
                      without.parameter("blocks.0.0.moe." + name + ".weight").begin());
  for (const std::string name : {"up", "gate"})
    std::ranges::copy(with.parameter("blocks.0.0.moe.shared." + name + ".weight"),
                      ffn.parameter("blocks.0.0.ffn." + name + ".weight").begin());
  const auto down = with.parameter("blocks.0.0.moe.shared.down.weight"), wide = ffn.parameter("blocks.0.0.ffn.down.weight");
  REQUIRE(down.size() == 2 * 10 * 6);
  for (std::size_t e = 0; e < 2; ++e)
    for (std::size_t c = 0; c < 10; ++c)
      for (std::size_t f = 0; f < 6; ++f) wide[c * 12 + e * 6 + f] = down[(e * 10 + c) * 6 + f];
  const auto x = random_numbers(rows * width, 1);
  const auto y = with.forward(x, 3), routed = without.forward(x, 3), shared = ffn.forward(x, 3);
  for (std::size_t i = 0; i < y.size(); ++i) REQUIRE(y[i] == Approx(routed[i] + shared[i] - x[i]).margin(1e-12));  // one residual
}

TEST_CASE("experts without a capacity and with one that holds every token give the same by both code paths") {
  Module<Moe<ExpertThreshold, Experts<3>, Hidden<6>>, Reference> one_by_one({.width = 10});
  Module<Moe<ExpertThreshold, Experts<3>, Hidden<6>, Capacity<300>>, Reference> at_once({.width = 10});
  const auto x = random_numbers(rows * width, 1), dy = random_numbers(rows * width, 2);
  const auto a = one_by_one.forward(x, 3), b = at_once.forward(x, 3);
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Approx(b[i]).margin(1e-13));
  const auto da = one_by_one.backward(dy), db = at_once.backward(dy);
  for (std::size_t i = 0; i < da.size(); ++i) REQUIRE(da[i] == Approx(db[i]).margin(1e-12));
  for (std::size_t i = 0; i < one_by_one.gradients().size(); ++i)
    REQUIRE(one_by_one.gradients()[i] == Approx(at_once.gradients()[i]).margin(1e-12));
}

TEST_CASE("a hash layer alone says that it needs a vocabulary") {
  REQUIRE_THROWS_WITH((Module<Moe<Hash>, Reference>({.width = 8})),
                      "Hash routes by token id and needs the vocabulary of the model; give {.vocab = ...}");
}
