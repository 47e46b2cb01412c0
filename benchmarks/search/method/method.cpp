// Whether the search's method is right, on a table of all genomes of a small space: thousands of studies by the library's own
// code, whose trainings are looked up. Prints what docs/search.md, "How the method was checked", quotes.
//   search_method TABLE [STUDIES]        TABLE: benchmarks/search/table/results.tar.xz, unpacked; STUDIES: 1000
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "benchmarks/search/method/simulator.hpp"
#include "genoform/search/report/hurdle_figures.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/strategy/random_search.hpp"

using namespace method;

namespace {

void print(const std::string& what, const std::vector<double>& values) {
  const statistics::Difference d = mean_of(values);
  std::printf("  %-52s %8.3f  (95 %% interval %.3f to %.3f)\n", what.c_str(), d.mean, d.low, d.high);
}
std::vector<double> differences(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> all;
  for (std::size_t i = 0; i < a.size(); ++i) all.push_back(a[i] - b[i]);
  return all;
}
std::string words_of(const EvolutionOptions& o) {
  return "evolution, initial " + std::to_string(o.initial) + ", population " + std::to_string(o.population) + ", tournament " +
         std::to_string(o.tournament);
}

/// The rank that each study names, at the same number of trials.
std::vector<double> ranks_of(const Simulator& simulator, const Setting& setting, int studies) {
  std::vector<double> ranks;
  for (int study = 0; study < studies; ++study)
    ranks.push_back(static_cast<double>(simulator.search(setting, static_cast<std::uint64_t>(study)).named.rank));
  return ranks;
}

void compare_strategies(const Simulator& simulator, int studies) {
  std::printf("1. Rank among %zu genomes of the one that a study names, means over %d studies\n", simulator.genomes(), studies);
  const RandomSearch random;
  for (const int trials : {40, 60, 100}) {
    const std::vector<double> by_chance = ranks_of(simulator, {.strategy = &random, .trials = trials}, studies);
    print(std::to_string(trials) + " trials, random search", by_chance);
    for (const EvolutionOptions& o : {EvolutionOptions{.initial = 32}, EvolutionOptions{.initial = 16},
                                      EvolutionOptions{.initial = 10, .population = 20, .tournament = 5},
                                      EvolutionOptions{.initial = 10, .population = 100, .tournament = 20}}) {
      const Evolution evolution(o);
      const std::vector<double> ranks = ranks_of(simulator, {.strategy = &evolution, .trials = trials}, studies);
      print(words_of(o), ranks);
      print("  ranks below random search", differences(by_chance, ranks));
    }
  }
}

void check_hurdles(const Simulator& simulator, int studies, double deviation) {
  const Evolution evolution({.initial = 16});
  std::printf("2. Hurdles, evolution with an initial population of 16, %d studies\n", studies);
  for (const int trials : {60, 100, 200})
    for (const HurdleOptions& hurdles :
         {HurdleOptions{.rule = HurdleRule::brainformer}, HurdleOptions{.rule = HurdleRule::primer, .count = 2},
          HurdleOptions{.rule = HurdleRule::primer, .count = 3}}) {
      std::vector<double> loss, saving;
      for (int study = 0; study < studies; ++study) {
        const auto number = static_cast<std::uint64_t>(study);
        const Simulator::Found without = simulator.search({.strategy = &evolution, .trials = trials}, number);
        const Simulator::Found with = simulator.search({.strategy = &evolution, .trials = trials, .hurdles = hurdles}, number);
        loss.push_back((with.named.validation - without.named.validation) / deviation);
        saving.push_back(HurdleFigures::of(with.trials).saving());
      }
      const std::string rule = std::string(name_of(hurdles.rule)) + " " + std::to_string(hurdles.fractions().size());
      print(std::to_string(trials) + " trials, " + rule + ": loss, deviations of a seed", loss);
      print("  saving", saving);
    }
}

void check_claims(const Simulator& simulator, int studies, bool are_equal) {
  const Evolution evolution({.initial = 32});
  int covered = 0, claims = 0, ties = 0, right = 0, wrong = 0;
  std::vector<double> excess;
  for (int study = 0; study < studies; ++study) {
    const Simulator::Claimed c = simulator.claim({.strategy = &evolution, .trials = 40, .has_control = true},
                                                 static_cast<std::uint64_t>(study), are_equal);
    if (c.outcome == Claim::Outcome::none) continue;
    ++claims;
    covered += c.low <= c.truth && c.truth <= c.high ? 1 : 0;
    ties += c.outcome == Claim::Outcome::tie ? 1 : 0;
    const double sign = c.outcome == Claim::Outcome::search_won ? 1 : c.outcome == Claim::Outcome::control_won ? -1 : 0;
    right += sign * c.truth > 0 ? 1 : 0;
    wrong += sign != 0 && !(sign * c.truth > 0) ? 1 : 0;
    excess.push_back(c.mean - c.truth);
  }
  const auto percent = [&](int count) { return 100.0 * count / std::max(1, claims); };
  std::printf(are_equal ? "4. All genomes equal: %d claims\n" : "3. The claim's interval: %d claims\n", claims);
  std::printf("  the interval covers the truth %5.1f %%; tie %5.1f %%, a right winner %5.1f %%, a wrong one %5.1f %%\n",
              percent(covered), percent(ties), percent(right), percent(wrong));
  print("claimed difference above the true one, bits per byte", excess);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw Exception({ErrorKind::usage, "search_method TABLE [STUDIES]"});
  const int studies = std::max(50, argc > 2 ? std::atoi(argv[2]) : 1000);
  const ResultTable table = ResultTable::read(argv[1]);
  const Simulator simulator(table);
  const double deviation = SeedNoise(table).deviation();
  std::printf("%zu genomes, one seed's deviation %.4f bits per byte\n", simulator.genomes(), deviation);
  compare_strategies(simulator, studies / 5);
  check_hurdles(simulator, studies / 5, deviation);
  check_claims(simulator, studies, false);
  check_claims(simulator, studies, true);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
