#include "net.hpp"

std::size_t parameters_elsewhere() {
  genoform::Model<Net, genoform::Cpu> model({.seed = 1});
  return model.parameters().size();
}
