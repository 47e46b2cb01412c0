#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>

#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

namespace {

constexpr std::size_t sequences = 4, context = 16, size = sequences * context;

/// Windows of the training text; in every sequence the targets before `first` are masked.
struct Given {
  std::vector<Token> tokens, targets;
};
Given given(std::uint64_t step, std::size_t first = 0) {
  Given batch{std::vector<Token>(size), std::vector<Token>(size)};
  Batches(text().train(), sequences, context, 5).fill(step, batch.tokens, batch.targets);
  for (std::size_t n = 0; n < size; ++n)
    if (n % context < first) batch.targets[n] = -100;
  return batch;
}

/// Mean over the targets that are not masked, in bits, from the logits.
double bits_of(BasicModel<Cpu>& model, const Given& batch) {
  const auto logits = model.logits(batch.tokens, sequences);
  double nats = 0, count = 0;
  for (std::size_t n = 0; n < size; ++n) {
    if (batch.targets[n] < 0) continue;
    double sum = 0;
    for (std::size_t v = 0; v < 256; ++v) sum += std::exp(static_cast<double>(logits[n * 256 + v]));
    nats += std::log(sum) - static_cast<double>(logits[n * 256 + static_cast<std::size_t>(batch.targets[n])]);
    ++count;
  }
  return nats / count / std::numbers::ln2;
}

}  // namespace

TEST_CASE("a step on given tokens and targets is that of an own loop, to the same bits") {
  const TrainOptions options{.steps = 6, .batch = sequences, .windows = 0};
  Model<Mixed, Cpu> trained({.seed = 1}), looped({.seed = 1});
  Trainer trainer(trained, options);
  const auto optimizer = AdamW{}.bind(looped);
  for (int step = 0; step < options.steps; ++step) {
    const Given batch = given(static_cast<std::uint64_t>(step), 5);
    const Step s = trainer.step(batch.tokens, batch.targets);
    looped.zero_gradients();
    looped.set_round(step);
    const Losses losses = looped.loss_and_gradient(batch.tokens, batch.targets, sequences);
    REQUIRE(s.bits_per_byte == losses.main / std::numbers::ln2);
    REQUIRE(s.gradient_norm == optimizer->gradient_norm());
    optimizer->update(step + 1, static_cast<double>(options.learning_rate) * options.schedule.factor(step, options.steps));
    looped.after_step();
  }
  REQUIRE(copied(trained.parameters()) == copied(looped.parameters()));
  REQUIRE(copied(trained.state()) == copied(looped.state()));
}

TEST_CASE("masked targets count neither in the loss nor in its mean") {
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 2, .batch = sequences, .windows = 0});
  const Given batch = given(0, 11);
  const double bits = bits_of(model, batch);
  REQUIRE(trainer.step(batch.tokens, batch.targets)->bits_per_byte == Approx(bits).epsilon(1e-5));
  Given padded = given(1, 8);
  for (std::size_t n = 0; n < size; ++n)
    if (n % context >= 12) padded.tokens[n] = padded.targets[n] = -1;
  const double text_bits = bits_of(model, padded);
  REQUIRE(trainer.step(padded.tokens, padded.targets)->bits_per_byte == Approx(text_bits).epsilon(1e-5));
}

TEST_CASE("accumulated micro-batches equal one large batch also where they have masked targets unlike") {
  Given all = given(0);
  std::fill(all.targets.begin(), all.targets.begin() + 20, -1);  // all of the first sequence, some of the second
  std::fill(all.targets.begin() + 40, all.targets.begin() + 43, -1);
  Model<Dense, Cpu> parts({.seed = 3}), whole({.seed = 3});
  Trainer a(parts, {.steps = 1, .batch = 1, .accumulate = 4, .windows = 0}), b(whole, {.steps = 1, .batch = 4, .windows = 0});
  const Step from_parts = a.step(all.tokens, all.targets), from_whole = b.step(all.tokens, all.targets);
  REQUIRE(from_parts.bits_per_byte == Approx(from_whole.bits_per_byte).epsilon(1e-5));
  REQUIRE(from_parts.gradient_norm == Approx(from_whole.gradient_norm).epsilon(1e-4));
}

