// A genome is the same text at run time: parsed, costed, trained, and the same bits as the type.
#include <algorithm>
#include <cstdio>

#include "genoform/backend/cpu.hpp"
#include "genoform/cost/genome_cost.hpp"
#include "genoform/genoform.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/train.hpp"

using namespace genoform;

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2, Experts<4>>>, 2>, Vocab<256>, Width<32>, Context<32>>;

int main() {
  const auto wrong = Genome::parse("Decoder<Block<Attn, Ffn<SqRelu>>>");
  std::printf("%s\n", wrong.error().message.c_str());

  const Genome genome =
      Genome::parse(" Decoder< Block<Attention<Heads<2>>, Moe<Top2,Experts<4>>>, Context<32>, Width<32>, Vocab<256> >");
  std::printf("%s\n", genome.text().c_str());
  std::printf("%lld parameters\n", static_cast<long long>(cost_of(genome)->parameters));

  BasicModel<Cpu> built = builtin_kinds<Cpu>().build(Genome::parse(text_of<Net>), {.seed = 7});
  Model<Net, Cpu> fixed({.seed = 7});
  const Corpus text = Corpus::from_text(synthetic_text(50'000, 1));
  for (BasicModel<Cpu>* model : {&built, static_cast<BasicModel<Cpu>*>(&fixed)})
    for (Trainer trainer(*model, {.steps = 20, .batch = 8, .windows = 0}); const Step& step : trainer.run(text))
      if (step.index == 20) std::printf("step 20: %.2f bits per byte\n", step.bits_per_byte);
  std::printf("the same bits: %s\n", std::ranges::equal(built.parameters(), fixed.parameters()) ? "yes" : "no");
}
