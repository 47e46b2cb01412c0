#include <genoform/genoform.hpp>

#include <cstdio>
using namespace genoform;

using Net = Decoder<Stack<Block<Attn, Moe<Top2>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<128>>;
static_assert(activated_parameters<Net> < parameters<Net>);

int main() {
  const Result<Genome> genome = Genome::parse(text_of<Net>);
  if (!genome.ok() || genome->text() != text_of<Net>) return 1;
  std::puts(genome->text().c_str());
}
