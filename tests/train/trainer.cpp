#include <cmath>
#include <limits>
#include <memory>
#include <numbers>

#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

TEST_CASE("a small model learns a text: the causal loss falls well below that of guessing") {
  Model<Mixed, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 120, .batch = 8, .learning_rate = 3e-3f, .validate_every = 60, .windows = 32});
  std::vector<double> validation;
  int index = 0;
  for (const Step& s : trainer.run(text())) {
    REQUIRE(s.index == ++index);
    REQUIRE(s.tokens == s.index * 8 * 16);
    REQUIRE(s.was_validated() == (s.index % 60 == 0));
    if (s.was_validated()) validation.push_back(s.validation);
  }
  REQUIRE(index == 120);
  REQUIRE(validation.size() == 2);
  REQUIRE(validation[1] < validation[0]);
  REQUIRE(validation[1] < 4.2);
}

TEST_CASE("the validation loss is the mean over windows spread evenly, in bits per byte") {
  Model<Dense, Cpu> model({.seed = 2});
  Trainer trainer(model, {.steps = 1, .batch = 2, .windows = 70});
  const std::vector<Token> validation = text().validation().to_vector();
  const std::span part(validation);
  const std::vector<std::size_t> starts = evaluation_windows(part, 70, 16);
  double nats = 0;
  for (const std::size_t start : starts)
    nats += model.evaluate(part.subspan(start, 16), part.subspan(start + 1, 16), 1).main / 70;
  REQUIRE(trainer.validate(text()).value() == Approx(nats / std::numbers::ln2).epsilon(1e-5));
}

TEST_CASE("an evaluation without windows or beyond the context of the model is refused") {
  Model<Dense, Cpu> model;
  REQUIRE_THROWS_WITH(Evaluation<Cpu>(model, 16, 0), Catch::Contains("0 windows of 16 positions"));
  REQUIRE_THROWS_WITH(Evaluation<Cpu>(model, 17, 8), Catch::Contains("8 windows of 17 positions"));
}

TEST_CASE("accumulated micro-batches give the gradient of one large batch") {
  Model<Dense, Cpu> parts({.seed = 3}), whole({.seed = 3});
  Trainer a(parts, {.steps = 1, .batch = 2, .accumulate = 4, .windows = 0}), b(whole, {.steps = 1, .batch = 8, .windows = 0});
  const Step from_parts = a.step(text()), from_whole = b.step(text());
  REQUIRE(from_parts.bits_per_byte == Approx(from_whole.bits_per_byte).epsilon(1e-5));
  REQUIRE(from_parts.gradient_norm == Approx(from_whole.gradient_norm).epsilon(1e-4));
  REQUIRE(from_parts.tokens == from_whole.tokens);
}

TEST_CASE("what a late validation would refuse is refused before the first step, with file and byte") {
  using Ascii = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 1>, Vocab<128>, Width<32>, Context<16>>;
  const ScratchFolder folder("late");
  const auto write = [&](const char* name, const std::string& tail) {
    std::ofstream(folder / name, std::ios::binary) << synthetic_text(500, 3) << tail;
  };
  const auto first_step = [&] {
    const Corpus corpus = Corpus::from_file(folder.path());
    Model<Ascii, Cpu> model;
    Trainer trainer(model, {.steps = 2, .batch = 2, .windows = 4});
    return trainer.step(corpus);
  };
  for (const char* const name : {"train.txt", "val.txt", "test.txt"}) write(name, "");
  REQUIRE(first_step());
  for (const char* const name : {"train.txt", "val.txt", "test.txt"}) {
    write(name, "a\xC3");
    const Result<Step> step = first_step();
    REQUIRE(!step);
    REQUIRE(step.error().message == folder / name + ": byte 501 is 195; the model has Vocab<128>, which allows 0 to 127");
    write(name, "");
  }
}

TEST_CASE("a source of batches has its validation text checked before the first step") {
  Model<Dense, Cpu> model;
  Trainer trainer(model, {.steps = 3, .batch = 2, .windows = 4});
  const std::vector<Token> few(40, 1), wrong(40, 300);
  const auto fill = [](std::int64_t, std::span<Token> tokens, std::span<Token> targets) {
    std::ranges::fill(tokens, 1);
    std::ranges::fill(targets, 1);
  };
  const Corpus none = Corpus::from_tokens({.train = few, .validation = {}, .test = {}}, 256);
  REQUIRE(trainer.step(BatchSource{.fill = fill, .validation = &none}).error().message.find("no validation part") !=
          std::string::npos);
  const Corpus large = Corpus::from_tokens({.train = few, .validation = wrong, .test = {}}, 1000);
  REQUIRE(trainer.step(BatchSource{.fill = fill, .validation = &large}).error().message ==
          "the text: token 40 is 300; the model has Vocab<256>, which allows 0 to 255");
  REQUIRE(trainer.steps_done() == 0);
}

