#include "genoform/search/evaluator/training_evaluator.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>

#include "genoform/data/synthetic.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

constexpr const char* small =
    "Decoder<Stack<Block<Attention<Heads<2>>, Moe<ExpertChoice, Experts<4>, Hidden<32>>>, 1>, Vocab<256>, Width<16>, "
    "Context<16>>";

/// A text file and an evaluator that trains on it.
struct Bench {
  toy::TemporaryFile text{"genoform-text"};
  TrainingSetup setup{.data = text.path(), .batch = 4, .context = 16, .windows = 32, .final_windows = 64};

  Bench() { std::ofstream(text.path()) << synthetic_text(40000, 3); }
  TrainingEvaluator<Cpu> evaluator() const {
    return TrainingEvaluator<Cpu>(setup, [](const std::string& model, std::uint64_t seed) {
      static const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
      return std::make_unique<BasicModel<Cpu>>(kinds.build(kinds.parse(model), {.seed = seed}));
    });
  }
};

TrainRequest request(int steps, double learning_rate = 3e-3) {
  TrainRequest r;
  r.text = small;
  r.learning_rate = learning_rate;
  r.seed = 1;
  r.steps = steps;
  return r;
}

}  // namespace

TEST_CASE("a trial is the same bits each time and gets better with steps") {
  const Bench bench;
  TrainRequest r = request(80);
  r.hurdles = {{.at = 0.25, .max_loss = {}}};
  const TrainReply a = bench.evaluator().train(r), b = bench.evaluator().train(r);
  CHECK(json_of(a) == json_of(b));
  REQUIRE(a.at_hurdles.size() == 1);
  CHECK(*a.loss < a.at_hurdles[0]);
  CHECK(a.at_hurdles[0] < 9);
}

TEST_CASE("a trial behind a hurdle ends there") {
  const Bench bench;
  TrainingEvaluator<Cpu> evaluator = bench.evaluator();
  TrainRequest r = request(80);
  r.hurdles = {{.at = 0.1, .max_loss = {}}, {.at = 0.25, .max_loss = {}}, {.at = 0.5, .max_loss = {}}};
  const TrainReply whole = evaluator.train(r);
  REQUIRE(whole.at_hurdles.size() == 3);
  CHECK(whole.at_hurdles[0] > whole.at_hurdles[1]);
  CHECK(whole.at_hurdles[1] > whole.at_hurdles[2]);
  const double quarter = whole.at_hurdles[1];
  r.hurdles[1].max_loss = quarter - 0.01;
  const TrainReply stopped = evaluator.train(r);
  CHECK_FALSE(stopped.loss.has_value());
  CHECK(stopped.at_hurdles == std::vector<double>{whole.at_hurdles[0], quarter});
  r.hurdles[1].max_loss = quarter + 0.01;
  CHECK(evaluator.train(r).loss == whole.loss);
}

TEST_CASE("hurdles at one step of a short trial are all measured there") {
  const Bench bench;
  TrainRequest r = request(8);
  for (const double at : {1.0 / 31, 3.0 / 31, 7.0 / 31, 15.0 / 31}) r.hurdles.push_back({.at = at, .max_loss = {}});
  const TrainReply reply = bench.evaluator().train(r);
  REQUIRE(reply.at_hurdles.size() == 4);
  CHECK(reply.at_hurdles[0] == reply.at_hurdles[2]);  // after the first step
  CHECK(reply.at_hurdles[3] < reply.at_hurdles[2]);
  CHECK(reply.loss.has_value());
}

TEST_CASE("without steps the worker measures first, and refuses what is too slow") {
  const Bench bench;
  TrainingEvaluator<Cpu> evaluator = bench.evaluator();
  TrainRequest r = request(0);
  r.budget = 0.05;
  const TrainReply reply = evaluator.train(r);
  CHECK(*reply.step_seconds > 0);
  CHECK(reply.steps >= Budget::min_steps);
  CHECK(reply.loss.has_value());
  r.max_step_seconds = 1e-9;
  CHECK(evaluator.train(r).refusal == "step time");
}

