#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/space/presets.hpp"
#include "tests/catch.hpp"
#include "tests/search/interruption.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

DigitStudy with_controls() {
  DigitStudy study;
  study.has_controls = true;
  study.genomes = 90;
  study.options.learning_rates = {2e-3, 4e-3, 8e-3};
  return study;
}

/// A final of these architectures in a store, with losses of five seeds: that of the architecture, of the data, and noise.
Store final_of(const std::map<std::string, double>& losses, std::uint64_t study) {
  Store store = Store::in_memory();
  const Random random(study, stream_of("finals"));
  std::uint64_t sampled = 0;
  std::vector<FinalRun> runs;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const double data = 0.1 * random.normal(sampled++);
    for (const auto& [name, loss] : losses) {
      FinalRun run;
      run.number = static_cast<int>(runs.size()) + 1;
      run.seed = seed;
      run.finalist.name = run.finalist.text = name;
      run.finalist.trial = static_cast<int>(run.finalist.name.back() - '0');
      run.finalist.is_control = name.starts_with("control");
      run.test = loss + data + 0.01 * random.normal(sampled++);
      run.validation = *run.test + 0.01 * random.normal(sampled++);
      runs.push_back(run);
    }
  }
  store.replace_finals(runs);
  return store;
}
Claim::Outcome outcome_of(const std::map<std::string, double>& losses, std::uint64_t study) {
  const Store store = final_of(losses, study);
  return Report(store).claim().outcome;
}

}  // namespace

TEST_CASE("the arms of a study take turns, and each evolves its own genomes") {
  const TemporaryFile file("genoform-arms");
  const DigitStudy study = with_controls();
  REQUIRE(study.run(file.path()));
  std::map<int, Trial> trials;
  std::map<std::string, int> genomes;
  std::set<double> learning_rates;
  for (const Trial& t : trials_of(file.path()))
    if (t.state == State::done) trials[t.number] = t;
  int mutated = 0;
  for (const auto& [number, t] : trials) {
    if (t.phase == "baseline") continue;
    ++genomes[t.name];
    learning_rates.insert(t.learning_rate);
    CHECK(t.name == std::vector<std::string>{"", "low digits", "random"}[static_cast<std::size_t>(number - 6 - 1) % 3]);
    if (t.name == "low digits" && t.parent == 0) CHECK(std::all_of(t.text.begin(), t.text.end(), [](char c) { return c < '4'; }));
    if (t.parent == 0) continue;
    ++mutated;
    const Trial& parent = trials.at(t.parent);
    CHECK((parent.name == t.name || parent.phase == "baseline"));
  }
  CHECK(mutated > 20);
  CHECK(genomes == std::map<std::string, int>{{"", 30}, {"low digits", 30}, {"random", 30}});
  CHECK(learning_rates == std::set<double>{2e-3, 4e-3, 8e-3});
}

TEST_CASE("a study with control arms leaves the same record for any number of workers, and after kills") {
  std::vector<std::string> records;
  DigitStudy study = with_controls();
  study.setup["microseconds"] = 200;
  for (const int workers : {1, 3}) {
    const TemporaryFile file("genoform-arms-workers");
    study.workers = workers;
    REQUIRE(study.run(file.path()));
    records.push_back(record_of(file.path()));
  }
  CHECK(records[0] == records[1]);
  const TemporaryFile killed("genoform-arms-killed");
  CHECK(kill_until_done(study, killed.path(), records[0], 7) >= 1);
}

TEST_CASE("the best genome of each control arm goes to the final, and the claim is measured by the best of them") {
  const TemporaryFile file("genoform-arms-final");
  DigitStudy study = with_controls();
  study.has_final = true;
  study.genomes = 180;
  REQUIRE(study.run(file.path()));
  const Report report(Store(file.path(), Store::Open::read));
  int controls = 0;
  for (const Standing& s : report.standings()) controls += s.finalist.is_control ? 1 : 0;
  CHECK(controls == 2);
  const Claim claim = report.claim();
  REQUIRE(claim.outcome != Claim::Outcome::none);
  CHECK(claim.control->finalist.text[0] != '0');
  const std::string text = report.text();
  INFO(text);
  CHECK(text.find("The search and its control arms") != std::string::npos);
  CHECK(text.find("low digits, trial ") != std::string::npos);
  CHECK(text.find("bits per byte on the test text (95 % interval") != std::string::npos);
}

