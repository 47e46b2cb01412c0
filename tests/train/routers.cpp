#include <algorithm>

#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

const TrainOptions options{
    .steps = 8, .batch = 4, .accumulate = 2, .windows = 8, .log = {}, .routers = {.z_loss = 1e-3, .jitter = 0.05, .seed = 1}};

}  // namespace

TEST_CASE("a resumed run with every router, noise and z-loss equals the uninterrupted one bit for bit") {
  const ScratchFolder folder("resume_routers");
  Model<Routed, Cpu> whole({.seed = 1}), first({.seed = 1}), second({.seed = 99});
  Trainer uninterrupted(whole, options);
  for (const Step& s : uninterrupted.run(text())) REQUIRE(s.routing.exists());
  Trainer broken_off(first, options);
  for (int i = 0; i < 3; ++i) broken_off.step(text()).value();
  broken_off.save(folder.path()).value();
  Trainer resumed(second, options);
  resumed.resume(folder.path()).value();
  for (const Step& s : resumed.run(text())) static_cast<void>(s);
  REQUIRE(copied(second.parameters()) == copied(whole.parameters()));
  REQUIRE(std::ranges::equal(std::as_bytes(second.state()), std::as_bytes(whole.state())));

  TrainOptions calm = options;
  calm.routers.jitter = 0.01;
  Model<Routed, Cpu> third({.seed = 1});
  Trainer other(third, calm);
  const Result<void> refused = other.resume(folder.path());
  REQUIRE(!refused);
  REQUIRE(refused.error().message.find("router jitter 0.05, this one router jitter 0.01") != std::string::npos);
}

TEST_CASE("a step tells the worst load, the dropped share and the entropy of the routers, and the log has them") {
  const ScratchFolder folder("log_routers");
  Model<Routed, Cpu> model({.seed = 1});
  TrainOptions logged = options;
  logged.log = folder.path();
  Trainer trainer(model, logged);
  const Step s = trainer.step(text()).value();
  REQUIRE(s.routing.worst_load >= 1);
  REQUIRE((s.routing.dropped > 0 && s.routing.dropped < 1));
  REQUIRE((s.routing.entropy > 0 && s.routing.entropy <= 1));
  const auto json = lines_of(folder / "log.jsonl"), table = lines_of(folder / "log.csv");
  REQUIRE(json[0].find("\"worst_load\": ") != std::string::npos);
  REQUIRE(json[0].find("\"router_entropy\": ") != std::string::npos);
  REQUIRE(std::ranges::count(table[0], ',') == std::ranges::count(table[1], ','));

  Model<Dense, Cpu> dense({.seed = 1});
  Trainer quiet(dense, {.steps = 1, .batch = 2, .windows = 0});
  REQUIRE(!quiet.step(text()).value().routing.exists());
}

TEST_CASE("options of routers that make no sense are refused") {
  Model<Dense, Cpu> model({.seed = 1});
  REQUIRE_THROWS_AS(Trainer(model, {.log = {}, .routers = {.z_loss = -1, .jitter = 0, .seed = 1}}), Exception);
  REQUIRE_THROWS_AS(Trainer(model, {.log = {}, .routers = {.z_loss = 0, .jitter = 1, .seed = 1}}), Exception);
}

TEST_CASE("what routers remember is in the folder of a model: the table as integers, each one an expert") {
  const ScratchFolder folder("files_routers");
  Model<Routed, Cpu> model({.seed = 1}), other({.seed = 2});
  model.integers("blocks.0.0.moe.table")[7] = 1;
  Trainer(model, options).step(text()).value();
  save(model, folder.path()).value();
  const Safetensors file = read_safetensors(folder / "model.safetensors");
  REQUIRE(file.find("blocks.0.0.moe.table")->dtype == Dtype::I32);
  REQUIRE(file.find("blocks.0.0.moe.router.weight") == nullptr);
  REQUIRE(file.find("blocks.0.1.moe.bias")->dtype == Dtype::F32);
  REQUIRE(file.find("blocks.0.3.moe.threshold") != nullptr);
  REQUIRE(file.find("blocks.0.3.moe.load") == nullptr);
  REQUIRE(file.find("blocks.0.1.moe.shared.down.weight")->shape == std::vector<std::int64_t>{1, 16, 16});
  load(other, folder.path()).value();
  REQUIRE(std::ranges::equal(model.integers("blocks.0.0.moe.table"), other.integers("blocks.0.0.moe.table")));
  std::vector<Token> tokens(16), targets(16, 3);
  for (std::size_t i = 0; i < 16; ++i) tokens[i] = static_cast<Token>(i);
  REQUIRE(model.evaluate(tokens, targets, 1).main == other.evaluate(tokens, targets, 1).main);

  model.integers("blocks.0.0.moe.table")[9] = 4;
  save(model, folder.path()).value();
  const Result<LoadReport> refused = load(other, folder.path());
  REQUIRE(!refused);
  REQUIRE(refused.error().message.find("tensor \"blocks.0.0.moe.table\": element 9 is 4; allowed are 0 to 3") !=
          std::string::npos);
}
