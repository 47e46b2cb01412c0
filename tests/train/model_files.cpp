#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

TEST_CASE("a saved model comes back with the same parameters and router state") {
  const ScratchFolder folder("model");
  Model<Mixed, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 3, .batch = 2, .windows = 0});
  for (const Step& s : trainer.run(text())) (void)s;
  save(model, folder.path()).value();
  Model<Mixed, Cpu> other({.seed = 2});
  load(other, folder.path()).value();
  REQUIRE(copied(other.parameters()) == copied(model.parameters()));
  const std::vector<Token> test = text().test().to_vector();
  const std::span part(test);
  REQUIRE(other.evaluate(part.subspan(0, 32), part.subspan(1, 32), 2).main ==
          model.evaluate(part.subspan(0, 32), part.subspan(1, 32), 2).main);
}

TEST_CASE("a folder of another model is refused") {
  const ScratchFolder folder("wrong_model");
  Model<Mixed, Cpu> model;
  save(model, folder.path()).value();
  Model<Dense, Cpu> other;
  REQUIRE(load(other, folder.path()).error().message.find("another model") != std::string::npos);
}

TEST_CASE("a model that is not finite is not saved") {
  const ScratchFolder folder("not_saved");
  Model<Dense, Cpu> model;
  model.parameters()[3] = std::nanf("");
  REQUIRE(save(model, folder.path()).error().error_kind == ErrorKind::not_finite);
  REQUIRE(!std::filesystem::exists(folder / "model.safetensors"));
}

namespace {

/// Two blocks with a vocabulary of bytes; then with more blocks, another vocabulary, another second sub-layer.
template <class Second, int Blocks, int Tokens>
using Tuned = Decoder<Stack<Block<Attention<Heads<2>>, Second>, Blocks>, Vocab<Tokens>, Width<32>, Context<16>>;
using Pretrained = Tuned<Ffn<SqReLU>, 2, 256>;

}  // namespace

TEST_CASE("a partial load takes what fits, leaves the rest as it was, and says which is which") {
  const ScratchFolder folder("partial");
  Model<Pretrained, Cpu> old({.seed = 1});
  save(old, folder.path()).value();
  Model<Tuned<Ffn<SqReLU>, 3, 40>, Cpu> model({.seed = 2}), fresh({.seed = 2});
  const LoadReport report = load(model, folder.path(), {.partial = true});
  CHECK(report.other_shape == std::vector<std::string>{"embedding.weight"});
  CHECK(report.further.empty());
  for (const TensorInfo& info : model.tensors()) {
    INFO(info.name);
    const bool is_loaded = std::ranges::count(report.loaded, info.name) == 1;
    CHECK(is_loaded != (info.name.starts_with("blocks.2.") || std::ranges::count(report.other_shape, info.name) == 1));
    CHECK(std::ranges::count(report.missing, info.name) == (info.name.starts_with("blocks.2.") ? 1 : 0));
    CHECK(std::ranges::equal(model.parameter(info.name), is_loaded ? old.parameter(info.name) : fresh.parameter(info.name)));
  }
}

TEST_CASE("a partial load names what the file has beyond the model, and one that finds nothing is an error") {
  const ScratchFolder folder("partial_further");
  Model<Pretrained, Cpu> old({.seed = 1});
  save(old, folder.path()).value();
  Model<Tuned<Ffn<GeGlu>, 1, 256>, Cpu> model({.seed = 2});
  const LoadReport report = load(model, folder.path(), {.partial = true});
  CHECK(std::ranges::count(report.further, "blocks.1.1.ffn.up.weight") == 1);
  CHECK(std::ranges::count(report.loaded, "blocks.0.0.attention.q.weight") + std::ranges::count(report.loaded, "norm.weight") >=
        1);
  using Foreign = Decoder<Stack<Block<Ffn<ReLU>>, 1>, Vocab<40>, Width<16>, Context<16>>;
  Model<Foreign, Cpu> foreign({.seed = 3});
  const std::vector<float> before = copied(foreign.parameters());
  CHECK(load(foreign, folder.path(), {.partial = true}).error().message ==
        folder / "model.safetensors: no tensor has the name and shape of one of the model");
  CHECK(copied(foreign.parameters()) == before);
}

TEST_CASE("a whole load reports every tensor") {
  const ScratchFolder folder("whole");
  Model<Pretrained, Cpu> old({.seed = 1}), model({.seed = 2});
  save(old, folder.path()).value();
  const LoadReport report = load(model, folder.path());
  CHECK(report.loaded.size() == model.tensors().size());
  CHECK(report.missing.size() + report.other_shape.size() + report.further.size() == 0);
}

TEST_CASE("a model that is not initialised has zeros, or what its storage held, and routers that can start") {
  Model<Routed, Cpu> model({.seed = 1, .initialize = false}), initialised({.seed = 1});
  CHECK(std::ranges::all_of(model.parameters(), [](float x) { return x == 0; }));
  CHECK(copied(model.state()) == copied(initialised.state()));
  std::vector<float> parameters = copied(initialised.parameters()), gradients(parameters.size());
  const std::vector<float> before = parameters;
  const Model<Routed, Cpu> placed({.storage = {parameters, gradients}, .initialize = false});
  CHECK(parameters == before);
}
