// A program of one fixed model: check_symbols.py looks for what must not be in it.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/model/model.hpp>
#include <vector>

using Net = genoform::Decoder<
    genoform::Stack<genoform::Block<genoform::Attention<genoform::Heads<2>>, genoform::Ffn<genoform::SqReLU>>, 2>,
    genoform::Vocab<16>, genoform::Width<16>, genoform::Context<8>>;

int main() {
  genoform::Model<Net, genoform::Cpu> model({.seed = 1});
  const std::vector<genoform::Token> tokens(8, 3);
  return model.loss_and_gradient(tokens, tokens, 1).main > 0 ? 0 : 1;
}
