#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/model/module.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

using Values = std::vector<double>;

Values random_numbers(std::size_t count, std::uint64_t seed) {
  const Random random(seed, stream_of("numbers"));
  Values numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(random.normal(i));
  return numbers;
}

void require_same(std::span<const double> a, std::span<const double> b, double margin) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Approx(b[i]).margin(margin).epsilon(0));
}

template <class Part>
bool has_tensor(const Part& part, const std::string& name) {
  return std::ranges::any_of(part.tensors(), [&](const TensorInfo& info) { return info.name == name; });
}

/// Copies the tensors that both have.
template <class A, class B>
void copy_parameters(A& from, B& to) {
  for (const TensorInfo& info : from.tensors())
    if (has_tensor(to, info.name)) std::ranges::copy(from.parameter(info.name), to.parameter(info.name).begin());
}

template <class A, class B>
void require_same_function(A& a, B& b, double margin) {
  const Values x = random_numbers(3 * 7 * 10, 1), dy = random_numbers(3 * 7 * 10, 2);
  require_same(a.forward(x, 3), b.forward(x, 3), margin);
  require_same(a.backward(dy, 0), b.backward(dy, 0), margin);
  require_same(a.evaluate(x, 3), b.evaluate(x, 3), margin);
}

const std::string at = "blocks.0.0.attention.";

}  // namespace

