#include <algorithm>
#include <set>

#include "tests/catch.hpp"
#include "tests/search/toy.hpp"

using namespace toy;

namespace {

std::vector<Trial> genomes_of(const std::string& path, State state) {
  std::vector<Trial> found;
  for (const Trial& t : trials_of(path))
    if (t.phase == "search" && t.state == state) found.push_back(t);
  return found;
}

}  // namespace

TEST_CASE("one, two and three workers leave the same record") {
  std::vector<std::string> records;
  for (const int workers : {1, 2, 3}) {
    const TemporaryFile file("genoform-workers");
    DigitStudy study;
    study.workers = workers;
    study.setup["microseconds"] = 200;
    REQUIRE(study.run(file.path()));
    records.push_back(record_of(file.path()));
  }
  CHECK(std::count(records[0].begin(), records[0].end(), '\n') > 60);
  CHECK(records[0] == records[1]);
  CHECK(records[0] == records[2]);
}

TEST_CASE("another seed leaves another record") {
  std::vector<std::string> records;
  for (const std::uint64_t seed : {1U, 2U}) {
    const TemporaryFile file("genoform-seeds");
    DigitStudy study;
    study.options.seed = seed;
    REQUIRE(study.run(file.path()));
    records.push_back(record_of(file.path()));
  }
  CHECK(records[0] != records[1]);
}

TEST_CASE("refused genomes are not trained and do not count as trials") {
  const TemporaryFile file("genoform-refused");
  DigitStudy study;
  study.options.limits.step_time_factor = 1.25;
  study.options.limits.parameters = 5000;
  REQUIRE(study.run(file.path()));
  const auto refused = genomes_of(file.path(), State::refused), done = genomes_of(file.path(), State::done);
  CHECK(done.size() == 60);
  CHECK(refused.size() > 10);
  std::set<std::string> reasons;
  for (const Trial& t : refused) {
    reasons.insert(t.reason.substr(0, 8));
    CHECK_FALSE(t.loss.has_value());
  }
  CHECK(reasons.count("step tim") == 1);
  CHECK(reasons.count("paramete") == 1);
  for (const Trial& t : done) {
    CHECK(t.text[0] <= '2');
    CHECK(t.text[1] <= '5');
  }
  Database journal(file.path(), Database::Open::read);
  Statement attempts(journal, "SELECT count(*) FROM attempts");
  attempts.step();
  CHECK(attempts.integer(0) == 60 + 6);
}

TEST_CASE("equal genomes are trained once") {
  const TemporaryFile file("genoform-equal");
  DigitStudy study;
  study.space = Digits(6, 2);  // 64 genomes, of which 32 begin with 0
  study.baselines = {{"plain", "000000", true}};
  study.options.limits.step_time_factor = 1.05;
  study.genomes = 1000;
  REQUIRE(study.run(file.path()));  // ends when nothing is left
  std::set<std::string> texts;
  const auto done = genomes_of(file.path(), State::done);
  for (const Trial& t : done) texts.insert(t.text);
  CHECK(texts.size() == done.size());
  CHECK(done.size() >= 28);
  CHECK(done.size() <= 31);
  CHECK(texts.count("000000") == 0);
}

TEST_CASE("evolution finds better genomes than random search with the same number of trials") {
  double best[2] = {0, 0};
  for (const bool random : {false, true}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const TemporaryFile file("genoform-evolution");
      DigitStudy study;
      study.use_random = random;
      study.options.seed = seed;
      study.options.limits.step_time_factor = 0;
      study.options.hurdles.rule = HurdleRule::none;
      study.genomes = 150;
      REQUIRE(study.run(file.path()));
      double minimum = 1e9;
      for (const Trial& t : genomes_of(file.path(), State::done)) minimum = std::min(minimum, *t.loss);
      best[random ? 1 : 0] += minimum / 5;
    }
  }
  CHECK(best[0] < 4);
  CHECK(best[1] > best[0] + 4);
}

TEST_CASE("a proposal depends on the trials up to the window only") {
  const TemporaryFile file("genoform-window");
  DigitStudy study;
  REQUIRE(study.run(file.path()));
  for (const Trial& t : trials_of(file.path()))
    if (t.parent > 0) CHECK(t.parent <= t.number - study.options.window);
}

TEST_CASE("genomes behind the plain baselines stop at the hurdle") {
  const TemporaryFile file("genoform-hurdle");
  DigitStudy study;
  study.baselines = {{"plain", "033333", true}, {"better but not plain", "777777", false}};
  REQUIRE(study.run(file.path()));
  const double hurdle = loss_of("033333") + 10;
  int stopped = 0;
  for (const Trial& t : genomes_of(file.path(), State::done)) {
    REQUIRE(t.hurdles.size() == 1);
    CHECK(t.hurdles[0].at == 0.25);
    CHECK(t.hurdles[0].max_loss == Approx(hurdle));
    CHECK(t.loss.has_value() == (t.let_through || *t.hurdles[0].loss <= hurdle));
    stopped += t.loss ? 0 : 1;
  }
  CHECK(stopped > 0);
  CHECK(stopped < 40);
}

