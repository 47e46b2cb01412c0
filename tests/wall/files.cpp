#include <filesystem>
#include <string>
#include <vector>

#include "genoform/train.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/wall/training.hpp"

using namespace wall;

namespace {

const std::string net =
    decoder("Attention<Heads<2>>, Moe<Hash, Experts<4>, Hidden<16>>, Moe<LossFree<2>, Experts<4>, Hidden<16>>");
const TrainOptions options{.steps = 6, .batch = 2, .windows = 0};

template <class Backend>
BasicModel<Backend> make(std::uint64_t seed) {
  return model_of(net, ModelOptions<Backend>{.seed = seed});
}

/// Three steps on one back end, saved; resumed on another and trained to the end there.
template <class First, class Second>
std::vector<std::pair<std::string, std::string>> train_in_two_halves() {
  const TemporaryFolder folder;
  auto first = make<First>(1);
  Trainer<First> before(first, options);
  for (int i = 0; i < 3; ++i) before.step(text()).value();
  before.save(folder.path()).value();
  auto second = make<Second>(2);
  Trainer<Second> after(second, options);
  after.resume(folder.path()).value();
  for (const Step& s : after.run(text())) (void)s;
  return bits_of(second);
}

}  // namespace

TEST_CASE("a checkpoint goes through the wall in both directions, and a resumed run ends in the same bits") {
  auto model = make<Cpu>(1);
  Trainer<Cpu> trainer(model, options);
  for (const Step& s : trainer.run(text())) (void)s;
  const auto whole = bits_of(model);
  CHECK((train_in_two_halves<Cpu, Wall>() == whole));
  CHECK((train_in_two_halves<Wall, Cpu>() == whole));
  CHECK((train_in_two_halves<Wall, Wall>() == whole));
}

TEST_CASE("a model folder is written and read behind the wall") {
  const TemporaryFolder folder;
  auto far = make<Wall>(3);
  save(far, folder.path()).value();
  auto near = make<Cpu>(1);
  load(near, folder.path()).value();
  CHECK(bits_of(near) == bits_of(far));
  auto again = make<Wall>(1);
  load(again, folder.path()).value();
  CHECK(bits_of(again) == bits_of(far));
}

TEST_CASE("a checkpoint of another model changes nothing behind the wall") {
  const TemporaryFolder folder;
  auto other = model_of(decoder("Ffn<ReLU>"), ModelOptions<Wall>{});
  Trainer<Wall> trainer(other, options);
  trainer.save(folder.path()).value();
  auto model = make<Wall>(1);
  const auto before = bits_of(model);
  Trainer<Wall> refused(model, options);
  CHECK_FALSE(refused.resume(folder.path()));
  CHECK(bits_of(model) == before);
}
