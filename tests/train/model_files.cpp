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
