#include "genoform/search/study/history.hpp"

#include <string>

#include "tests/catch.hpp"

using namespace genoform::search;

namespace {

Trial trial(int number, const std::string& phase, const std::string& name, double learning_rate) {
  Trial t;
  t.number = number;
  t.phase = phase;
  t.name = name;
  t.text = name + " text";
  t.learning_rate = learning_rate;
  t.state = State::done;
  t.loss = 2.5;
  return t;
}

}  // namespace

TEST_CASE("an arm begins with the baselines that are genomes of its space, at each of their learning rates") {
  History history(
      "tuned", 100, [](const std::string& text) { return text == "Primer text"; }, [](const Trial&) { return Estimate{}; });
  int number = 0;
  for (const double learning_rate : {2e-3, 4e-3, 8e-3})
    for (const char* name : {"Primer", "Brainformer"}) history.add(trial(++number, "baseline", name, learning_rate));
  history.add(trial(++number, "search", "tuned", 4e-3));
  history.add(trial(++number, "search", "", 4e-3));
  const auto seen = history.up_to(number);
  REQUIRE(seen.size() == 4);
  CHECK((seen[0].number == 1 && seen[1].number == 3 && seen[2].number == 5 && seen[3].number == 7));
  CHECK(seen[2].learning_rate == 8e-3);
  CHECK(history.up_to(4).size() == 2);
}
