#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/core/random.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;

namespace {

/// Tied: the output product replaces the gradients of the table, and the embedding adds to them. With so many experts some have
/// no token. Biases, norms and convolutions are added to.
using Tied =
    Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Moe<Top1, Experts<64>>, Attention<Heads<2>>, Ffn<SwiGlu, Bias>>, 2>,
            Vocab<64>, Width<32>, Context<12>>;
/// Wide enough for the tiles of AMX.
using Wide = Decoder<Stack<Block<Attention<Heads<4>>, Ffn<SqReLU>>, 1>, Vocab<64>, Width<64>, Context<32>, Untied>;

template <class Backend>
void backward_pass(BasicModel<Backend>& model, std::uint64_t number, std::int64_t batch = 6) {
  std::vector<Token> tokens;
  const Random random(11, number);
  const auto count = static_cast<std::size_t>(batch * model.sizes().context);
  for (std::uint64_t i = 0; i <= count; ++i) tokens.push_back(static_cast<Token>(random.below(i, 64)));
  (void)model.loss_and_gradient(std::span(tokens).first(count), std::span(tokens).last(count), batch);
}

/// The gradients of two micro-batches of different shapes, added to zeros in memory, and written over NaN after zero_gradients().
template <class Net, class Backend>
void replaces_like_adding_to_zeros(const Backend& backend, bool recompute = false) {
  Model<Net, Backend> written({.seed = 5, .backend = backend}), overwritten({.seed = 5, .backend = backend});
  overwritten.set_recompute(recompute);
  for (const std::uint64_t step : {0U, 1U}) {
    written.zero_gradients();
    CHECK(std::ranges::all_of(written.gradients(), [](auto g) { return g == 0; }));
    std::ranges::fill(overwritten.gradients(), std::numeric_limits<typename Backend::Real>::quiet_NaN());
    overwritten.zero_gradients();
    for (BasicModel<Backend>* model :
         {static_cast<BasicModel<Backend>*>(&written), static_cast<BasicModel<Backend>*>(&overwritten)}) {
      backward_pass(*model, step);
      backward_pass(*model, step, 4);
    }
    CHECK(std::ranges::equal(written.gradients(), overwritten.gradients()));
  }
}

}  // namespace

TEST_CASE("a backward pass after zero_gradients() gives the same bits as adding to zeros, whatever was there") {
  replaces_like_adding_to_zeros<Tied>(Reference());
  replaces_like_adding_to_zeros<Tied>(Cpu(), true);
  replaces_like_adding_to_zeros<Wide>(Cpu({.threads = 2, .thread_invariant = true}));
  for (const int threads : {1, 2})
    for (const cpu::InstructionSet set : cpu::all_instruction_sets) {
      if (!cpu::available(set)) continue;
      INFO(cpu::name_of(set) << ", threads " << threads);
      for (const cpu::Precision& precision : {cpu::Precision::f32, cpu::Precision::bf16}) {
        const Cpu backend({.threads = threads, .instruction_set = set, .precision = precision});
        replaces_like_adding_to_zeros<Tied>(backend);
        replaces_like_adding_to_zeros<Wide>(backend);
      }
    }
}

TEST_CASE("an expert without tokens has gradients of 0 after a backward pass that replaces them") {
  Model<Tied, Cpu> model({.seed = 5});
  std::ranges::fill(model.gradients(), 1.0F);
  model.zero_gradients();
  backward_pass(model, 0);
  model.after_step();
  const std::vector<double> load = model.routing().front().load;
  const auto idle = std::ranges::find(load, 0.0) - load.begin();
  REQUIRE(idle < 64);
  const std::span<const float> up = model.gradient("blocks.0.1.moe.up.weight");
  REQUIRE(!up.empty());
  const std::size_t size = up.size() / 64;
  CHECK(std::ranges::all_of(up.subspan(static_cast<std::size_t>(idle) * size, size), [](float g) { return g == 0; }));
}

TEST_CASE("a product into memory that is no gradient never replaces its contents") {
  GradientWriters writers;
  CHECK_FALSE(writers.overwrite(matrix(Memory::workspace, 0, 4, 4)));
  CHECK(writers.overwrite(matrix(Memory::gradients, 16, 4, 4)));
  writers.add({matrix(Memory::gradients, 16, 4, 4)});
  CHECK_FALSE(writers.overwrite(matrix(Memory::gradients, 28, 4, 4)));  // four elements of it are written
  writers.add({matrix(Memory::gradients, 0, 1, 4)});
  CHECK_FALSE(writers.overwrite(matrix(Memory::gradients, 0, 4, 4)));
  const std::vector<ElementRange> overwritten = writers.overwritten();
  REQUIRE(overwritten.size() == 1);
  CHECK((overwritten[0].begin == 16 && overwritten[0].end == 32));
}

TEST_CASE("a second backward pass adds to the first, and one after it replaces both") {
  Model<Wide, Cpu> model({.seed = 5});
  backward_pass(model, 0);
  const std::vector<float> first(model.gradients().begin(), model.gradients().end());
  backward_pass(model, 0);
  double worst = 0;
  for (std::size_t i = 0; i < first.size(); ++i)
    worst = std::max(worst, std::abs(2.0 * static_cast<double>(first[i]) - static_cast<double>(model.gradients()[i])));
  CHECK(worst < 1e-6);
  model.zero_gradients();
  backward_pass(model, 0);
  CHECK(std::ranges::equal(first, model.gradients()));
}

TEST_CASE("gradients are 0 after update() of an optimizer, and a second update sees zeros") {
  Model<Wide, Cpu> model({.seed = 5});
  const auto optimizer = AdamW{.beta1 = 0, .beta2 = 0, .weight_decay = 0}.bind(model);
  backward_pass(model, 0);
  CHECK(optimizer->gradient_norm() > 0);
  optimizer->update(1, 1e-3);
  CHECK(optimizer->gradient_norm() == 0);
  const std::vector<float> before(model.parameters().begin(), model.parameters().end());
  optimizer->update(2, 1e-3);
  CHECK(std::ranges::equal(before, model.parameters()));
}
