#include <algorithm>
#include <cmath>
#include <memory>
#include <string_view>

#include "nets.hpp"
#include "tests/catch.hpp"

using namespace training;

static_assert(matches("blocks.0.1.ffn.up.weight", "blocks.0.*") && !matches("blocks.10.1.ffn.up.weight", "blocks.0.*"));
static_assert(matches("embedding.weight", "embedding.weight") && !matches("embedding.weight", "embedding"));
static_assert(matches("blocks.0.1.moe.router.weight", "*.router.*") && matches("a", "*") && matches("", "*") && matches("", ""));
static_assert(matches("aab", "*ab") && matches("abcbd", "a*b*d") && !matches("abc", "a*b") && !matches("", "a") &&
              !matches("a", ""));

namespace {

bool is_frozen(std::string_view name) { return name == "embedding.weight" || name.starts_with("blocks.0."); }

const TrainOptions options{.steps = 6, .batch = 2, .learning_rate = 1e-2f, .windows = 0, .frozen = {"embedding.*", "blocks.0.*"}};

/// Every frozen tensor is as it was, every other one has moved.
void require_moved(BasicModel<Cpu>& model, const std::vector<float>& before) {
  for (const TensorInfo& info : model.tensors()) {
    if (info.tensor.memory != Memory::weights) continue;
    INFO(info.name);
    const auto now = model.values(info);
    const bool same = std::equal(now.begin(), now.end(), before.begin() + static_cast<std::ptrdiff_t>(info.tensor.offset));
    REQUIRE(same == is_frozen(info.name));
    REQUIRE(info.frozen == is_frozen(info.name));
  }
}

}  // namespace

TEST_CASE("frozen tensors neither move nor decay, and all others move") {
  Model<Mixed, Cpu> model({.seed = 1});
  const std::vector<float> before = copied(model.parameters());
  Trainer trainer(model, options);
  for (const Step& s : trainer.run(text())) REQUIRE(std::isfinite(s.gradient_norm));
  require_moved(model, before);
}

TEST_CASE("Adafactor leaves frozen tensors alone too, factored or not, with decay") {
  for (const std::int64_t factor_from : {1, 128}) {
    Model<Mixed, Cpu> model({.seed = 1});
    TrainOptions with_adafactor = options;
    with_adafactor.optimizer = Adafactor{.weight_decay = 0.1, .factor_from = factor_from};
    const std::vector<float> before = copied(model.parameters());
    Trainer trainer(model, with_adafactor);
    for (const Step& s : trainer.run(text())) (void)s;
    require_moved(model, before);
  }
}

TEST_CASE("frozen tensors do not count in the norm of the gradients, and the others step as with that norm") {
  Model<Dense, Cpu> model({.seed = 1}), free({.seed = 1});
  model.freeze({"embedding.*", "blocks.0.*"}).value();
  Batches batches(text().train(), 2, 16, 1);
  std::vector<Token> tokens(32), targets(32);
  batches.fill(0, tokens, targets);
  double squares = 0, all_squares = 0;
  (void)free.loss_and_gradient(tokens, targets, 2);
  for (const TensorInfo& info : free.tensors())
    for (const float g : free.gradient(info.name)) {
      all_squares += double{g} * double{g};
      if (!is_frozen(info.name)) squares += double{g} * double{g};
    }
  (void)model.loss_and_gradient(tokens, targets, 2);
  const auto optimizer = AdamW{}.bind(model);
  REQUIRE(optimizer->gradient_norm() == Approx(std::sqrt(squares)).epsilon(1e-5));
  REQUIRE(squares < 0.9 * all_squares);
  // The first step of AdamW without decay is the sign of the gradient times the learning rate: for the unfrozen alone.
  const std::vector<float> before = copied(model.parameters());
  const float g = model.gradient("norm.weight")[0];
  optimizer->update(1, 0.01);
  require_moved(model, before);
  REQUIRE(std::ranges::all_of(model.gradients(), [](float x) { return x == 0; }));  // those of frozen tensors too
  const TensorInfo& last = model.tensors().back();
  REQUIRE(last.name == "norm.weight");
  REQUIRE(model.parameter("norm.weight")[0] == Approx(1 - std::copysign(0.01, g)).epsilon(1e-3));
}