TEST_CASE("a dead worker costs one attempt, and a genome that kills two is failed") {
  const TemporaryFile file("genoform-deaths");
  DigitStudy study;
  study.genomes = 10;
  REQUIRE(study.run(file.path()));
  const auto clean = genomes_of(file.path(), State::done);
  for (const char* how : {"die", "exit", "nothing"}) {
    const TemporaryFile other("genoform-deaths-of");
    study.setup["mischief"] = {{clean[3].text, how}};
    REQUIRE(study.run(other.path()));
    const auto failed = genomes_of(other.path(), State::failed);
    REQUIRE(failed.size() == 1);
    CHECK(failed[0].text == clean[3].text);
    CHECK_FALSE(failed[0].reason.empty());
    CHECK(genomes_of(other.path(), State::done).size() == 9);
    Database journal(other.path(), Database::Open::read);
    Statement attempts(journal, "SELECT count(*) FROM attempts WHERE outcome = 'died' AND trial = ?");
    attempts.bind(failed[0].number).step();
    CHECK(attempts.integer(0) == 2);
  }
}

TEST_CASE("a training that becomes non-finite fails its genome at once, with the tensor") {
  const TemporaryFile file("genoform-not-finite");
  DigitStudy study;
  study.genomes = 6;
  REQUIRE(study.run(file.path()));
  const auto clean = genomes_of(file.path(), State::done);
  const TemporaryFile other("genoform-not-finite-of");
  study.setup["mischief"] = {{clean[2].text, "not finite"}};
  REQUIRE(study.run(other.path()));
  const auto failed = genomes_of(other.path(), State::failed);
  REQUIRE(failed.size() == 1);
  CHECK(failed[0].reason.find("ffn.up.weight") != std::string::npos);
}

TEST_CASE("with measured step times the workers refuse what is too slow") {
  const TemporaryFile file("genoform-measured");
  DigitStudy study;
  study.is_measured = true;
  study.options.limits.step_time_factor = 1.25;
  REQUIRE(study.run(file.path()));
  const auto done = genomes_of(file.path(), State::done);
  CHECK(done.size() == 60);
  for (const Trial& t : done) {
    CHECK(t.text[0] <= '2');
    CHECK(t.steps == 100);
    CHECK(t.step_seconds > 0);
  }
  CHECK(genomes_of(file.path(), State::refused).size() > 10);
}

TEST_CASE("with measured step times a search that workers refuse everything of ends too") {
  const TemporaryFile file("genoform-measured-in-vain");
  DigitStudy study;
  study.is_measured = true;
  study.options.limits.step_time_factor = 0.5;
  REQUIRE(study.run(file.path()));
  CHECK(genomes_of(file.path(), State::done).empty());
  CHECK(genomes_of(file.path(), State::refused).size() >= static_cast<std::size_t>(Proposals::max_samples));
  const std::string record = record_of(file.path());
  REQUIRE(study.run(file.path()));  // nothing is left
  CHECK(record_of(file.path()) == record);
}

TEST_CASE("a study stops when it is asked to and goes on to the same record") {
  const TemporaryFile whole("genoform-whole"), parts("genoform-parts");
  DigitStudy study;
  REQUIRE(study.run(whole.path()));
  for (const Stop how : {Stop::soon, Stop::now}) {
    int ended = 0;
    CHECK_FALSE(study.run(
        parts.path(), [&] { return ended >= 5 ? how : Stop::no; }, [&](const Ledger&, const Trial&) { ++ended; }));
  }
  CHECK(record_of(parts.path()) != record_of(whole.path()));
  CHECK(study.run(parts.path()));
  CHECK(record_of(parts.path()) == record_of(whole.path()));
}

TEST_CASE("a finished study can be asked for more trials and keeps those it has") {
  const TemporaryFile file("genoform-more"), whole("genoform-more-whole");
  DigitStudy study;
  study.genomes = 30;
  REQUIRE(study.run(file.path()));
  study.genomes = 60;
  REQUIRE(study.run(file.path()));
  REQUIRE(study.run(whole.path()));
  CHECK(record_of(file.path()) == record_of(whole.path()));
}

TEST_CASE("impossible options are refused") {
  const TemporaryFile file("genoform-options");
  DigitStudy many;
  many.workers = 9;
  CHECK_THROWS_AS(many.run(file.path()), Exception);
  DigitStudy learning_rate;
  learning_rate.options.learning_rate = 1;
  CHECK_THROWS_AS(learning_rate.run(file.path()), Exception);
  DigitStudy none;
  none.baselines.clear();
  CHECK_THROWS_AS(none.run(file.path()), Exception);
}
