#include "genoform/search/evaluator/training_evaluator.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <memory>

#include "genoform/data/synthetic.hpp"
#include "genoform/registry/kinds.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace genoform;
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
  TrainingEvaluator evaluator() const {
    return TrainingEvaluator(setup, [](const std::string& model, std::uint64_t seed) {
      static const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
      return std::make_unique<BasicModel<Cpu>>(kinds.build(kinds.parse(model), {.seed = seed}));
    });
  }
};

nlohmann::json request(int steps, double learning_rate = 3e-3) {
  return {{"do", "train"}, {"text", small}, {"learning_rate", learning_rate}, {"seed", 1}, {"steps", steps}};
}

}  // namespace

TEST_CASE("a trial is the same bits each time and gets better with steps") {
  const Bench bench;
  const nlohmann::json a = bench.evaluator().answer(request(80)), b = bench.evaluator().answer(request(80));
  CHECK(a == b);
  CHECK(a.at("loss").get<double>() < a.at("at_hurdle").get<double>());
  CHECK(a.at("at_hurdle").get<double>() < 9);
}

TEST_CASE("a trial behind the hurdle ends at a quarter") {
  const Bench bench;
  TrainingEvaluator evaluator = bench.evaluator();
  nlohmann::json r = request(80);
  const double quarter = evaluator.answer(r).at("at_hurdle");
  r["hurdle"] = quarter - 0.01;
  CHECK_FALSE(evaluator.answer(r).contains("loss"));
  r["hurdle"] = quarter + 0.01;
  CHECK(evaluator.answer(r).contains("loss"));
}

TEST_CASE("without steps the worker measures first, and refuses what is too slow") {
  const Bench bench;
  TrainingEvaluator evaluator = bench.evaluator();
  nlohmann::json r = request(0);
  r.erase("steps");
  r["budget"] = 0.05;
  const nlohmann::json answer = evaluator.answer(r);
  CHECK(answer.at("step_seconds").get<double>() > 0);
  CHECK(answer.at("steps").get<std::int64_t>() >= Budget::min_steps);
  CHECK(answer.contains("loss"));
  r["step_limit"] = 1e-9;
  CHECK(evaluator.answer(r).at("refused") == "step time");
}

TEST_CASE("a final run tells both losses and leaves a model folder that loads") {
  const Bench bench;
  TrainingEvaluator evaluator = bench.evaluator();
  const toy::TemporaryFile place("genoform-final-model");
  const std::string folder = place.path() + ".folder";
  nlohmann::json r = request(60);
  r["final"] = true;
  r["folder"] = folder;
  const nlohmann::json answer = evaluator.answer(r);
  CHECK(std::isfinite(answer.at("validation").get<double>()));
  CHECK(std::isfinite(answer.at("test").get<double>()));
  CHECK_FALSE(answer.contains("at_hurdle"));
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  BasicModel<Cpu> model = kinds.build(kinds.parse(small), {.seed = 9});
  load(model, folder).value();
  const Corpus corpus = Corpus::from_file(bench.setup.data);
  Evaluation<Cpu> evaluation(model, 16, 64);
  CHECK(static_cast<double>(evaluation.nats(corpus.test())) / std::numbers::ln2 == Approx(answer.at("test").get<double>()));
  std::filesystem::remove_all(folder);
}

TEST_CASE("step times are positive and come in the order of the texts") {
  const Bench bench;
  TrainingEvaluator evaluator = bench.evaluator();
  const std::string large =
      "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<512>>>, 6>, Vocab<256>, Width<64>, Context<16>>";
  const nlohmann::json answer = evaluator.answer({{"do", "time"}, {"texts", {small, large}}, {"rounds", 3}, {"steps", 2}});
  REQUIRE(answer.at("seconds").size() == 2);
  CHECK(answer["seconds"][0].get<double>() > 0);
  CHECK(answer["seconds"][1].get<double>() > answer["seconds"][0].get<double>());
}

TEST_CASE("a rate that blows up fails with the tensor's name; wrong requests fail with their reason") {
  const Bench bench;
  TrainingEvaluator evaluator = bench.evaluator();
  try {
    evaluator.answer(request(200, 1e30));
    FAIL("trained");
  } catch (const Exception& failure) { CHECK(failure.error_kind() == ErrorKind::not_finite); }
  CHECK_THROWS_AS(evaluator.answer({{"do", "sing"}}), Exception);
  nlohmann::json wrong = request(1);
  wrong["text"] = "Decoder<";
  CHECK_THROWS_AS(evaluator.answer(wrong), Exception);
  TrainingSetup none = bench.setup;
  none.data = "/nowhere";
  CHECK_THROWS_AS(TrainingEvaluator(none, {}), Exception);
  CHECK(TrainingSetup::from_json(bench.setup.to_json()).to_json() == bench.setup.to_json());
}
