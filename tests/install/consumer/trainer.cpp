#include "net.hpp"

int main() {
  genoform::Model<Net, genoform::Cpu> model({.seed = 1});
  return model.parameters().size() == parameters_elsewhere() ? 0 : 1;
}
