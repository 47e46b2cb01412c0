#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

const TrainOptions options{.steps = 12, .batch = 4, .learning_rate = 3e-3f, .accumulate = 2, .validate_every = 4, .windows = 8};

}  // namespace

TEST_CASE("a resumed run equals the uninterrupted one bit for bit") {
  const ScratchFolder folder("resume");
  require_resumes_to_the_same_bits<Mixed>(options, folder);
}

TEST_CASE("a checkpoint of another model is refused with the difference, and nothing is changed") {
  const ScratchFolder folder("other_model");
  Model<Dense, Cpu> dense({.seed = 1});
  Trainer a(dense, options);
  a.step(text()).value();
  a.save(folder.path()).value();
  using Other = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<32>, Context<16>>;
  Model<Other, Cpu> other({.seed = 1});
  Trainer b(other, options);
  const std::vector<float> before = copied(other.parameters());
  const Result<void> resumed = b.resume(folder.path());
  REQUIRE(!resumed);
  REQUIRE(resumed.error().error_kind == ErrorKind::input);
  INFO(resumed.error().message);
  REQUIRE(resumed.error().message.find("has \"...SqReLU>>, 2>") != std::string::npos);
  REQUIRE(resumed.error().message.find("where \"...ReLU>>, 2>") != std::string::npos);
  REQUIRE(copied(other.parameters()) == before);
  REQUIRE(b.steps_done() == 0);
}

TEST_CASE("a run is resumed only with the same options and the same data") {
  const ScratchFolder folder("options");
  Model<Dense, Cpu> model({.seed = 1});
  Trainer a(model, options);
  a.step(text()).value();
  a.save(folder.path()).value();
  TrainOptions faster = options;
  faster.learning_rate = 1e-3f;
  Trainer b(model, faster);
  REQUIRE(b.resume(folder.path()).error().message.find("learning_rate 0.003, this one learning_rate 0.001") != std::string::npos);
  TrainOptions other_decay = options;
  other_decay.optimizer = AdamW{.weight_decay = 0};
  Trainer c(model, other_decay);
  REQUIRE(c.resume(folder.path()).error().message.find("decay 0.1") != std::string::npos);
  Trainer d(model, options);
  d.resume(folder.path()).value();
  const Corpus other = Corpus::from_text(synthetic_text(40000, 4));
  REQUIRE(d.step(other).error().message.find("resume with the same data") != std::string::npos);
}

TEST_CASE("a finished run meets only the text that it was trained on, and knows how much of it that was") {
  const ScratchFolder folder("finished");
  Model<Dense, Cpu> model({.seed = 1});
  Trainer a(model, options);
  std::int64_t tokens = 0;
  for (const Step& s : a.run(text())) tokens = s.tokens;
  a.save(folder.path()).value();
  Trainer b(model, options);
  b.resume(folder.path()).value();
  REQUIRE(b.tokens_done() == tokens);
  const Corpus other = Corpus::from_text(synthetic_text(40000, 4));
  REQUIRE(b.meet(other).error().message.find("resume with the same data") != std::string::npos);
  b.meet(text()).value();
}

TEST_CASE("a run is resumed only with the same settings of the caller's own") {
  const ScratchFolder folder("own_settings");
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, options);
  trainer.step(text()).value();
  trainer.save(folder.path(), {{"start", "weights/"}}).value();
  REQUIRE(
      trainer.resume(folder.path(), {{"start", ""}}).error().message.find("the run has start weights/, this one start none") !=
      std::string::npos);
  trainer.resume(folder.path(), {{"start", "weights/"}}).value();
}

TEST_CASE("a checkpoint is replaced whole: a damaged or missing one is an error that names the file") {
  const ScratchFolder folder("damaged");
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, options);
  REQUIRE(trainer.resume(folder.path()).error().error_kind == ErrorKind::input);
  trainer.step(text()).value();
  trainer.save(folder.path()).value();
  const std::string path = folder / "checkpoint.safetensors";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  const Result<void> cut = trainer.resume(folder.path());
  REQUIRE(cut.error().message.find(path) == 0);
  trainer.save(folder.path()).value();
  trainer.resume(folder.path()).value();
  save(model, folder.path()).value();
  std::filesystem::copy_file(folder / "model.safetensors", path, std::filesystem::copy_options::overwrite_existing);
  REQUIRE(trainer.resume(folder.path()).error().message.find("not a checkpoint") != std::string::npos);
}

TEST_CASE("a loop of one's own saves checkpoints and goes on to the same bits") {
  const ScratchFolder folder("own_loop");
  const Batches batches(text().train(), 4, 16, 1);
  std::vector<Token> tokens(64), targets(64);
  const auto train = [&](BasicModel<Cpu>& model, Optimizer<Cpu>& optimizer, std::int64_t first, std::int64_t end) {
    for (std::int64_t step = first; step < end; ++step) {
      batches.fill(static_cast<std::uint64_t>(step), tokens, targets);
      model.zero_gradients();
      (void)model.loss_and_gradient(tokens, targets, 4);
      (void)optimizer.gradient_norm();
      optimizer.update(step + 1, 1e-3);
      model.after_step();
    }
  };
  Model<Mixed, Cpu> whole({.seed = 1}), first({.seed = 1}), second({.seed = 2});
  const auto a = AdamW{}.bind(whole), b = AdamW{}.bind(first), c = AdamW{}.bind(second);
  train(whole, *a, 0, 8);
  train(first, *b, 0, 3);
  REQUIRE_FALSE(checkpoint::exists(folder.path()));
  checkpoint::save(folder.path(), first, *b, {{"step", "3"}, {"corpus", "synthetic"}}).value();
  REQUIRE(checkpoint::exists(folder.path()));

  const std::vector<float> before = copied(second.parameters());
  const Result<checkpoint::RunSettings> refused = checkpoint::load(folder.path(), second, *c, {{"corpus", "austen"}});
  REQUIRE(refused.error().message.find("the run has corpus synthetic, this one corpus austen") != std::string::npos);
  const auto other = Adafactor{}.bind(second);
  REQUIRE(checkpoint::load(folder.path(), second, *other).error().message.find("is missing") != std::string::npos);
  REQUIRE(copied(second.parameters()) == before);

  const checkpoint::RunSettings settings = checkpoint::load(folder.path(), second, *c, {{"corpus", "synthetic"}});
  REQUIRE(checkpoint::setting(settings, "step") == "3");
  REQUIRE(checkpoint::setting(settings, "seed").empty());
  train(second, *c, 3, 8);
  REQUIRE(copied(second.parameters()) == copied(whole.parameters()));
  REQUIRE(copied(second.state()) == copied(whole.state()));
}
