#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/module.hpp"
#include "genoform/testing/subject.hpp"
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

template <class A, class B>
void copy_parameter(A& from, const std::string& from_name, B& to, const std::string& to_name) {
  const auto source = from.parameter("blocks.0.0." + from_name);
  const auto target = to.parameter("blocks.0.0." + to_name);
  REQUIRE(source.size() > 0);
  REQUIRE(source.size() == target.size());
  std::copy(source.begin(), source.end(), target.begin());
}

void require_same(std::span<const double> a, std::span<const double> b, double margin) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) REQUIRE(a[i] == Approx(b[i]).margin(margin).epsilon(0));
}

/// Outputs, gradients of the input and of one tensor of two parts with the same parameters.
template <class A, class B>
void require_same_function(A& a, B& b, const std::string& a_tensor, const std::string& b_tensor, double margin) {
  const Values x = random_numbers(3 * 7 * 10, 1), dy = random_numbers(3 * 7 * 10, 2);
  require_same(a.forward(x, 3), b.forward(x, 3), margin);
  require_same(a.backward(dy, 0), b.backward(dy, 0), margin);
  require_same(a.gradient("blocks.0.0." + a_tensor), b.gradient("blocks.0.0." + b_tensor), margin);
  require_same(a.evaluate(x, 3), b.evaluate(x, 3), margin);
}

}  // namespace

TEST_CASE("one expert with all tokens is the feed-forward layer") {
  Module<Moe<Top1, Experts<1>, Hidden<13>>, Reference> moe({.width = 10});
  Module<Ffn<SqReLU, Hidden<13>>, Reference> ffn({.width = 10});
  copy_parameter(moe, "moe.up.weight", ffn, "ffn.up.weight");
  copy_parameter(moe, "moe.down.weight", ffn, "ffn.down.weight");
  require_same_function(moe, ffn, "moe.up.weight", "ffn.up.weight", 1e-13);
  for (const double g : moe.gradient("blocks.0.0.moe.router.weight")) REQUIRE(g == 0);
}

TEST_CASE("one expert chosen by the expert itself at full capacity is the feed-forward layer") {
  Module<Moe<ExpertChoice, Experts<1>, Hidden<9>, Glu<Swish>>, Reference> moe({.width = 10});
  Module<Ffn<Glu<Swish>, Hidden<9>>, Reference> ffn({.width = 10});
  for (const std::string name : {"up", "gate", "down"})
    copy_parameter(moe, "moe." + name + ".weight", ffn, "ffn." + name + ".weight");
  const Values x = random_numbers(3 * 7 * 10, 1);
  require_same(moe.forward(x, 3), ffn.forward(x, 3), 1e-13);
}

TEST_CASE("no limit is the same as a capacity that no expert exceeds") {
  Module<Moe<Top2, Experts<4>, Hidden<6>>, Reference> dropless({.width = 10});
  Module<Moe<Top2, Experts<4>, Hidden<6>, Capacity<200>>, Reference> large({.width = 10});
  require_same_function(dropless, large, "moe.down.weight", "moe.down.weight", 0);
}

TEST_CASE("a small capacity drops tokens and changes the output") {
  Module<Moe<Top2, Experts<4>, Hidden<6>>, Reference> dropless({.width = 10});
  Module<Moe<Top2, Experts<4>, Hidden<6>, Capacity<50>>, Reference> small({.width = 10});
  const Values x = random_numbers(3 * 7 * 10, 1);
  const auto a = dropless.forward(x, 3), b = small.forward(x, 3);
  REQUIRE_FALSE(std::equal(a.begin(), a.end(), b.begin()));
  const auto evaluated = small.evaluate(x, 3);  // evaluation lifts the capacity
  require_same(evaluated, a, 0);
}

TEST_CASE("equal experts with weights that sum to one are the feed-forward layer: no token is lost") {
  Module<Moe<TopK<3>, Experts<5>, Hidden<8>>, Reference> moe({.width = 10});
  Module<Ffn<SqReLU, Hidden<8>>, Reference> ffn({.width = 10});
  for (const std::string name : {"up", "down"}) {
    const auto one = ffn.parameter("blocks.0.0.ffn." + name + ".weight");
    const auto all = moe.parameter("blocks.0.0.moe." + name + ".weight");
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = one[i % one.size()];
  }
  const Values x = random_numbers(3 * 7 * 10, 1), dy = random_numbers(3 * 7 * 10, 2);
  require_same(moe.forward(x, 3), ffn.forward(x, 3), 1e-7);  // the divisor has 1e-9 more than the sum
  require_same(moe.backward(dy, 0), ffn.backward(dy, 0), 1e-7);
  const auto of_one = ffn.gradient("blocks.0.0.ffn.up.weight");
  Values sum(of_one.size(), 0.0);
  const auto of_all = moe.gradient("blocks.0.0.moe.up.weight");
  for (std::size_t i = 0; i < of_all.size(); ++i) sum[i % sum.size()] += of_all[i];
  require_same(sum, of_one, 1e-7);
}

