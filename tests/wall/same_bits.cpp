#include <string>
#include <vector>

#include "genoform/train.hpp"
#include "tests/catch.hpp"
#include "tests/wall/training.hpp"

using namespace wall;

namespace {

/// Every kind and every router of the library.
const std::vector<std::string>& texts() {
  static const std::vector<std::string> all{
      decoder("Attention<Heads<2>, DConv<3>, SharedQk, Inner<PrimerNorm>>, Ffn<SqReLU, Bias, Inner<PrimerNorm>>"),
      decoder("Attention<Heads<4>, KvHeads<2>, QkNorm>, Moe<ExpertChoice, Experts<4>, Hidden<16>>, "
              "Moe<Top2, Experts<4>, Hidden<16>, Capacity<80>>, Moe<Hash, Experts<4>, Hidden<16>>",
              ", Untied"),
      decoder(
          "Moe<Base, Experts<4>, Hidden<16>>, Moe<LossFree<2>, Experts<4>, Hidden<16>, Shared<1>>, "
          "Moe<ExpertThreshold, Experts<4>, Hidden<16>>, Moe<Top1, Experts<4>, Hidden<16>>, Moe<TopK<3>, Experts<4>, Hidden<16>>",
          ", Positions<Learned>"),
      decoder("Synthesizer<Heads<2>>, SpatialGate<>, TokenMix<>, Gau<>, Conv<>"),
      decoder("LinearAttention<Heads<2>>, Parallel<Attention<Heads<4>, KvHeads<1>, RelBias<8, 32>, Window<6>>, Ffn<SwiGlu>>",
              ", Positions<Sinusoid>, FinalNorm<LayerNorm>, LogitScale<WidthRsqrt>")};
  return all;
}

struct Run {
  std::vector<std::string> steps;
  std::vector<std::pair<std::string, std::string>> tensors;
};

template <class Backend>
Run run(const std::string& model_text, Backend backend, const TrainOptions& options) {
  auto model = model_of(model_text, ModelOptions<Backend>{.seed = 4, .backend = std::move(backend)});
  model.freeze(options.frozen).value();
  auto optimizer = builtin_optimizers<Backend>().make(options.optimizer, model);
  TrainOptions rest = options;
  rest.frozen.clear();  // the model is told already: the optimizer is made before the trainer, so that its state can be read
  const Optimizer<Backend>* state = optimizer.get();
  Trainer<Backend> trainer(model, rest, std::move(optimizer));
  Run found;
  for (const Step& s : trainer.run(text())) found.steps.push_back(bits_of(s));
  found.tensors = bits_of(model, state);
  return found;
}

void trains_alike(const CpuOptions& cpu, const TrainOptions& options) {
  for (const std::string& model_text : texts()) {
    INFO(model_text);
    const Run near = run(model_text, Cpu(cpu), options), far = run(model_text, Wall(Cpu(cpu)), options);
    REQUIRE(near.steps.size() == static_cast<std::size_t>(options.steps));
    CHECK(near.steps == far.steps);
    REQUIRE(near.tensors.size() == far.tensors.size());
    for (std::size_t i = 0; i < near.tensors.size(); ++i) {
      INFO(near.tensors[i].first);
      CHECK(near.tensors[i] == far.tensors[i]);
    }
  }
}

}  // namespace

TEST_CASE("every kind and router trains behind a wall to the same bits, by AdamW") {
  trains_alike({}, {.steps = 4, .batch = 2, .windows = 3});
  trains_alike({.threads = 2, .precision = cpu::Precision::bf16}, {.steps = 3, .batch = 2, .windows = 0});
}

TEST_CASE("every kind and router trains behind a wall to the same bits, by Adafactor with all that training has") {
  const TrainOptions all{.steps = 3,
                         .batch = 2,
                         .accumulate = 2,
                         .optimizer = Adafactor{.beta1 = 0.9, .factor_from = 16},
                         .windows = 0,
                         .frozen = {"blocks.0.0.*"},
                         .recompute = true,
                         .routers = {0.001, 0.01}};
  trains_alike({}, all);
  trains_alike({.precision = cpu::Precision::bf16}, all);
}
