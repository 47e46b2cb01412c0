#include <cstdio>

#include "two_units.hpp"

int main() {
  genoform::Model<Net, genoform::Cpu> model({.seed = 1});
  const std::vector<genoform::Token> tokens{1, 2, 3, 4, 5, 6, 7, 8};
  const double here = model.loss_and_gradient(tokens, tokens, 1).main, there = loss_of_text(tokens);
  std::printf("%.9g %.9g\n", here, there);
  return here == there ? 0 : 1;
}
