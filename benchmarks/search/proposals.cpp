// What a coordinator pays for one genome on one core: proposing it, checking it, and costing it (parameters, FLOPs, bytes and the
// step time of a table). Prints microseconds for each, and proposals a second. `proposals [COUNT [SPACE]]`, a space with a name
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <vector>

#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/space/named_spaces.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

RandomStream samples_of(std::uint64_t index) { return RandomStream(Random(1, stream_of("benchmark")), index << 32); }

/// A table that knows every item, as one that was fitted does.
StepTable table_of(const ModelSizes& sizes, const BlockSpace& space) {
  nlohmann::json seconds;
  for (std::uint64_t i = 0; i < 50; ++i) {
    RandomStream samples = samples_of(i);
    for (const auto& [name, amount] : sizes.items(space.random(samples))) seconds[name] = 1e-9;
  }
  return StepTable::from_json({{"error", 0}, {"error_of_nine_tenths", 0}, {"seconds", seconds}});
}

/// As evolution proposes: some at random, then children of what was proposed lately.
std::string propose(const BlockSpace& space, const std::vector<std::string>& texts, std::uint64_t index) {
  RandomStream samples = samples_of(1000 + index);
  if (texts.size() < 32) return space.random(samples);
  return space.mutate(texts[texts.size() - 1 - samples.below(32)], samples);
}

Genome propose(const BlockSpace& space, const std::vector<Genome>& genomes, std::uint64_t index) {
  RandomStream samples = samples_of(1000 + index);
  if (genomes.size() < 32) return space.random_genome(samples);
  return space.mutate(genomes[genomes.size() - 1 - samples.below(32)], samples);
}

/// Microseconds of processor time that `work(i)` takes on average, so that a busy machine does not count.
template <class Work>
double measure(const char* name, std::size_t count, Work work) {
  const std::clock_t start = std::clock();
  for (std::size_t i = 0; i < count; ++i) work(i);
  const double each = 1e6 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / static_cast<double>(count);
  std::printf("%-8s%8.2f us\n", name, each);
  return each;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20000;
  const std::string name = argc > 2 ? argv[2] : std::string(default_space);
  const auto named =
      std::find_if(named_spaces().begin(), named_spaces().end(), [&](const NamedSpace& s) { return s.name == name; });
  if (named == named_spaces().end()) return 2;
  const BlockSpace space(named->options());
  const ModelSizes sizes(12, 64);
  const TableOracle oracle(sizes, table_of(sizes, space));

  std::vector<std::string> texts;
  std::size_t wrong = 0;
  double sum = 0;
  const double proposing = measure("propose", count, [&](std::size_t i) { texts.push_back(propose(space, texts, i)); });
  const double checking = measure("check", count, [&](std::size_t i) { wrong += space.check(texts[i]) ? 0 : 1; });
  const double costing = measure("cost", count, [&](std::size_t i) {
    const Estimate e = oracle.estimate(texts[i], 0);
    sum += *e.step_seconds + static_cast<double>(e.bytes);
  });
  const double all = proposing + checking + costing;
  std::printf("%-8s%8.2f us, %.0f proposals a second on one core\n", "all", all, 1e6 / all);
  std::puts("the same without texts between the steps:");
  ModelSizes::Lookup table(table_of(sizes, space));
  std::vector<Genome> genomes;
  const double trees = measure("propose", count, [&](std::size_t i) { genomes.push_back(propose(space, genomes, i)); }) +
                       measure("check", count, [&](std::size_t i) { wrong += space.check(genomes[i]) ? 0 : 1; }) +
                       measure("cost", count, [&](std::size_t i) { sum += *sizes.sizes(genomes[i], table).step_seconds; });
  std::printf("%-8s%8.2f us, %.0f proposals a second on one core\n", "all", trees, 1e6 / trees);
  std::printf("%zu genomes, checksum %.8g\n", count, sum);
  return wrong == 0 ? 0 : 1;
}
