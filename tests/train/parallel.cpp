#include "genoform/registry/kinds.hpp"
#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

/// Layers side by side in two stacks, with routers that remember.
using SideBySide =
    Decoder<Body<Stack<Block<Parallel<Attention<Heads<2>, DConv<3>>, Moe<Top2, Experts<4>, Hidden<24>>>>, 1>,
                 Stack<Block<Parallel<Moe<ExpertChoice, Experts<4>, Hidden<16>>, Ffn<SqReLU, Hidden<32>>, Post<LayerNorm>>>, 2>>,
            Vocab<256>, Width<32>, Context<16>>;

const TrainOptions options{.steps = 8, .batch = 4, .learning_rate = 3e-3f, .validate_every = 4, .windows = 8};

}  // namespace

TEST_CASE("a run with layers side by side in several stacks is resumed to the same bits, as a type or as a genome") {
  const ScratchFolder folder("side_by_side");
  Model<SideBySide, Cpu> whole({.seed = 1});
  std::vector<double> losses;
  Trainer uninterrupted(whole, options);
  for (const Step& s : uninterrupted.run(text())) losses.push_back(s.bits_per_byte);
  REQUIRE(losses.back() < losses.front());

  Model<SideBySide, Cpu> first({.seed = 1});
  Trainer broken_off(first, options);
  for (int i = 0; i < 3; ++i) broken_off.step(text()).value();
  broken_off.save(folder.path()).value();

  BasicModel<Cpu> second = builtin_kinds<Cpu>().build(Genome::parse(text_of<SideBySide>), {.seed = 99});
  Trainer resumed(second, options);
  resumed.resume(folder.path()).value();
  for (const Step& s : resumed.run(text())) REQUIRE(s.bits_per_byte == losses[static_cast<std::size_t>(s.index - 1)]);
  REQUIRE(copied(second.parameters()) == copied(whole.parameters()));
  REQUIRE(copied(second.state()) == copied(whole.state()));
}

TEST_CASE("a model folder keeps the parts of a Parallel") {
  const ScratchFolder folder("side_by_side_folder");
  Model<SideBySide, Cpu> model({.seed = 4}), other({.seed = 5});
  save(model, folder.path()).value();
  load(other, folder.path()).value();
  REQUIRE(copied(other.parameters()) == copied(model.parameters()));
}
