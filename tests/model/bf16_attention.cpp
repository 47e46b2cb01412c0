#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Attention of every kind, in a model whose sequences do not fill whole tiles.
constexpr const char* kinds_of_attention[] = {
    "Attention<Heads<4>>",
    "Attention<Heads<4>, DConv<3>>",
    "Attention<Heads<4>, DConv<3>, SharedQk>",
    "Attention<Heads<4>, DConv<5>, SharedQk, QkNorm>",
    "Attention<Heads<6>, HeadDim<12>, KvHeads<2>, Window<33>>",
    "Attention<Heads<2>, HeadDim<40>, RelBias<8, 20>, Window<40>>",
    "Attention<Heads<3>, HeadDim<20>, KvHeads<1>, QkNorm, NoPos>",
};
constexpr std::int64_t context = 70, sequences = 3, tokens = context * sequences;

std::vector<Token> some_tokens() {
  std::vector<Token> all;
  const Random random(3, 1);
  for (std::uint64_t i = 0; i <= tokens; ++i) all.push_back(static_cast<Token>(random.below(i, 64)));
  return all;
}

BasicModel<Cpu> built(const std::string& attention, cpu::Precision precision, int threads = 1) {
  const std::string text =
      "Decoder<Stack<Block<" + attention + ", Ffn<SqReLU>>, 2>, Vocab<64>, Width<64>, Context<" + std::to_string(context) + ">>";
  return builtin_kinds<Cpu>().build(
      Genome::parse(text), {.seed = 5, .backend = Cpu({.threads = threads, .precision = precision, .thread_invariant = true})});
}

std::vector<float> gradient_after(BasicModel<Cpu>& model, std::int64_t steps) {
  const auto optimizer = AdamW{}.bind(model);
  const std::vector<Token> all = some_tokens();
  for (std::int64_t step = 0; step <= steps; ++step) {
    model.zero_gradients();
    (void)model.loss_and_gradient(std::span(all).first(tokens), std::span(all).last(tokens), sequences);
    if (step == steps) break;
    (void)optimizer->gradient_norm();
    optimizer->update(step + 1, 1e-3);
    model.after_step();
  }
  return {model.gradients().begin(), model.gradients().end()};
}

}  // namespace

TEST_CASE("the gradient of a model of attention of any kind in bf16 is near that in f32") {
  for (const char* attention : kinds_of_attention) {
    BasicModel<Cpu> exact = built(attention, cpu::Precision::f32), rounded = built(attention, cpu::Precision::bf16);
    const std::vector<float> right = gradient_after(exact, 0), near = gradient_after(rounded, 0);
    double difference = 0, size = 0;
    for (std::size_t i = 0; i < right.size(); ++i) {
      difference += std::pow(double{near[i]} - double{right[i]}, 2);
      size += std::pow(double{right[i]}, 2);
    }
    INFO(attention);
    CHECK(std::sqrt(difference / size) < 2e-2);
    CHECK(difference > 0);
  }
}

TEST_CASE("training thread-invariant attention of any kind in bf16 takes the same bits on one thread and on two") {
  for (const char* attention : kinds_of_attention) {
    BasicModel<Cpu> one = built(attention, cpu::Precision::bf16, 1), two = built(attention, cpu::Precision::bf16, 2);
    INFO(attention);
    CHECK(gradient_after(one, 3) == gradient_after(two, 3));
    CHECK(std::vector<float>(one.parameters().begin(), one.parameters().end()) ==
          std::vector<float>(two.parameters().begin(), two.parameters().end()));
  }
}