TEST_CASE("a trial is scored on the second half of each window, or on all of it") {
  Bench bench;
  const double half = *bench.evaluator().train(request(30)).loss;
  bench.setup.second_half = false;
  const double whole = *bench.evaluator().train(request(30)).loss;
  CHECK(half != whole);
  bench.setup.context = 1;  // the second half of one position is that position
  const TrainReply one = bench.evaluator().train(request(30));
  bench.setup.second_half = true;
  CHECK(bench.evaluator().train(request(30)).loss == one.loss);
  CHECK_FALSE(bench.evaluator()
                  .train_final({.text = small, .learning_rate = 3e-3, .batch = 0, .seed = 1, .steps = 2, .folder = ""})
                  .test_whole);
}

TEST_CASE("a request says how many sequences a training step has, else the setup does") {
  Bench bench;
  TrainRequest r = request(20);
  r.batch = 8;
  const double eight = *bench.evaluator().train(r).loss;
  CHECK(eight != *bench.evaluator().train(request(20)).loss);
  bench.setup.batch = 8;
  CHECK(*bench.evaluator().train(request(20)).loss == eight);
}

TEST_CASE("a final run tells both losses and leaves a model folder that loads") {
  const Bench bench;
  TrainingEvaluator<Cpu> evaluator = bench.evaluator();
  const toy::TemporaryFile file("genoform-final-model");
  const std::string folder = file.path() + ".folder";
  const FinalReply reply =
      evaluator.train_final({.text = small, .learning_rate = 3e-3, .batch = 0, .seed = 1, .steps = 60, .folder = folder});
  CHECK(reply.problem().empty());
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  BasicModel<Cpu> model = kinds.build(kinds.parse(small), {.seed = 9});
  load(model, folder).value();
  const Corpus corpus = Corpus::from_file(bench.setup.data);
  Evaluation<Cpu> evaluation(model, 16, 64);
  CHECK(static_cast<double>(evaluation.nats(corpus.test(), 8)) / std::numbers::ln2 == Approx(reply.test));
  CHECK(static_cast<double>(evaluation.nats(corpus.test())) / std::numbers::ln2 == Approx(reply.test_whole.value()));
  CHECK(*reply.test_whole != Approx(reply.test));
  CHECK(static_cast<double>(evaluation.nats(corpus.validation(), 8)) / std::numbers::ln2 == Approx(reply.validation));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a final run tells as many points of its loss curve as it is asked for, and learns the same with and without") {
  const Bench bench;
  TrainingEvaluator<Cpu> evaluator = bench.evaluator();
  FinalRequest request{.text = small, .learning_rate = 3e-3, .seed = 1, .steps = 32, .folder = ""};
  const FinalReply without = evaluator.train_final(request);
  CHECK(without.curve.empty());
  request.points = 5;
  const FinalReply with = evaluator.train_final(request);
  CHECK(with.test == without.test);
  REQUIRE(with.curve.size() == 5);
  CHECK(with.curve.front().step == 2);
  CHECK(with.curve.back().step == 32);
  TrainRequest trial;
  trial.text = small;
  trial.learning_rate = 3e-3;
  trial.seed = 1;
  trial.steps = 32;
  const TrainReply reply = evaluator.train(trial);
  CHECK(with.curve.back().loss == Approx(*reply.loss));
  CHECK(with.curve[3].loss > with.curve[4].loss);
}

TEST_CASE("step times are positive and come in the order of the texts") {
  const Bench bench;
  TrainingEvaluator<Cpu> evaluator = bench.evaluator();
  const std::string large =
      "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<512>>>, 6>, Vocab<256>, Width<64>, Context<16>>";
  const TimeReply reply = evaluator.time({.texts = {small, large, large}, .batches = {0, 0, 16}, .rounds = 3, .steps = 2});
  REQUIRE(reply.seconds.size() == 3);
  CHECK(reply.seconds[0] > 0);
  CHECK(reply.seconds[1] > reply.seconds[0]);
  CHECK(reply.seconds[2] > 1.5 * reply.seconds[1]);
  CHECK_THROWS_AS(evaluator.time({.texts = {small}, .batches = {}, .rounds = 1, .steps = 1}), Exception);
}