TEST_CASE("a run without freezing is the run that it was, and thawing brings it back") {
  Model<Dense, Cpu> plain({.seed = 1}), thawed({.seed = 1});
  thawed.freeze({"*"}).value();
  thawed.freeze({}).value();
  const TrainOptions short_run{.steps = 3, .batch = 2, .windows = 0};
  Trainer a(plain, short_run), b(thawed, short_run);
  for (const Step& s : a.run(text())) (void)s;
  for (const Step& s : b.run(text())) (void)s;
  REQUIRE(copied(plain.parameters()) == copied(thawed.parameters()));
}

TEST_CASE("a pattern that matches nothing is refused, names a tensor, and changes nothing") {
  Model<Dense, Cpu> model;
  model.freeze({"norm.*"}).value();
  const Result<void> refused = model.freeze({"embedding.*", "block.0.*"});
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().error_kind == ErrorKind::usage);
  REQUIRE(
      refused.error().message ==
      "\"block.0.*\" matches no trained tensor of the model; a pattern is a name such as \"embedding.weight\", with * for any "
      "characters");
  REQUIRE(model.frozen() == "norm.*");
  REQUIRE_THROWS_WITH(Trainer(model, {.frozen = {"embeding.*"}}), Catch::Contains("\"embeding.*\" matches no trained tensor"));
  Model<Mixed, Cpu> mixed;
  REQUIRE_FALSE(mixed.freeze({"*.threshold"}));  // state of a router, not trained
}

TEST_CASE("an optimizer of the caller's own is frozen by the model, not by the trainer") {
  struct Descent final : Optimizer<Cpu> {
    explicit Descent(BasicModel<Cpu>& m) : Optimizer<Cpu>(m) {}
    void update(std::int64_t, double learning_rate) override {
      for (std::size_t i = 0; i < model().parameters().size(); ++i)
        model().parameters()[i] -= static_cast<float>(learning_rate) * model().gradients()[i];
    }
    std::string description() const override { return "descent"; }
  };
  Model<Dense, Cpu> model({.seed = 1});
  REQUIRE_THROWS_WITH(Trainer(model, options, std::make_unique<Descent>(model)), Catch::Contains("call model.freeze() before"));
  model.freeze(options.frozen).value();
  TrainOptions without = options;
  without.frozen = {};
  const std::vector<float> before = copied(model.parameters());
  Trainer trainer(model, without, std::make_unique<Descent>(model));
  for (const Step& s : trainer.run(text())) (void)s;
  require_moved(model, before);
}

TEST_CASE("a run with frozen tensors is resumed to the same bits, and only with the same ones frozen") {
  const ScratchFolder folder("frozen");
  Model<Mixed, Cpu> whole({.seed = 1}), first({.seed = 1}), second({.seed = 9}), third({.seed = 1});
  Trainer uninterrupted(whole, options), broken_off(first, options);
  for (const Step& s : uninterrupted.run(text())) (void)s;
  for (int i = 0; i < 3; ++i) broken_off.step(text()).value();
  broken_off.save(folder.path()).value();
  Trainer resumed(second, options);
  resumed.resume(folder.path()).value();
  for (const Step& s : resumed.run(text())) (void)s;
  REQUIRE(copied(second.parameters()) == copied(whole.parameters()));

  TrainOptions nothing = options;
  nothing.frozen = {};
  Trainer other(third, nothing);
  REQUIRE(other.resume(folder.path()).error().message.find("the run has frozen embedding.* blocks.0.*, this one frozen none") !=
          std::string::npos);
}
