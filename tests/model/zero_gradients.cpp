#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/backend/reference.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/model.hpp"
#include "genoform/train/adamw.hpp"
#include "tests/catch.hpp"
#include "tests/model/batch.hpp"

using namespace genoform;

namespace {

/// Tied: the output product replaces the gradients of the table, and the embedding adds to them. Sixteen experts: with 36 tokens
/// some have none. Biases, norms and convolutions are added to.
using Tied =
    Decoder<Stack<Block<Attention<Heads<4>, DConv<3>>, Moe<Top1, Experts<16>>, Attention<Heads<2>>, Ffn<SwiGlu, Bias>>, 2>,
            Vocab<64>, Width<32>, Context<12>>;
/// Wide enough for the tiles of AMX.
using Wide = Decoder<Stack<Block<Attention<Heads<4>>, Ffn<SqReLU>>, 1>, Vocab<64>, Width<64>, Context<32>, Untied>;

template <class Backend>
Losses way_back(BasicModel<Backend>& model, std::uint64_t number) {
  const std::vector<Token> tokens = [&] {
    std::vector<Token> drawn;
    const Random random(11, number);
    const auto count = static_cast<std::uint64_t>(6 * model.sizes().context + 1);
    for (std::uint64_t i = 0; i < count; ++i) drawn.push_back(static_cast<Token>(random.below(i, 64)));
    return drawn;
  }();
  return model.loss_and_gradient(std::span(tokens).first(tokens.size() - 1), std::span(tokens).last(tokens.size() - 1), 6);
}

/// The gradients of a way back from zeros that were written, and from zeros that were only said, into cells that are no numbers.
template <class Net, class Backend>
void replaces_like_adding_to_zeros(const Backend& backend) {
  Model<Net, Backend> written({.seed = 5, .backend = backend}), said({.seed = 5, .backend = backend});
  for (const std::uint64_t step : {0U, 1U}) {
    written.zero_gradients();
    CHECK(std::ranges::all_of(written.gradients(), [](auto g) { return g == 0; }));
    std::ranges::fill(said.gradients(), std::numeric_limits<typename Backend::Real>::quiet_NaN());
    said.zero_gradients();
    way_back(written, step);
    way_back(said, step);
    CHECK(std::ranges::equal(written.gradients(), said.gradients()));
  }
}

}  // namespace

TEST_CASE("a way back after zero_gradients() gives the bits that it adds to zeros, whatever was there") {
  replaces_like_adding_to_zeros<Tied>(Reference());
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

TEST_CASE("a second way back adds to the first, and one after it replaces both") {
  Model<Wide, Cpu> model({.seed = 5});
  way_back(model, 0);
  const std::vector<float> first(model.gradients().begin(), model.gradients().end());
  way_back(model, 0);
  double worst = 0;
  for (std::size_t i = 0; i < first.size(); ++i)
    worst = std::max(worst, std::abs(2.0 * static_cast<double>(first[i]) - static_cast<double>(model.gradients()[i])));
  CHECK(worst < 1e-6);
  model.zero_gradients();
  way_back(model, 0);
  CHECK(std::ranges::equal(first, model.gradients()));
}

TEST_CASE("an optimizer uses the gradients up: they are 0 after update(), and a second update finds nothing") {
  Model<Wide, Cpu> model({.seed = 5});
  const auto optimizer = AdamW{.beta1 = 0, .beta2 = 0, .decay = 0}.bind(model);
  way_back(model, 0);
  CHECK(optimizer->gradient_norm() > 0);
  optimizer->update(1, 1e-3);
  CHECK(optimizer->gradient_norm() == 0);
  const std::vector<float> before(model.parameters().begin(), model.parameters().end());
  optimizer->update(2, 1e-3);
  CHECK(std::ranges::equal(before, model.parameters()));
}