TEST_CASE("as many key heads as heads is what is meant without KvHeads") {
  Module<Attention<Heads<2>, HeadDim<4>, KvHeads<2>>, Reference> written({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>>, Reference> left_out({.width = 10});
  require_same_function(written, left_out, "attention.k.weight", "attention.k.weight", 0);
}

TEST_CASE("shared key heads are heads with equal keys and values") {
  Module<Attention<Heads<4>, HeadDim<2>, KvHeads<2>>, Reference> shared({.width = 10});
  Module<Attention<Heads<4>, HeadDim<2>>, Reference> full({.width = 10});
  copy_parameter(shared, "attention.q.weight", full, "attention.q.weight");
  copy_parameter(shared, "attention.o.weight", full, "attention.o.weight");
  for (const std::string name : {"k", "v"}) {
    const auto few = shared.parameter("blocks.0.0.attention." + name + ".weight");
    const auto many = full.parameter("blocks.0.0.attention." + name + ".weight");
    const std::size_t head = 2 * 10;  // the rows of query head h are those of key head h / 2
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = few[i / head / 2 * head + i % head];
  }
  require_same_function(shared, full, "attention.q.weight", "attention.q.weight", 1e-13);
}

TEST_CASE("a convolution of width 1 with weight 1 changes nothing") {
  Module<Attention<Heads<2>, HeadDim<4>, DConv<1>>, Reference> convolved({.width = 10});
  Module<Attention<Heads<2>, HeadDim<4>>, Reference> plain({.width = 10});
  for (const std::string name : {"q", "k", "v", "o"})
    copy_parameter(plain, "attention." + name + ".weight", convolved, "attention." + name + ".weight");
  for (const std::string name : {"q", "k", "v"})
    for (double& tap : convolved.parameter("blocks.0.0.attention." + name + ".dconv")) {
      REQUIRE(tap == 0.5);  // the initial value of every convolution
      tap = 1;
    }
  require_same_function(convolved, plain, "attention.q.weight", "attention.q.weight", 1e-13);
}

TEST_CASE("gradients add up over calls and scale with the loss") {
  using Net = Decoder<Stack<Block<Attention<Heads<2>, HeadDim<4>>, Moe<Top2, Experts<3>, Hidden<5>>>, 2>, Vocab<7>, Width<10>,
                      Context<6>>;
  Model<Net, Reference> model({.seed = 3});
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5}, targets{2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6};
  model.loss_and_gradient(tokens, targets, 2);
  const Values once(model.gradients().begin(), model.gradients().end());
  model.loss_and_gradient(tokens, targets, 2, 0.5);
  Values expected;
  for (const double g : once) expected.push_back(1.5 * g);
  require_same(model.gradients(), expected, 1e-14);
}

TEST_CASE("a part at the end of a longer computation gets the gradient of a loss of the caller's") {
  using Net = Decoder<Stack<Block<Attention<Heads<2>, HeadDim<4>>, Ffn<SqReLU, Hidden<5>>>, 2>, Vocab<7>, Width<10>, Context<6>>;
  Model<Net, Reference> a({.seed = 3}), b({.seed = 3});
  const std::vector<Token> tokens{1, 2, 3, 4, 5, 6}, targets{2, 3, 4, 5, 6, 0};
  a.loss_and_gradient(tokens, targets, 1);
  const auto logits = b.logits(tokens, 1);
  Values d_logits(logits.size());
  for (std::size_t n = 0; n < 6; ++n) {
    double sum = 0;
    for (std::size_t v = 0; v < 7; ++v) sum += std::exp(logits[n * 7 + v]);
    for (std::size_t v = 0; v < 7; ++v)
      d_logits[n * 7 + v] = (std::exp(logits[n * 7 + v]) / sum - (static_cast<Token>(v) == targets[n] ? 1 : 0)) / 6;
  }
  b.backward(d_logits);
  require_same(a.gradients(), b.gradients(), 1e-13);
}
