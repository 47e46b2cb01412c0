#include "genoform/train/load_model.hpp"

#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

TEST_CASE("a folder is read as a run-time model: the weights and router state of the type that was saved") {
  const ScratchFolder folder("as_genome");
  Model<Routed, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 3, .batch = 2, .windows = 0});
  for (const Step& s : trainer.run(text())) (void)s;
  save(model, folder.path()).value();
  BasicModel<Cpu> loaded = load_model<Cpu>(folder.path());
  CHECK(loaded.text() == model.text());
  CHECK(copied(loaded.parameters()) == copied(model.parameters()));
  const std::vector<Token> test = text().test().to_vector();
  const std::span part(test);
  CHECK(loaded.evaluate(part.subspan(0, 32), part.subspan(1, 32), 2).main ==
        model.evaluate(part.subspan(0, 32), part.subspan(1, 32), 2).main);

  std::vector<float> parameters(model.parameters().size()), gradients(parameters.size());
  const BasicModel<Cpu> placed =
      load_model<Cpu>(folder.path(), {.storage = {parameters, gradients}, .backend = Cpu({.threads = 2})});
  CHECK(placed.backend().threads() == 2);
  CHECK(parameters == copied(model.parameters()));
}

TEST_CASE("a folder that cannot be a model is refused before memory is taken for it") {
  const ScratchFolder folder("wrong");
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  CHECK(load_model(folder / "none", kinds).error().message == folder / "none: no such model folder");
  Model<Dense, Cpu> model({.seed = 1});
  save(model, folder.path()).value();
  const auto refusal_of = [&](const std::string& text) {
    const std::vector<TensorData> data{tensor_data("x", {1}, model.parameters().first(1))};
    write_safetensors(folder / "model.safetensors", data, {{"model", text}}).value();
    write_config(folder / "config.json", {.model = text}).value();
    return load_model(folder.path(), kinds).error().message;
  };
  CHECK(refusal_of("Ffn<SqReLU>").find("must be a Decoder with Vocab, Width and Context") != std::string::npos);
  CHECK(refusal_of("Decoder<Block<Nonsense>>").find("config.json: key \"model\": 1:") != std::string::npos);
  CHECK(refusal_of("Decoder<Stack<Block<Ffn<SqReLU>>, 1>, Vocab<256>, Width<16>, Context<8>>").find("missing; the model needs") !=
        std::string::npos);
  CHECK(refusal_of("Decoder<Stack<Block<Ffn<SqReLU>>, 60>, Vocab<256>, Width<65536>, Context<8>>")
            .find("model.safetensors: 1 numbers; the model needs") != std::string::npos);
}