TEST_CASE("the operations of a step do the work that the sizes of the model foretell") {
  const Bench bench;
  const ModelSizes sizes(4, 16);
  const std::string models[] = {
      small,
      "Decoder<Stack<Block<Attention<Heads<4>, KvHeads<2>, DConv<3>, RelBias<8, 16>>, Ffn<GeGlu, Bias>>, 2>, Vocab<256>, "
      "Width<24>, Context<16>>",
      "Decoder<Stack<Block<Attention<Heads<2>, Window<8>>, Parallel<Attention<Heads<1>, DConv<5>>, Ffn<Swish>>, Moe<Top2, "
      "Experts<4>>, Ffn<SqReLU>>, 2>, Vocab<256>, Width<32>, Context<16>>"};
  for (const std::string& model : models) {
    INFO(model);
    const TimeReply reply =
        bench.evaluator().time({.texts = {model}, .batches = {0}, .rounds = 2, .steps = 1, .by_operation = true});
    REQUIRE(reply.operations.size() == 1);
    CostFeatures timed;
    double seconds = 0;
    for (const OperationTime& operation : reply.operations.front()) {
      seconds += operation.seconds;
      for (const WorkAmount& work : operation.work) timed[work.name] += work.amount;
    }
    CHECK(seconds > 0);
    CHECK(seconds <= 1.001 * reply.seconds.front());
    for (const auto& [name, amount] : sizes.items(model)) {
      INFO(name);
      const bool is_of_operation = name.find(' ') != std::string::npos && !name.starts_with("clear ");
      if (is_of_operation) CHECK(timed[name] == Approx(amount));
    }
  }
  CHECK(bench.evaluator().time({.texts = {small}, .batches = {0}}).operations.empty());
}

TEST_CASE("the optimizer of the setup trains the genomes") {
  Bench bench;
  const double adamw = *bench.evaluator().train(request(20)).loss;
  bench.setup.optimizer.choice = Adafactor{.beta2 = 0.99};
  const double adafactor = *bench.evaluator().train(request(20)).loss;
  CHECK(adafactor != adamw);
  const auto back = from_json<TrainingSetup>(json_of(bench.setup), "training setup");
  CHECK(json_of(back) == json_of(bench.setup));
  TrainingSetup latin1 = bench.setup;  // a path is bytes, and JSON is UTF-8
  latin1.data = "/data/d\xE9j\xE0";
  const auto through_text = nlohmann::json::parse(json_of(latin1).dump());
  CHECK(from_json<TrainingSetup>(through_text, "training setup").data == latin1.data);
  CHECK(back.optimizer.choice == OptimizerChoice(Adafactor{.beta2 = 0.99}));
  nlohmann::json wrong = json_of(bench.setup);
  wrong["optimizer"]["beta2"] = "much";
  CHECK_THROWS_AS(from_json<TrainingSetup>(wrong, "training setup"), Exception);
  bench.setup.optimizer.choice = OptimizerChoice("sgd");
  CHECK_THROWS_AS(bench.evaluator().train(request(1)), Exception);
}

TEST_CASE("a learning rate that blows up fails with the tensor's name; wrong texts and data fail with their reason") {
  const Bench bench;
  TrainingEvaluator<Cpu> evaluator = bench.evaluator();
  try {
    evaluator.train(request(200, 1e30));
    FAIL("trained");
  } catch (const Exception& failure) { CHECK(failure.error_kind() == ErrorKind::not_finite); }
  TrainRequest wrong = request(1);
  wrong.text = "Decoder<";
  CHECK_THROWS_AS(evaluator.train(wrong), Exception);
  TrainingSetup none = bench.setup;
  none.data = "/nowhere";
  CHECK_THROWS_AS(TrainingEvaluator<Cpu>(none, {}), Exception);
}