TEST_CASE("a source that gives the windows of a corpus trains as the corpus does, to the same bits, and resumes") {
  const TrainOptions options{.steps = 8, .batch = 2, .accumulate = 3, .validate_every = 4, .windows = 8};
  const Batches windows(text().train(), 2, context, options.seed);
  const BatchSource source{
      .fill = [&](std::int64_t index, std::span<Token> tokens,
                  std::span<Token> targets) { windows.fill(static_cast<std::uint64_t>(index), tokens, targets); },
      .name = "windows",
      .validation = &text()};
  Model<Mixed, Cpu> by_corpus({.seed = 1}), by_source({.seed = 1}), later({.seed = 9});
  Trainer a(by_corpus, options), b(by_source, options), c(later, options);
  std::vector<Step> steps;
  for (const Step& s : a.run(text())) steps.push_back(s);
  for (const Step& s : b.run(source)) {
    const Step& same = steps[static_cast<std::size_t>(s.index - 1)];
    REQUIRE(s.bits_per_byte == same.bits_per_byte);
    REQUIRE(s.was_validated() == (s.index % 4 == 0));
    if (s.was_validated()) REQUIRE(s.validation == same.validation);
    const ScratchFolder folder("source");
    if (s.index != 5) continue;
    b.save(folder.path()).value();
    c.resume(folder.path()).value();
    REQUIRE(c.step(text()).error().message.find("resume with the same data") != std::string::npos);
  }
  for (const Step& s : c.run(source)) REQUIRE(s.bits_per_byte == steps[static_cast<std::size_t>(s.index - 1)].bits_per_byte);
  REQUIRE(copied(by_source.parameters()) == copied(by_corpus.parameters()));
  REQUIRE(copied(later.parameters()) == copied(by_corpus.parameters()));
}

TEST_CASE("batches that make no sense are refused with the position, and nothing is changed") {
  Model<Dense, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 2, .batch = sequences, .windows = 0});
  const std::vector<float> before = copied(model.parameters());
  const auto refusal = [&](const Given& batch) { return trainer.step(batch.tokens, batch.targets).error().message; };
  Given wrong = given(0);
  wrong.tokens[7] = 256;
  CHECK(refusal(wrong) == "token 7 of the step is 256; allowed are 0 to 255, and -1 for padding");
  wrong = given(0);
  wrong.targets[9] = 300;
  CHECK(refusal(wrong) == "target 9 of the step is 300; allowed are 0 to 255, and below 0 where nothing is to be learnt");
  wrong = given(0);
  wrong.tokens[3] = -1;
  wrong.targets[3] = 65;
  CHECK(refusal(wrong) == "target 3 of the step is 65; that of padding must be below 0");
  CHECK(refusal(given(0, context)) == "all targets of the step are masked");
  wrong.tokens.pop_back();
  CHECK(refusal(wrong) == "63 tokens and 64 targets; a step takes 64: 1 micro-batches of 4 sequences of 16");
  CHECK(trainer.step(BatchSource{}).error().error_kind == ErrorKind::usage);
  CHECK(copied(model.parameters()) == before);
  CHECK(trainer.steps_done() == 0);
}

TEST_CASE("a model of another vocabulary trains on tokens of the caller's own") {
  using Words = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 1>, Vocab<300>, Width<32>, Context<16>>;
  std::vector<Token> tokens(4000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i % 300);
  const Corpus corpus = Corpus::from_tokens(tokens, 300, 4);
  Model<Words, Cpu> model({.seed = 1});
  Trainer trainer(model, {.steps = 40, .batch = 8, .windows = 16});
  std::vector<Step> steps;
  for (const Step& s : trainer.run(corpus)) steps.push_back(s);
  CHECK(steps.front().bits_per_byte == Approx(std::log2(300) / 4).epsilon(0.2));
  CHECK(steps.back().validation < 0.7 * steps.front().bits_per_byte);
  const Corpus unmeasured = Corpus::from_tokens({.train = tokens, .validation = {}, .test = {}}, 300);
  Trainer other(model, {.steps = 1, .batch = 8});
  CHECK(other.step(unmeasured).error().message == "the corpus has no validation part; give one, or train with .windows = 0");
  Trainer without(model, {.steps = 1, .batch = 8, .windows = 0});
  CHECK(without.step(unmeasured));
}
