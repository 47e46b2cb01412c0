// The price of one fixed model: forward, backward and an optimizer's step of one architecture on the CPU back end.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
using namespace genoform;

using Net = Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Ffn<SqReLU>>, 4>, Vocab<256>, Width<128>, Context<64>>;

template class genoform::Model<Net, Cpu>;
