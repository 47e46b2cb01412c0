#include "tests/extending/own_optimizer.hpp"

#include <filesystem>
#include <string>
#include <vector>

#include "genoform/backend/cpu.hpp"
#include "genoform/genoform.hpp"
#include "genoform/train.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::extend;
using mine::Momentum;

namespace {

using Net = Decoder<Stack<Block<Attention<Heads<2>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<16>, Context<16>>;

const Corpus& corpus() {
  static const Corpus text = Corpus::from_text(synthetic_text(20000, 3));
  return text;
}

Optimizers<Cpu> optimizers() {
  Optimizers<Cpu> all = builtin_optimizers<Cpu>();
  all.add<Momentum>();
  return all;
}

std::vector<float> parameters_of(BasicModel<Cpu>& model) { return {model.parameters().begin(), model.parameters().end()}; }

std::string refusal(const OptimizerChoice& choice) {
  Model<Net, Cpu> model;
  try {
    static_cast<void>(optimizers().make(choice, model));
  } catch (const Exception& failure) { return failure.what(); }
  return "";
}

}  // namespace

TEST_CASE("an optimizer of one's own is chosen by name and trains") {
  Model<Net, Cpu> model({.seed = 1});
  Trainer trainer(model,
                  {.steps = 30, .batch = 8, .learning_rate = 0.3F, .optimizer = {"momentum", {{"momentum", 0.8}}}, .windows = 0},
                  optimizers());
  std::vector<double> losses;
  for (const Step& step : trainer.run(corpus())) losses.push_back(step.bits_per_byte);
  CHECK(losses.back() < losses.front() - 1);
}

TEST_CASE("a run with an optimizer of one's own that is resumed equals the uninterrupted one bit for bit") {
  const std::string folder = (std::filesystem::temp_directory_path() / "genoform_own_optimizer").string();
  std::filesystem::remove_all(folder);
  const TrainOptions options{.steps = 6, .batch = 4, .learning_rate = 0.1F, .optimizer = Momentum{.momentum = 0.7}, .windows = 0};
  Model<Net, Cpu> whole({.seed = 1});
  Trainer uninterrupted(whole, options, optimizers());
  for (const Step& step : uninterrupted.run(corpus())) static_cast<void>(step);

  Model<Net, Cpu> first({.seed = 1});
  Trainer broken_off(first, options, optimizers());
  for (int i = 0; i < 3; ++i) broken_off.step(corpus()).value();
  broken_off.save(folder).value();
  Model<Net, Cpu> second({.seed = 9});
  Trainer resumed(second, options, optimizers());
  resumed.resume(folder).value();
  for (const Step& step : resumed.run(corpus())) static_cast<void>(step);
  CHECK(parameters_of(second) == parameters_of(whole));

  TrainOptions other = options;
  other.optimizer = Momentum{.momentum = 0.6};
  Model<Net, Cpu> third({.seed = 9});
  Trainer differs(third, other, optimizers());
  CHECK(differs.resume(folder).error().message.find("the run has optimizer momentum 0.7") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("what an optimizer of one's own remembers is counted before it is made") {
  Model<Net, Cpu> model;
  const auto tensors = model.tensors();
  CHECK(optimizers().elements({"momentum"}, tensors) == parameters<Net>);
  std::int64_t declared = 0;
  for (const OptimizerState& state : optimizers().make({"momentum"}, model)->state()) declared += state.tensor.size();
  CHECK(declared == optimizers().elements({"momentum"}, tensors));
}

TEST_CASE("a choice is data, and the settings of an optimizer make it") {
  CHECK(OptimizerChoice() == OptimizerChoice(AdamW{}));
  const OptimizerChoice choice = Adafactor{.beta2 = 0.99, .relative = false, .factor_from = 64};
  CHECK(choice.name == "adafactor");
  CHECK(choice.settings == std::vector<std::pair<std::string, double>>{{"beta2", 0.99}, {"relative", 0}, {"factor-from", 64}});
  const auto back = choice.as<Adafactor>();
  CHECK(back.beta2 == 0.99);
  CHECK_FALSE(back.relative);
  CHECK(back.factor_from == 64);
}

TEST_CASE("a wrong name or setting of an optimizer is refused with what is allowed and the nearest word") {
  CHECK(refusal({"adam"}) == "there is no optimizer \"adam\"; allowed: adamw, adafactor, momentum; did you mean \"adamw\"?");
  CHECK(refusal({"momentum", {{"momentun", 0.5}}}) ==
        "\"momentun\" is not a setting of the optimizer momentum; allowed: momentum; did you mean \"momentum\"?");
  CHECK(refusal({"momentum", {{"momentum", 2}}}) == "momentum of the optimizer momentum is out of range; allowed: 0 to 0.9999");
  Optimizers<Cpu> all = optimizers();
  CHECK_THROWS_AS(all.add<Momentum>(), Exception);
}
