// A fixed Primer-EZ by its type: squared ReLU and a causal convolution of width 3 after the q, k and v projections.
#include <cstdio>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/train.hpp"

using namespace genoform;

template <class Mixer, class Activation>
using Proxy = Decoder<Stack<Block<Mixer, Ffn<Activation>>, 2>, Vocab<256>, Width<64>, Context<32>>;
using Transformer = Proxy<Attention<Heads<2>>, ReLU>;
using PrimerEz = Proxy<Attention<Heads<2>, DConv<3>>, SqReLU>;

static_assert(parameters<PrimerEz> - parameters<Transformer> ==
              2 * 3 * 3 * 64);  // a filter of width 3 for each channel of q, k and v, in two blocks

template <class Net>
double trained(const Corpus& text) {
  Model<Net, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 150, .batch = 8, .learning_rate = 4e-3f, .windows = 64});
  double validation = 0;
  for (const Step& step : trainer.run(text))
    if (step.was_validated()) validation = step.validation;
  return validation;
}

int main() {
  const Corpus text = Corpus::from_text(synthetic_text(200'000, 1));
  std::printf("%s\n", std::string(text_of<PrimerEz>).c_str());
  std::printf("Transformer %.2f bits per byte\n", trained<Transformer>(text));
  std::printf("Primer-EZ   %.2f bits per byte\n", trained<PrimerEz>(text));
}
