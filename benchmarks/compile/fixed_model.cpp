// The compile time of one fixed model: a training step of one architecture on the CPU back end, which needs only oneDNN at link
// time.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/model/model.hpp>
using namespace genoform;

using Net = Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<64>>;

double step(std::span<const Token> inputs, std::span<const Token> targets) {
  Model<Net, Cpu> model({.seed = 1});
  return model.loss_and_gradient(inputs, targets, 1).main;
}