TEST_CASE("where all architectures are equal the claim is a tie, in 19 of 20 studies and more") {
  int ties = 0;
  constexpr int studies = 400;
  for (int study = 0; study < studies; ++study)
    if (outcome_of({{"trial 1", 2}, {"trial 2", 2}, {"trial 3", 2}, {"control 4", 2}, {"control 5", 2}},
                   static_cast<std::uint64_t>(study)) == Claim::Outcome::tie)
      ++ties;
  CHECK(ties >= studies * 95 / 100);
}

TEST_CASE("a difference beyond the noise is found, on either side") {
  int search = 0, control = 0;
  for (std::uint64_t study = 0; study < 100; ++study) {
    search += outcome_of({{"trial 1", 2}, {"trial 2", 1.9}, {"control 4", 2}}, study) == Claim::Outcome::search_won ? 1 : 0;
    control += outcome_of({{"trial 1", 2}, {"trial 2", 2.1}, {"control 4", 1.9}}, study) == Claim::Outcome::control_won ? 1 : 0;
  }
  CHECK(search >= 95);
  CHECK(control >= 95);
}

TEST_CASE("the report names the bounds of the space that the winner and the best genomes lie on") {
  const BlockSpace space;
  const auto bounds = [&](const std::string& text) { return space.bounds_of(text); };
  CHECK(bounds("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<512>>>, 6>, Vocab<256>, Width<128>, Context<64>>") ==
        std::vector<std::string>{"width 128 (the largest)", "12 sub-layers (the most)", "Hidden<512> (the end of its scale)"});
  CHECK(bounds("Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<128>>>, 5>, Vocab<256>, Width<64>, Context<64>>")
            .empty());
  CHECK(bounds("not a genome").empty());
  const TemporaryFile file("genoform-bounds");
  REQUIRE(DigitStudy().run(file.path()));
  Store store(file.path(), Store::Open::write);
  store.set_note("bounds", json_of(BoundsReached{.winner = {"width 128 (the largest)"}, .best = {}}).dump());
  CHECK(Report(store).text().find("The winner lies on bounds of the space: width 128 (the largest).\nA wider") !=
        std::string::npos);
}

TEST_CASE("the report says when a control arm could have found the winner of the search") {
  const DigitStudy digits;
  FunctionEvaluator evaluator([](const TrainRequest& r) { return loss_of(r.text); });
  InProcessWorkers workers(evaluator, 2);
  Study study = digits.on(workers);
  study.controls = {{"low digits", &digits.low, &digits.evolution}};
  const Report report = study.run({.genomes = 100});
  REQUIRE(report.winner().has_value());
  REQUIRE(report.winner()->finalist.name.rfind("trial", 0) == 0);
  CHECK(report.reachable_by() == std::vector<std::string>{"low digits"});
  CHECK(report.text().find("The winner is in the space of low digits too: a known architecture") != std::string::npos);
}

TEST_CASE("the spaces of known architectures have their genomes and no others") {
  const BlockSpace transformer(transformer_space()), primer_ez(primer_ez_space()), glam(glam_space());
  const auto model = [](const std::string& block, int blocks) {
    return "Decoder<Stack<Block<" + block + ">, " + std::to_string(blocks) + ">, Vocab<256>, Width<64>, Context<64>>";
  };
  CHECK(transformer.check(model("Attention<Heads<2>>, Ffn<ReLU>", 1)).ok());
  CHECK(transformer.check(model("Attention<Heads<2>>, Ffn<Glu<Swish>, Hidden<128>>", 6)).ok());
  CHECK_FALSE(transformer.check(model("Attention<Heads<2>>, Ffn<ReLU>", 7)).ok());
  CHECK_FALSE(transformer.check(model("Attention<Heads<2>, DConv<3>>, Ffn<ReLU>", 1)).ok());
  CHECK_FALSE(transformer.check(model("Ffn<ReLU>, Attention<Heads<2>>", 1)).ok());
  CHECK(primer_ez.check(model("Attention<Heads<2>, DConv<3>>, Ffn<SqReLU>", 1)).ok());
  CHECK_FALSE(primer_ez.check(model("Attention<Heads<2>, DConv<3>>, Ffn<ReLU>", 1)).ok());
  for (const BlockSpace* space : {&transformer, &primer_ez, &glam}) {
    RandomStream samples(Random(3, stream_of("presets")));
    std::string genome = space->random(samples);
    for (int i = 0; i < 200; ++i) {
      REQUIRE(space->check(genome).ok());
      genome = space->mutate(genome, samples);
    }
  }
}
