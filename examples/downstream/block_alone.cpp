// A block of genoform inside somebody else's network: rows of numbers in and out, gradients through it.
#include <genoform/backend/cpu.hpp>
#include <genoform/genoform.hpp>
#include <genoform/model/module.hpp>

#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

using MyBlock = genoform::Block<genoform::Attn, genoform::Moe<genoform::Top2>, genoform::Ffn<genoform::SqReLU>>;

int main() {
  constexpr int width = 64, batch = 4, context = 8;
  genoform::Module<MyBlock, genoform::Cpu> block({.width = width, .seed = 2});
  const genoform::extend::Random random(1, 1);
  std::vector<float> x(batch * context * width), wanted(x.size()), dy(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(random.normal(i));
    wanted[i] = 0.5F * x[i];
  }
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    block.zero_gradients();
    const auto y = block.forward(x, batch);
    last = 0;
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float difference = y[i] - wanted[i];
      last += difference * difference / static_cast<float>(y.size());
      dy[i] = 2 * difference / static_cast<float>(y.size());
    }
    const auto dx = block.backward(dy);  // would go on into the network before the block
    if (!std::isfinite(dx[0])) return 1;
    for (std::size_t i = 0; i < block.parameters().size(); ++i) block.parameters()[i] -= 0.3F * block.gradients()[i];
    block.after_step();
    if (step == 0) first = last;
  }
  genoform::Module<MyBlock, genoform::Cpu> moved(std::move(block));
  const bool same = moved.evaluate(x, batch).size() == x.size();
  std::printf("mean square %.3f -> %.3f\n", first, last);
  return last < 0.5 * first && same ? 0 : 1;
}
