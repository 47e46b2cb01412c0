// The price of README's first program: a model of a type, a corpus, a trainer and a model folder.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/train.hpp>
using namespace genoform;

using MyBlock = Block<Attn, Moe<Top2>, Ffn<SqReLU>>;
using Net = Decoder<Stack<MyBlock, 4>, Vocab<256>, Width<128>, Context<128>>;

double train(const char* file, const char* folder) {
  const Corpus text = Corpus::from_file(file);
  Model<Net, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 500, .batch = 16, .learning_rate = 3e-3F});
  double last = 0;
  for (const Step& s : trainer.run(text)) last = s.bits_per_byte;
  save(model, folder).value();
  return last;
}
