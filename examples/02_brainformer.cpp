// A fixed Brainformer-like block: eight sub-layers, experts that choose their tokens, attention only twice. Its cost, then some
// training.
#include <cstdio>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/train.hpp"

using namespace genoform;

using Mixer = Attention<Heads<2>>;
using Sparse = Moe<ExpertChoice, Experts<8>, GeLU, Hidden<64>>;
using Dense = Ffn<GeGlu, Hidden<64>>;
using Brainformer = Decoder<Block<Mixer, Sparse, Dense, Sparse, Dense, Sparse, Mixer, Dense>, Vocab<256>, Width<64>, Context<32>>;

int main() {
  constexpr Cost cost = cost_of<Brainformer>(8);
  std::printf("%lld parameters, %lld activated\n", static_cast<long long>(cost.parameters),
              static_cast<long long>(cost.activated_parameters));
  std::printf("%.1f MFLOP a training step, %lld KiB kept for the backward pass\n",
              1e-6 * static_cast<double>(cost.training_flops()), static_cast<long long>(cost.kept_bytes() / 1024));

  const Corpus text = Corpus::from_text(synthetic_text(200'000, 1));
  Model<Brainformer, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 150, .batch = 8, .learning_rate = 3e-3f, .windows = 64});
  for (const Step& step : trainer.run(text))
    if (step.was_validated()) std::printf("%.2f bits per byte, causal\n", step.validation);
}
