#include "genoform/search/study/finals.hpp"

#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/report/export.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

DigitStudy study_with_final() {
  DigitStudy study;
  study.has_final = true;
  study.baselines = {
      {"plain", "000000", true}, {"plain too", "100000", true}, {"good", "334444", false}, {"bad", "012345", false}};
  return study;
}

}  // namespace

TEST_CASE(
    "the final has the plain baselines, the best baseline and the best genomes, each with fresh seeds for equal measured time") {
  const TemporaryFile file("genoform-finals");
  const DigitStudy study = study_with_final();
  REQUIRE(study.run(file.path()));
  const Store store(file.path(), Store::Open::read);
  const std::vector<FinalRun> runs = store.finals();
  REQUIRE(runs.size() == 5 * (2 + 1 + 3));
  std::set<std::string> names;
  for (const FinalRun& run : runs) {
    names.insert(run.finalist.name);
    CHECK(run.finished());
    CHECK(run.seed >= study.options.seed + 1000);
    CHECK(run.finalist.steps == Budget{study.options.budget}.steps(run.finalist.step_seconds));
    CHECK(*run.test == Approx(*run.validation + 0.1));
    CHECK(*run.test_whole == Approx(*run.validation + 0.3));
  }
  CHECK(names.count("plain") + names.count("plain too") + names.count("good") == 3);
  CHECK(names.count("bad") == 0);
  std::vector<double> losses;
  for (const Trial& t : store.trials())
    if (t.phase == "search" && t.loss) losses.push_back(*t.loss);
  std::sort(losses.begin(), losses.end());
  for (const FinalRun& run : runs)
    if (!run.finalist.is_baseline) CHECK(loss_of(run.finalist.text) <= losses[2]);
}

TEST_CASE("a text that ranks twice, with other learning rates, is one finalist, and the next one goes to the final too") {
  const DigitStudy study;
  const Search search{.arms = {{"", &study.space, &study.evolution}},
                      .oracle = study.clock,
                      .baselines = study.baselines,
                      .options = study.options};
  Store store = Store::in_memory();
  std::vector<Trial> trials;
  for (const auto& [text, learning_rate] : {std::pair{"777777", 1e-3}, {"777777", 2e-3}, {"777776", 1e-3}, {"777775", 1e-3}})
    trials.push_back({.number = static_cast<int>(trials.size()) + 1,
                      .phase = "search",
                      .name = {},
                      .text = text,
                      .learning_rate = learning_rate,
                      .steps = 100,
                      .step_seconds = 1e-3,
                      .hurdles = {},
                      .state = State::done,
                      .reason = {},
                      .loss = loss_of(text)});
  store.add(trials);
  Fake evaluator(nlohmann::json::object());
  InProcessWorkers workers(evaluator);
  REQUIRE(Finals(search, store, workers, {.genomes = 2, .seeds = 1}).run([] { return Stop::no; }, [](const FinalRun&) {}));
  std::vector<std::string> texts;
  for (const FinalRun& run : store.finals()) texts.push_back(run.finalist.text);
  CHECK(texts == std::vector<std::string>{"777777", "777776"});
}

TEST_CASE("the report ranks by validation, flags a wrong oracle and names the winner") {
  const TemporaryFile file("genoform-report");
  REQUIRE(study_with_final().run(file.path()));
  const Store store(file.path(), Store::Open::read);
  const Report report(store);
  REQUIRE(report.standings().size() == 6);
  for (std::size_t i = 1; i < 6; ++i)
    CHECK(report.standings()[i - 1].mean_validation() <= report.standings()[i].mean_validation());
  REQUIRE(report.winner().has_value());
  CHECK_FALSE(report.winner()->finalist.is_baseline);
  CHECK(report.genomes() == 60);
  const std::string text = report.text();
  INFO(text);
  CHECK(text.find("using Winner = " + report.winner()->finalist.text + ";") != std::string::npos);
  CHECK(text.find("Transformer") == std::string::npos);
  CHECK(text.find("whole windows: the test text at all positions") != std::string::npos);
  CHECK(text.find("60 genomes trained beside 12 runs of baselines") != std::string::npos);
  CHECK(text.find(" !") != std::string::npos);  // "plain too" is slower than the clock says
  const nlohmann::json j = report.json();
  CHECK(j.at("baselines").size() == 12);
  CHECK(j.at("winner").at("line") == "using Winner = " + report.winner()->finalist.text + ";");
  for (const auto& finalist : j.at("finalists"))
    CHECK(finalist.at("oracle_off") == (finalist.at("text").get<std::string>()[0] == '1'));
}