TEST_CASE("a window of the whole sequence is no window, and one of a single position is the value of that position") {
  Module<Attention<Heads<2>, HeadDim<4>>, Reference> plain({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>, Window<7>>, Reference> wide({.width = 10});
  require_same_function(plain, wide, 0);
  Module<Attention<Heads<2>, HeadDim<4>, Window<1>>, Reference> one({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>, Window<1>, NoPos, QkNorm>, Reference> other({.width = 10});
  for (double& w : other.parameter(at + "q.weight")) w = 3;  // whatever the scores are
  require_same_function(one, other, 1e-13);
}

TEST_CASE("a window is a relative bias that forbids what is farther away") {
  Module<Attention<Heads<2>, HeadDim<4>, NoPos, Window<3>>, Reference> window({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>, RelBias<6, 7>>, Reference> biased({.width = 10});  // buckets 0, 1 and 2 are single
  copy_parameters(window, biased);
  const auto table = biased.parameter(at + "bias");
  for (std::size_t i = 0; i < table.size(); ++i) table[i] = i % 6 < 3 ? 0 : -1e4;
  require_same_function(window, biased, 1e-13);
}

TEST_CASE("a constant bias changes nothing, and its gradient sums to 0") {
  Module<Attention<Heads<2>, HeadDim<4>, NoPos>, Reference> plain({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>, RelBias<4, 5>>, Reference> biased({.width = 10});
  copy_parameters(plain, biased);
  for (double& b : biased.parameter(at + "bias")) b = 0.75;
  require_same_function(plain, biased, 1e-13);
  const auto g = biased.gradient(at + "bias");
  for (std::size_t h = 0; h < 2; ++h) REQUIRE(g[4 * h] + g[4 * h + 1] + g[4 * h + 2] + g[4 * h + 3] == Approx(0).margin(1e-12));
}

TEST_CASE("queries made from the keys are queries of the product of both matrices") {
  Module<Attention<Heads<2>, HeadDim<4>, SharedQk>, Reference> shared({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>>, Reference> plain({.width = 10});
  copy_parameters(shared, plain);
  REQUIRE(!has_tensor(shared, at + "q.weight"));
  const auto k = shared.parameter(at + "k.weight"), qs = shared.parameter(at + "qs.weight"), q = plain.parameter(at + "q.weight");
  REQUIRE(qs.size() == 64);
  for (std::size_t o = 0; o < 8; ++o)
    for (std::size_t i = 0; i < 10; ++i) {
      q[o * 10 + i] = 0;
      for (std::size_t c = 0; c < 8; ++c) q[o * 10 + i] += qs[o * 8 + c] * k[c * 10 + i];
    }
  require_same_function(shared, plain, 1e-13);
}

TEST_CASE("normed queries and keys do not depend on the scale of their matrices") {
  Module<Attention<Heads<2>, HeadDim<4>, QkNorm>, Reference> once({.width = 10}), larger({.width = 10});
  for (const char* name : {"q.weight", "k.weight"})
    for (double& w : larger.parameter(at + name)) w *= 64;
  const Values x = random_numbers(3 * 7 * 10, 1);
  require_same(once.forward(x, 3), larger.forward(x, 3), 1e-4);  // except for the epsilon
  Module<Attention<Heads<2>, HeadDim<4>>, Reference> plain({.width = 10});
  const auto a = once.forward(x, 3), b = plain.forward(x, 3);
  REQUIRE_FALSE(std::equal(a.begin(), a.end(), b.begin()));
}

TEST_CASE("Primer's norm is the layer norm, also in its gradients") {
  Module<Ffn<GeLU, Hidden<9>, Pre<PrimerNorm>, Inner<PrimerNorm>, Post<PrimerNorm>>, Reference> primer({.width = 10});
  Module<Ffn<GeLU, Hidden<9>, Pre<LayerNorm>, Inner<LayerNorm>, Post<LayerNorm>>, Reference> layer({.width = 10});
  require_same_function(primer, layer, 1e-11);
  require_same(primer.gradients(), layer.gradients(), 1e-10);
}

TEST_CASE("a shared table adds to the table of a layer, and with one layer has the same gradient") {
  using Sub = Attention<Heads<2>, HeadDim<4>, RelBias<4, 6>>;
  using Both = Decoder<Block<Sub>, Vocab<7>, Width<10>, Context<6>, Positions<SharedRelBias<4, 6>>>;
  using Own = Decoder<Block<Sub>, Vocab<7>, Width<10>, Context<6>>;
  Model<Both, Reference> both({.seed = 3});
  Model<Own, Reference> own({.seed = 3});
  copy_parameters(both, own);
  const auto sum = own.parameter("blocks.0.0.attention.bias"), shared = both.parameter("positions.weight");
  REQUIRE(shared.size() == 8);
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += shared[i];
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5}, targets{2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6};
  REQUIRE(both.loss_and_gradient(tokens, targets, 2).main ==
          Approx(own.loss_and_gradient(tokens, targets, 2).main).epsilon(1e-13));
  require_same(both.gradient("positions.weight"), own.gradient("blocks.0.0.attention.bias"), 1e-13);
  require_same(both.gradient("blocks.0.0.attention.bias"), own.gradient("blocks.0.0.attention.bias"), 1e-13);
}

TEST_CASE("scaled logits are the logits times the width to the power of -1/2, and an output matrix of its own is used") {
  using Body = Block<Attention<Heads<2>, HeadDim<4>>>;
  Model<Decoder<Body, Vocab<7>, Width<10>, Context<6>>, Reference> plain({.seed = 3});
  Model<Decoder<Body, Vocab<7>, Width<10>, Context<6>, LogitScale<WidthRsqrt>>, Reference> scaled({.seed = 3});
  Model<Decoder<Body, Vocab<7>, Width<10>, Context<6>, Untied>, Reference> untied({.seed = 3});
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6};
  const auto a = plain.evaluate_logits(tokens, 1);
  Values expected(a.begin(), a.end());
  const auto head = untied.parameter("head.weight");
  REQUIRE_FALSE(std::ranges::equal(head, untied.parameter("embedding.weight")));
  std::ranges::copy(untied.parameter("embedding.weight"), head.begin());
  require_same(untied.evaluate_logits(tokens, 1), expected, 1e-14);
  std::ranges::copy(plain.parameters(), scaled.parameters().begin());  // its embedding has larger initial values
  for (double& logit : expected) logit /= std::sqrt(10.0);
  require_same(scaled.evaluate_logits(tokens, 1), expected, 1e-14);
}

TEST_CASE("a sequence shorter than the context has the logits of its positions in a longer one") {
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6, 0, 1, 2};
  const auto require_prefix = [&](auto&& model) {
    INFO(model.text());
    const auto whole = model.evaluate_logits(tokens, 1);
    const Values expected(whole.begin(), whole.begin() + 4 * 7);
    require_same(model.evaluate_logits(std::span(tokens).first(4), 1), expected, 1e-13);
    require_same(model.logits(std::span(tokens).first(4), 1), expected, 1e-13);
  };
  using Body = Stack<Block<Attention<Heads<2>, HeadDim<4>>>, 2>;
  require_prefix(Model<Decoder<Body, Vocab<7>, Width<10>, Context<9>, Positions<Sinusoid>>, Reference>());
  require_prefix(Model<Decoder<Body, Vocab<7>, Width<10>, Context<9>, Positions<Learned>>, Reference>());
  require_prefix(Model<Decoder<Body, Vocab<7>, Width<10>, Context<9>, Positions<SharedRelBias<4, 6>>>, Reference>());
  require_prefix(Model<Decoder<Block<Attention<Heads<2>, HeadDim<4>, RelBias<4, 6>, Window<3>>>, Vocab<7>, Width<10>, Context<9>>,
                       Reference>());
}

TEST_CASE("positions at the input distinguish two equal tokens") {
  using Body = Block<Attention<Heads<2>, HeadDim<4>>>;
  const std::vector<Token> tokens{5, 5, 5};
  const auto same_rows = [&](auto&& model) {
    const auto y = model.evaluate_logits(tokens, 1);
    return std::equal(y.begin(), y.begin() + 7, y.begin() + 14, [](double a, double b) { return std::abs(a - b) < 1e-9; });
  };
  CHECK(same_rows(Model<Decoder<Block<Attention<Heads<2>, HeadDim<4>, NoPos>>, Vocab<7>, Width<10>, Context<9>>, Reference>()));
  CHECK_FALSE(same_rows(Model<Decoder<Body, Vocab<7>, Width<10>, Context<9>, Positions<Sinusoid>>, Reference>()));
  CHECK_FALSE(same_rows(Model<Decoder<Body, Vocab<7>, Width<10>, Context<9>, Positions<Learned>>, Reference>()));
}
