#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/core/joined.hpp"
#include "genoform/core/random.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using cpu::Precision;

namespace {

constexpr std::int64_t sequences = 6, positions = 64, tokens = sequences * positions;

/// Blocks whose products are large enough to be shared by threads: of every kind of layer, and with every router.
const char* const every_block[] = {
    "Attention<Heads<4>>, Ffn<SqReLU>",
    "Attention<Heads<4>, DConv<3>>, Ffn<SwiGlu, Bias, Inner<RmsNorm>>",
    "Attention<Heads<4>, KvHeads<2>, QkNorm, Window<20>>, Ffn<GeLU, Bias, Post<LayerNorm>>",
    "Attention<Heads<4>, SharedQk, RelBias<8, 20>>, Parallel<Attention<Heads<4>>, Ffn<SqReLU>>",
    "LinearAttention<Heads<4>>, Gau<>",
    "Synthesizer<Heads<4>, DensePlus>, Conv<>, SpatialGate<>, TokenMix<>",
    "Attention<Heads<4>>, Moe<Top1, Experts<4>, SqReLU>",
    "Attention<Heads<4>>, Moe<Top2, Experts<4>, Capacity<0>>",
    "Attention<Heads<4>>, Moe<TopK<3>, Experts<5>, Glu<Swish>>",
    "Attention<Heads<4>>, Moe<ExpertChoice, Experts<4>, SqReLU, Shared<1>>",
    "Attention<Heads<4>>, Moe<Hash, Experts<4>, GeLU>",
    "Attention<Heads<4>>, Moe<Base, Experts<4>, ReLU>",
    "Attention<Heads<4>>, Moe<LossFree<2>, Experts<4>, Shared<2>>",
    "Attention<Heads<4>>, Moe<ExpertThreshold, Experts<4>, SqReLU>",
};

BasicModel<Cpu> model_of(std::string_view block, std::string_view options, const CpuOptions& cpu) {
  const std::string text = joined({"Decoder<Stack<Block<", block, ">, 1>, Vocab<200>, Width<128>, Context<64>", options, ">"});
  return builtin_kinds<Cpu>().build(Genome::parse(text), {.seed = 5, .backend = Cpu(cpu)});
}

std::vector<Token> tokens_of(std::uint64_t step) {
  std::vector<Token> all;
  const Random random(7, step);
  for (std::uint64_t i = 0; i <= tokens; ++i) all.push_back(static_cast<Token>(random.below(i, 200)));
  return all;
}

struct Trained {
  std::vector<double> losses;
  std::vector<float> parameters, state, logits;
  friend bool operator==(const Trained&, const Trained&) = default;
};

/// The parameters of a model after three steps of AdamW.
Trained after_training(BasicModel<Cpu> model) {
  Trained found;
  const auto optimizer = AdamW{}.bind(model);
  for (std::int64_t step = 1; step <= 3; ++step) {
    const std::vector<Token> batch = tokens_of(static_cast<std::uint64_t>(step));
    model.zero_gradients();
    found.losses.push_back(
        model.loss_and_gradient(std::span(batch).first(tokens), std::span(batch).last(tokens), sequences).main);
    (void)optimizer->gradient_norm();
    optimizer->update(step, 3e-3);
    model.after_step();
  }
  found.parameters.assign(model.parameters().begin(), model.parameters().end());
  found.state.assign(model.state().begin(), model.state().end());
  const std::vector<Token> unseen = tokens_of(9);
  const auto logits = model.evaluate_logits(std::span(unseen).first(tokens), sequences);
  found.logits.assign(logits.begin(), logits.end());
  return found;
}

void require_same_bits(std::string_view block, std::string_view options, Precision precision,
                       cpu::InstructionSet set = cpu::best_instruction_set()) {
  INFO(block << options << " in " << cpu::name_of(precision) << " on " << cpu::name_of(set));
  const auto trained = [&](int threads) {
    return after_training(
        model_of(block, options, {.threads = threads, .instruction_set = set, .precision = precision, .thread_invariant = true}));
  };
  const Trained one = trained(1);
  CHECK(one.losses[0] != one.losses[2]);
  CHECK(trained(2) == one);
  CHECK(trained(3) == one);
}

}  // namespace

TEST_CASE("a thread-invariant model in f32 trains to the same bits on one, two and three threads, whatever its layers are") {
  for (const char* block : every_block) require_same_bits(block, "", Precision::f32);
}

TEST_CASE("so do thread-invariant models whose products in f32 are all computed by oneDNN") {
  const auto set = std::min(cpu::best_instruction_set(), cpu::InstructionSet::avx512);
  for (const int block : {1, 7}) require_same_bits(every_block[block], "", Precision::f32, set);
}

TEST_CASE("so do thread-invariant models with an output matrix of their own, and those in bf16 whose routers multiply in f32") {
  require_same_bits(every_block[1], ", Untied, FinalNorm<LayerNorm>", Precision::f32);
  require_same_bits(every_block[7], "", Precision::bf16);
  require_same_bits(every_block[9], "", Precision::bf16);
}

TEST_CASE("a model that need not be thread-invariant has one slab of a product for each thread, and one slab on one thread") {
  const auto slabs = [](int threads, bool thread_invariant, double flops, std::int64_t rows, std::int64_t columns) {
    const cpu::Context context(threads, cpu::best_instruction_set(), Precision::f32, thread_invariant);
    return cpu::Slabs(context, flops, rows, columns);
  };
  for (const double flops : {1e3, 1e7, 1e12}) CHECK(slabs(1, false, flops, 768, 512).count == 1);
  CHECK(slabs(3, false, 1e7, 768, 512).count == 3);
  CHECK(slabs(3, false, 1e3, 768, 512).count == 1);
  CHECK(slabs(3, false, 1e7, 16, 40).count == 2);
  for (const int threads : {1, 2, 3, 16}) {
    CHECK(slabs(threads, true, 1e6, 768, 512).count == 1);
    CHECK(slabs(threads, true, 1e7, 768, 512).count == 2);
    CHECK(slabs(threads, true, 1e12, 768, 512).count == 8);
  }
  // The longer side is cut, into whole units: 50 columns are 4 units.
  const cpu::Slabs cut = slabs(3, false, 1e7, 10, 50);
  CHECK(cut.by_columns);
  CHECK(cut.count == 3);
  CHECK(std::vector{cut.edge(0, 50), cut.edge(1, 50), cut.edge(2, 50), cut.edge(3, 50)} ==
        std::vector<std::int64_t>{0, 16, 32, 50});
}
