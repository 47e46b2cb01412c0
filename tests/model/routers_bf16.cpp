#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using cpu::Precision;

namespace {

constexpr std::int64_t sequences = 4, positions = 32;

/// The router comes first, so that its input, and its choices, are the same in either precision.
std::string text_with(std::string_view moe) {
  return joined({"Decoder<Stack<Block<Moe<", moe, ">, Attention<Heads<2>>>, 1>, Vocab<64>, Width<64>, Context<32>>"});
}
BasicModel<Cpu> model_of(std::string_view moe, Precision precision, int threads = 1) {
  return builtin_kinds<Cpu>().build(
      Genome::parse(text_with(moe)),
      {.seed = 5, .backend = Cpu({.threads = threads, .precision = precision, .thread_invariant = true})});
}

std::vector<Token> tokens_of(std::uint64_t step) {
  std::vector<Token> tokens;
  const Random random(7, step);
  for (std::uint64_t i = 0; i < sequences * positions; ++i) tokens.push_back(static_cast<Token>(random.below(i, 64)));
  return tokens;
}
double add_gradients(BasicModel<Cpu>& model, std::uint64_t step) {
  model.zero_gradients();
  return model.loss_and_gradient(tokens_of(2 * step), tokens_of(2 * step + 1), sequences).main;
}

/// |a - b| / |b|.
double distance(std::span<const float> a, std::span<const float> b) {
  double apart = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    apart += (x - y) * (x - y), size += y * y;
  }
  return std::sqrt(apart / size);
}

const std::string_view every_router[] = {"Top1, Experts<4>, SqReLU",
                                         "Top2, Experts<4>, Capacity<0>",
                                         "TopK<3>, Experts<5>, Glu<Swish>",
                                         "ExpertChoice, Experts<4>, SqReLU, Shared<1>",
                                         "Hash, Experts<4>, GeLU",
                                         "Base, Experts<4>, ReLU",
                                         "LossFree<2>, Experts<4>, Shared<2>",
                                         "ExpertThreshold, Experts<4>, SqReLU"};

}  // namespace

TEST_CASE("the gradients of every router in bf16 lie close to those in f32") {
  for (const std::string_view moe : every_router) {
    BasicModel<Cpu> full = model_of(moe, Precision::f32), half = model_of(moe, Precision::bf16);
    const double loss = add_gradients(full, 0);
    CHECK(add_gradients(half, 0) == Approx(loss).epsilon(2e-3));
    const double apart = distance(half.gradients(), full.gradients());
    INFO(moe << ": " << apart);
    CHECK(apart < 2e-2);
    CHECK(apart > 1e-5);  // else it was computed in f32
  }
}

TEST_CASE("every thread-invariant router trains in bf16 to the same bits on one thread and on two, and its loss falls") {
  for (const std::string_view moe : every_router) {
    INFO(moe);
    BasicModel<Cpu> one = model_of(moe, Precision::bf16, 1), two = model_of(moe, Precision::bf16, 2);
    std::vector<double> losses;
    for (BasicModel<Cpu>* model : {&one, &two}) {
      const auto optimizer = AdamW{}.bind(*model);
      for (std::int64_t step = 1; step <= 8; ++step) {
        losses.push_back(add_gradients(*model, 0));
        (void)optimizer->gradient_norm();
        optimizer->update(step, 3e-3);
        model->after_step();
      }
    }
    CHECK(std::equal(losses.begin(), losses.begin() + 8, losses.begin() + 8));
    CHECK(losses[7] < losses[0] - 0.5);
    CHECK(std::ranges::equal(one.parameters(), two.parameters()));
    CHECK(std::ranges::equal(one.state(), two.state()));
  }
}
