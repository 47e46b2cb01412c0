#include <csignal>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "genoform/backend/example.hpp"
#include "genoform/genoform.hpp"
#include "genoform/model/module.hpp"
#include "genoform/testing/compare_backends.hpp"
#include "genoform/train.hpp"
#include "tests/catch.hpp"
#include "tests/wall/training.hpp"

using namespace wall;

namespace {

const std::string sparse =
    decoder("Attention<Heads<2>>, Moe<Top2, Experts<4>, Hidden<16>>, Moe<LossFree<2>, Experts<4>, Hidden<16>>");

template <class Backend>
BasicModel<Backend> make() {
  return model_of(sparse, ModelOptions<Backend>{.seed = 2});
}
std::vector<Token> tokens_of(std::uint64_t number, std::size_t count) {
  const Random random(7, number);
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>(random.below(i, 256));
  return tokens;
}

/// A loop of the caller's own: his own loss, gradients that are added up, reads in between.
template <class Backend>
std::string own_loop() {
  auto model = make<Backend>();
  model.keep_outputs();
  const auto optimizer = AdamW{}.bind(model);
  std::string bits;
  std::vector<float> d_logits(32 * 256), values(32 * 32);
  for (int step = 1; step <= 4; ++step) {
    for (int part = 0; part < 2; ++part) {
      const auto tokens = tokens_of(static_cast<std::uint64_t>(2 * step + part), 32);
      const auto logits = model.logits(tokens, 2);
      for (std::size_t i = 0; i < d_logits.size(); ++i) d_logits[i] = 1e-3F * logits[i];
      model.backward(d_logits);
      REQUIRE(model.read_layer_output(0, 1, values));
      append_bits(bits, values.data(), values.size());
    }
    const double norm = optimizer->gradient_norm();
    optimizer->update(step, 1e-3);
    model.after_step();
    append_bits(bits, &norm, 1);
    const Losses losses[] = {model.pool_loss(tokens_of(1, 32), tokens_of(2, 32), 2),
                             model.evaluate(tokens_of(1, 32), tokens_of(2, 32), 2)};
    append_bits(bits, losses, 2);
    append_bits(bits, model.evaluate_logits(tokens_of(3, 16), 1).data(), 16 * 256);
    for (const LayerRouting& layer : model.routing()) append_bits(bits, layer.load.data(), layer.load.size());
  }
  for (const auto& [name, tensor] : bits_of(model)) bits += tensor;
  return bits;
}

/// Gradients as the host reads them after passes that overwrite and passes that add.
template <class Backend>
std::string gradient_bits() {
  auto model = make<Backend>();
  std::string bits;
  const auto append_gradients = [&] {
    std::vector<float> values;
    for (const TensorInfo& info : model.tensors()) {
      if (info.tensor.memory != Memory::weights) continue;
      values.resize(static_cast<std::size_t>(info.tensor.size()));
      model.read_gradient(info, values);
      append_bits(bits, values.data(), values.size());
    }
  };
  for (std::uint64_t i = 0; i < 2; ++i) {
    model.loss_and_gradient(tokens_of(i, 32), tokens_of(i + 1, 32), 2);
    append_gradients();
    model.loss_and_gradient(tokens_of(i + 2, 16), tokens_of(i + 3, 16), 1, 0.5);
    append_gradients();
    model.zero_gradients();
    if (i == 0) append_gradients();
  }
  return bits;
}

template <class Part, class Backend>
std::string part_bits() {
  Module<Part, Backend> part({.width = 32, .vocab = 256, .context = 8, .seed = 3});
  const Random random(1, 1);
  std::vector<float> x(16 * 32), dy(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    x[i] = static_cast<float>(random.normal(i)), dy[i] = static_cast<float>(random.normal(i + 9999));
  part.set_tokens(tokens_of(1, 16));
  std::string bits;
  const auto append = [&](std::span<const float> values) { append_bits(bits, values.data(), values.size()); };
  append(part.forward(x, 2));
  append(part.backward(dy, 0.5));
  append(part.evaluate(x, 2));
  const double aux = part.aux_loss({2, 8});
  append_bits(bits, &aux, 1);
  std::vector<float> values;
  for (const TensorInfo& info : part.tensors()) {
    if (info.tensor.memory != Memory::weights) continue;
    values.resize(static_cast<std::size_t>(info.tensor.size()));
    part.read_gradient(info, values);
    append(values);
  }
  return bits;
}

/// The signal that ends a child process which does this; 0 when none does.
template <class F>
int signal_of(F&& act) {
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGSEGV, SIG_DFL);
    std::signal(SIGBUS, SIG_DFL);
    act();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/// An optimizer that forgets that memory may not be the host's.
struct Careless final : Optimizer<Wall> {
  explicit Careless(BasicModel<Wall>& m) : Optimizer<Wall>(m) {}
  void update(std::int64_t, double learning_rate) override {
    float* const w = model().memories().base[static_cast<std::size_t>(Memory::weights)];
    w[0] -= static_cast<float>(learning_rate);
  }
  std::string description() const override { return "careless"; }
};

}  // namespace

TEST_CASE("a loop of one's own gives the same bits behind the wall") { CHECK(own_loop<Cpu>() == own_loop<Wall>()); }

TEST_CASE("gradients that are overwritten, added to and zeroed are the same behind the wall") {
  CHECK(gradient_bits<Cpu>() == gradient_bits<Wall>());
}

TEST_CASE("a part alone gives the same bits behind the wall") {
  using Part = Block<Attention<Heads<2>, DConv<3>>, Moe<Top2, Experts<3>, Hidden<12>>, Moe<Hash, Experts<3>, Hidden<12>>>;
  CHECK(part_bits<Part, Cpu>() == part_bits<Part, Wall>());
}

TEST_CASE("a step of training waits once, however many micro-batches and routers it has") {
  auto model = make<Wall>();
  Trainer<Wall> trainer(model, {.steps = 4, .batch = 2, .accumulate = 3, .windows = 0});
  trainer.step(text()).value();
  const std::int64_t before = model.backend().waits();
  trainer.step(text()).value();
  CHECK(model.backend().waits() == before + 1);
}

TEST_CASE("a step with a gradient that is not finite changes no parameter behind the wall, and names the tensor") {
  for (const OptimizerChoice& optimizer : {OptimizerChoice(AdamW{}), OptimizerChoice(Adafactor{})}) {
    auto model = make<Wall>();
    Trainer<Wall> trainer(model, {.steps = 4, .batch = 2, .optimizer = optimizer, .windows = 0});
    trainer.step(text()).value();
    for (const TensorInfo& info : model.tensors()) {
      if (info.name != "blocks.0.1.moe.up.weight") continue;
      std::vector<float> values(static_cast<std::size_t>(info.tensor.size()));
      model.read(info, values);
      for (float& w : values) w = std::numeric_limits<float>::infinity();
      model.write(info, values);
    }
    std::vector<std::vector<float>> before, after;
    const auto read = [&](std::vector<std::vector<float>>& to) {
      for (const TensorInfo& info : model.tensors())
        if (info.tensor.memory == Memory::weights)
          model.read(info, to.emplace_back(static_cast<std::size_t>(info.tensor.size())));
    };
    read(before);
    const Result<Step> step = trainer.step(text());
    REQUIRE_FALSE(step);
    CHECK(step.error().message.find("not finite: parameter blocks.0.1.moe.up.weight") != std::string::npos);
    CHECK(trainer.steps_done() == 1);
    read(after);
    CHECK(before == after);
  }
}

TEST_CASE("an access of the host to memory behind the wall ends the process") {
  auto model = make<Wall>();
  Careless optimizer(model);
  model.synchronize();
  CHECK(signal_of([] {}) == 0);
  CHECK(signal_of([&] { optimizer.update(1, 0.1); }) == SIGSEGV);
  auto near = make<Cpu>();
  CHECK(signal_of([&] { near.memories().base[static_cast<std::size_t>(Memory::weights)][0] = 1; }) == 0);
}

TEST_CASE("what is read without waiting is not there yet") {
  auto model = make<Wall>();
  std::vector<float> losses(2, -1);
  model.add_gradient(tokens_of(1, 32), tokens_of(2, 32), 2, 1, std::span(losses).first<2>());
  CHECK(losses[0] == -1);
  model.synchronize();
  CHECK(losses[0] > 0);
}

TEST_CASE("a model, an optimizer and a trainer may go while their work still waits") {
  auto moved = make<Wall>();
  std::vector<float> losses(2);
  {
    auto model = make<Wall>();
    const auto optimizer = AdamW{}.bind(model);
    model.add_gradient(tokens_of(1, 32), tokens_of(2, 32), 2, 1, std::span(losses).first<2>());
    optimizer->measure_gradients();
    optimizer->update(1, 1e-3);
    model.after_step();
    moved = std::move(model);
  }
  CHECK(moved.evaluate(tokens_of(1, 32), tokens_of(2, 32), 2).main > 0);
}

TEST_CASE("the example of a back end computes what the reference computes, in whole models and parts") {
  using Mixed = Block<Attention<Heads<2>, HeadDim<4>>, Moe<Top2, Experts<3>, Hidden<5>>>;
  CHECK(testing::compare_backends<Mixed, ExampleBackend>({}, 3).error == 0);
  CHECK(testing::compare_backends<Decoder<Stack<Mixed, 1>>, ExampleBackend>({}, 3).error == 0);
  STATIC_REQUIRE(Backend<ExampleBackend>);
  STATIC_REQUIRE(Backend<Wall>);
  STATIC_REQUIRE(Backend<Cpu>);
  STATIC_REQUIRE_FALSE(Backend<int>);
}
