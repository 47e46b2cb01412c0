// Links genoform::compiled: the registry, the trainer and the kernels come from its archive.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/registry/kinds.hpp>
#include <genoform/train.hpp>
using namespace genoform;

#ifndef GENOFORM_COMPILED
#error "genoform::compiled says that its code is compiled"
#endif

int main() {
  const Genome genome = Genome::parse("Decoder<Block<Attn, Ffn<SqReLU>>, Vocab<256>, Width<16>, Context<8>>");
  BasicModel<Cpu> model = builtin_kinds<Cpu>().build(genome);
  Trainer trainer(model, {.steps = 1, .batch = 2, .context = 8, .windows = 0});
  const Corpus corpus = Corpus::from_text(synthetic_text(4000, 3));
  return trainer.step(corpus).value().bits_per_byte > 0 ? 0 : 1;
}