TEST_CASE("the report says when the winner is a baseline") {
  const TemporaryFile file("genoform-baseline-wins");
  DigitStudy study = study_with_final();
  study.baselines[2].text = "777777";
  study.genomes = 15;
  REQUIRE(study.run(file.path()));
  const Report report(Store(file.path(), Store::Open::read));
  CHECK(report.winner()->finalist.is_baseline);
  CHECK(report.text().find("The winner is a baseline: no genome of this search was better than good") != std::string::npos);
}

TEST_CASE("a study without a final has its best trial as the winner, one without results has none") {
  const TemporaryFile file("genoform-no-final"), empty("genoform-empty");
  REQUIRE(DigitStudy().run(file.path()));
  const Report report(Store(file.path(), Store::Open::read));
  REQUIRE(report.winner().has_value());
  CHECK(report.text().find("not yet confirmed") != std::string::npos);
  { const Store store(empty.path(), Store::Open::write); }
  const Report none(Store(empty.path(), Store::Open::read));
  CHECK_FALSE(none.winner().has_value());
  CHECK(none.text().find("No result yet") != std::string::npos);
  CHECK(none.json().at("winner").is_null());
}

TEST_CASE("a final that was broken off goes on with what it planned; more trials bring a new final") {
  const TemporaryFile file("genoform-final-resume");
  DigitStudy study = study_with_final();
  REQUIRE(study.run(file.path()));
  const auto runs_of = [&] { return Store(file.path(), Store::Open::read).finals(); };
  const std::vector<FinalRun> whole = runs_of();
  {
    Store store(file.path(), Store::Open::write);
    for (FinalRun run : whole) {
      if (run.number % 2 == 0) continue;
      run.test.reset();
      run.validation.reset();
      run.finalist.step_seconds = 0.5;  // would not be measured again
      store.put(run);
    }
  }
  REQUIRE(study.run(file.path()));
  for (const FinalRun& run : runs_of()) {
    CHECK(run.test == whole[static_cast<std::size_t>(run.number - 1)].test);
    CHECK((run.finalist.step_seconds == 0.5) == (run.number % 2 == 1));
  }
  study.genomes = 70;
  REQUIRE(study.run(file.path()));
  for (const FinalRun& run : runs_of()) CHECK(run.finalist.step_seconds < 0.5);
}

TEST_CASE("a finished final that is asked for with other options is run anew") {
  const TemporaryFile file("genoform-final-options");
  DigitStudy study = study_with_final();
  study.genomes = 15;
  REQUIRE(study.run(file.path()));
  const auto seeds = [&] { return Report(Store(file.path(), Store::Open::read)).standings().front().test.size(); };
  CHECK(seeds() == 5);
  study.finals.seeds = 3;
  REQUIRE(study.run(file.path()));
  CHECK(seeds() == 3);
}

TEST_CASE("the weights of the finalists are kept and exported with a project") {
  const TemporaryFile file("genoform-export");
  REQUIRE(study_with_final().run(file.path()));
  const Store store(file.path(), Store::Open::read);
  const Standing winner = *Report(store).winner();
  const std::filesystem::path folder = file.path() + ".folder";
  std::filesystem::remove_all(folder);
  export_winner(store, winner, folder.string());
  const auto content = [&](const char* name) {
    std::stringstream text;
    text << std::ifstream(folder / name).rdbuf();
    return text.str();
  };
  CHECK(content("winner.hpp").find("using Winner = " + winner.finalist.text + ";") != std::string::npos);
  CHECK(content("CMakeLists.txt").find("find_package(genoform") != std::string::npos);
  CHECK(content("model/config.json").find(winner.finalist.text) != std::string::npos);
  CHECK(content("model/model.safetensors") == "weights");
  CHECK_THROWS_AS(export_winner(store, winner, folder.string()), Exception);  // not empty
  std::filesystem::remove_all(folder);
  const TemporaryFile other("genoform-export-early");
  REQUIRE(DigitStudy().run(other.path()));
  const Store early(other.path(), Store::Open::read);
  CHECK_THROWS_AS(export_winner(early, *Report(early).winner(), folder.string()), Exception);
  CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("a finalist whose workers die is reported as failed and does not win") {
  const TemporaryFile file("genoform-final-death");
  DigitStudy study = study_with_final();
  REQUIRE(study.run(file.path()));
  const std::string best = Report(Store(file.path(), Store::Open::read)).winner()->finalist.text;
  {
    Store store(file.path(), Store::Open::write);
    store.set_note("finals of", "none");
  }
  study.setup["mischief"] = {{best, "die"}};
  REQUIRE(study.run(file.path()));
  const Report report(Store(file.path(), Store::Open::read));
  CHECK(report.winner()->finalist.text != best);
  CHECK(report.text().find("signal 9") != std::string::npos);
}
