#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "benchmarks/search/method/simulator.hpp"
#include "genoform/backend/cpu.hpp"
#include "genoform/data/synthetic.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/strategy/random_search.hpp"
#include "genoform/train.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace method;

/// A few simulated studies; `search_method` runs thousands (docs/search.md, "How the method was checked").
namespace {

const ResultTable& table() {
  static const ResultTable read = ResultTable::read(GENOFORM_SEARCH_TABLE);
  return read;
}
const Simulator& simulator() {
  static const Simulator made(table());
  return made;
}

std::string problem_of(const std::string& content) {
  const toy::TemporaryFile file("genoform-table");
  std::ofstream(file.path()) << content;
  try {
    (void)ResultTable::read(file.path());
  } catch (const Exception& refused) { return refused.error().message; }
  return "";
}

}  // namespace

TEST_CASE("the table has every genome of the small space, and no other") {
  const std::vector<std::string> genomes = small_space::every_genome(BlockSpace(small_space::options()));
  CHECK(genomes.size() >= 300);
  std::vector<std::string> in_table;
  for (const auto& [text, rows] : table().genomes()) in_table.push_back(text);
  CHECK(in_table == genomes);
  CHECK(table().setup().seeds == 3);
  RandomStream samples(Random(5, stream_of("table")));
  std::string genome = simulator().space().random(samples);
  for (int i = 0; i < 500; ++i) {
    REQUIRE(table().genomes().contains(genome));
    genome = simulator().space().mutate(genome, samples);
  }
}

TEST_CASE("a row gives the losses that were measured, and those between them along the logarithm of the steps") {
  TableRow row{.text = "genome", .points = {{10, 4, 5}, {100, 3, 3}, {1000, 1, 2}}};
  CHECK(row.at(100).validation == 3);
  CHECK(row.at(316).validation == Approx(2).epsilon(1e-3));
  CHECK(row.at(32).test == Approx(4).margin(0.02));
  CHECK(row.at(9).validation == 4);  // a share of the steps that was rounded down
  CHECK_THROWS_AS(row.at(8), Exception);
  CHECK_THROWS_AS(row.at(1001), Exception);
}

TEST_CASE("a damaged table is refused with its file and line") {
  TableSetup setup;
  setup.points = {60, 120};
  setup.seeds = 2;
  TableRow row{.text = "genome", .seed = 1, .step_seconds = 1e-3, .points = {{10, 4, 5}, {100, 3, 3}}};
  const std::string head = "# " + json_of(setup).dump() + "\n" + setup.columns() + "\n", first = row.line() + "\n";
  row.seed = 2;
  const std::string second = row.line() + "\n";
  CHECK(problem_of(head + first + second).empty());
  CHECK(problem_of("").find(":1: not \"# {\"") != std::string::npos);
  CHECK(problem_of("# {}\n").find(":1: ") != std::string::npos);
  CHECK(problem_of(head.substr(0, head.find('\n') + 1) + "text\n").find(":2: not the columns") != std::string::npos);
  CHECK(problem_of(head + first + "genome\t2\n").find(":4: not the numbers of 2 points") != std::string::npos);
  CHECK(problem_of(head + first + first).find(":4: seed 1 of a genome that has 1 seeds above") != std::string::npos);
  CHECK(problem_of(head + first).find("genome has 1 seeds") != std::string::npos);
}

TEST_CASE("the table's evaluator answers with its rows and refuses what it lacks") {
  TableEvaluator evaluator(table());
  const auto& [text, rows] = *table().genomes().begin();
  TrainRequest request;
  request.text = text;
  request.learning_rate = table().setup().learning_rate;
  request.seed = 4;
  request.steps = rows[1].points.back().steps;
  CHECK(evaluator.train(request).loss == rows[4 % 3].points.back().validation);
  request.hurdles = {{.at = 0.25, .max_loss = {}}, {.at = 0.5, .max_loss = 0}};
  const TrainReply stopped = evaluator.train(request);
  CHECK(stopped.at_hurdles.size() == 2);
  CHECK(stopped.at_hurdles.front() == rows[1].points[3].validation);
  CHECK_FALSE(stopped.loss.has_value());
  request.learning_rate *= 2;
  CHECK_THROWS_AS(evaluator.train(request), Exception);
  CHECK_THROWS_AS(evaluator.time({.texts = {"Decoder<>"}}), Exception);
}

TEST_CASE("losses that are measured between steps change nothing in a training, so one training has those of all its budgets") {
  const toy::TemporaryFile file("genoform-table-text");
  std::ofstream(file.path()) << synthetic_text(40000, 3);
  const Corpus corpus = Corpus::from_file(file.path()).value();
  const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  const auto loss_after = [&](int steps, int every) {
    BasicModel<Cpu> model = kinds.build(
        kinds.parse("Decoder<Stack<Block<Attention<Heads<2>, DConv<3>>, Moe<Top1, Experts<4>, GeLU, Hidden<32>>>, 1>, "
                    "Vocab<256>, Width<16>, Context<16>>"),
        {.seed = 2});
    TrainOptions options;
    options.steps = steps;
    options.batch = 4;
    options.schedule = {.kind = Schedule::Kind::reciprocal_square_root, .warm_up = steps};
    options.windows = 32;
    Trainer<Cpu> trainer(model, options);
    for (int done = 1; done <= 20; ++done) {
      trainer.step(corpus).value();
      if (done % every == 0) static_cast<void>(trainer.validate(corpus).value());
    }
    return trainer.validate(corpus).value();
  };
  const double loss = loss_after(20, 100);
  CHECK(loss_after(20, 3) == loss);    // measured often
  CHECK(loss_after(80, 100) == loss);  // a part of a longer training
}

TEST_CASE("evolution finds better genomes than random search in the same trials") {
  const Evolution evolution({.initial = 16, .population = 40, .tournament = 10});
  const RandomSearch random;
  std::vector<double> gains;
  for (std::uint64_t study = 0; study < 50; ++study) {
    const auto rank = [&](const Strategy& strategy) {
      return static_cast<double>(simulator().search({.strategy = &strategy, .trials = 60}, study).named.rank);
    };
    gains.push_back(rank(random) - rank(evolution));
  }
  CHECK(mean_of(gains).low > 0);
}

TEST_CASE("where all genomes of a space are equal a study ends in a tie, in 19 of 20 and more") {
  const Evolution evolution;
  int ties = 0;
  constexpr int studies = 200;
  for (std::uint64_t study = 0; study < studies; ++study)
    if (simulator().claim({.strategy = &evolution, .trials = 24, .has_control = true}, study, true).outcome ==
        Claim::Outcome::tie)
      ++ties;
  CHECK(ties >= studies * 95 / 100);
}

TEST_CASE("the interval of a study's claim covers the truth about as often as it says") {
  const Evolution evolution;
  int covered = 0;
  constexpr int studies = 200;
  for (std::uint64_t study = 0; study < studies; ++study) {
    const Simulator::Claimed c = simulator().claim({.strategy = &evolution, .trials = 24, .has_control = true}, study, false);
    covered += c.low <= c.truth && c.truth <= c.high ? 1 : 0;
  }
  CHECK(covered >= studies * 90 / 100);  // 95 % less three deviations of the count
  CHECK(covered < studies);
}