TEST_CASE("more windows than any mean needs are refused when the trainer is made") {
  Model<Dense, Cpu> model;
  REQUIRE_THROWS_WITH(Trainer(model, {.windows = 2147483647}), Catch::Contains("allowed are 0 to 1048576"));
  REQUIRE_THROWS_WITH(Evaluation<Cpu>(model, 16, 2147483647), Catch::Contains("1 to 1048576 windows"));
}

TEST_CASE("a causal loss that is not finite is an error, not a figure") {
  Model<Dense, Cpu> model;
  for (float& w : model.parameter("embedding.weight")) w *= 1e15f;
  for (float& w : model.parameter("norm.weight")) w *= 1e30f;
  Trainer trainer(model, {.steps = 1, .batch = 2, .windows = 4});
  const Result<double> measured = trainer.validate(text());
  REQUIRE(!measured);
  REQUIRE(measured.error().error_kind == ErrorKind::not_finite);
  REQUIRE(measured.error().message.find("the causal loss is not finite in windows 0 to 3") == 0);
}

TEST_CASE("a parameter that is not finite stops the run with its name, and nothing is changed") {
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 4, .batch = 2, .windows = 0});
  trainer.step(text()).value();
  model.parameter("blocks.1.1.ffn.up.weight")[7] = std::numeric_limits<float>::infinity();
  const std::vector<float> before = copied(model.parameters());
  const Result<Step> step = trainer.step(text());
  REQUIRE(!step);
  REQUIRE(step.error().error_kind == ErrorKind::not_finite);
  REQUIRE(step.error().message.find("step 2: not finite: parameter blocks.1.1.ffn.up.weight (1 of 4096 numbers)") == 0);
  REQUIRE(copied(model.parameters()) == before);
  REQUIRE(trainer.steps_done() == 1);
  const ScratchFolder folder("not_finite");
  REQUIRE(trainer.save(folder.path()).error().error_kind == ErrorKind::not_finite);
  REQUIRE(!std::filesystem::exists(folder / "checkpoint.safetensors"));
}

TEST_CASE("activations that overflow stop the run with the name of a tensor") {
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 4, .batch = 2, .windows = 0});
  for (float& w : model.parameter("blocks.0.1.ffn.up.weight")) w = 1e25f;
  const Result<Step> step = trainer.step(text());
  REQUIRE(!step);
  REQUIRE(step.error().error_kind == ErrorKind::not_finite);
  REQUIRE(step.error().message.find(".weight") != std::string::npos);
  REQUIRE_THROWS_AS(
      [&] {
        for (const Step& s : trainer.run(text())) (void)s;
      }(),
      Exception);
}

TEST_CASE("options that make no sense are refused when the trainer is made") {
  Model<Dense, Cpu> model;
  REQUIRE_THROWS_WITH(Trainer(model, {.steps = 0}), Catch::Contains("at least 1"));
  REQUIRE_THROWS_WITH(Trainer(model, {.learning_rate = 0}), Catch::Contains("learning rate"));
  REQUIRE_THROWS_WITH(Trainer(model, {.context = 17}), Catch::Contains("Context<16>"));
  REQUIRE_THROWS_WITH(Trainer(model, {.batch = 2000000000}), Catch::Contains("are available"));
}

TEST_CASE("a text that is too short or has other tokens is refused before the first step") {
  Model<Dense, Cpu> model;
  Trainer trainer(model, {.steps = 2, .batch = 2});
  const Corpus tiny = Corpus::from_text(synthetic_text(60, 1));
  REQUIRE(trainer.step(tiny).error().error_kind == ErrorKind::input);
  using Narrow = Decoder<Stack<Block<Ffn<SqReLU>>, 1>, Vocab<64>, Width<16>, Context<8>>;
  Model<Narrow, Cpu> narrow;
  Trainer other(narrow, {.steps = 2, .batch = 2});
  REQUIRE(other.step(text()).error().message.find("Vocab<64>") != std::string::npos);
}

TEST_CASE("an optimizer of the caller's own can be put in") {
  struct Descent final : Optimizer<Cpu> {
    explicit Descent(BasicModel<Cpu>& m) : Optimizer<Cpu>(m) {}
    void update(std::int64_t, double learning_rate) override {
      for (std::size_t i = 0; i < model().parameters().size(); ++i)
        model().parameters()[i] -= static_cast<float>(learning_rate) * model().gradients()[i];
    }
    std::string description() const override { return "descent"; }
  };
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 20, .batch = 4, .learning_rate = 0.3f, .windows = 0}, std::make_unique<Descent>(model));
  const double first = trainer.step(text()).value().bits_per_byte;
  double last = first;
  for (const Step& s : trainer.run(text())) last = s.bits_per_byte;
  REQUIRE(last < first);
}
