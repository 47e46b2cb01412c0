#include <cstdint>
#include <cstdio>
#include <map>
#include <string>

#include "genoform/dna/mutation.hpp"
#include "genoform/dna/probe.hpp"
#include "genoform/dna/program_text.hpp"
#include "genoform/dna/seeds.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::dna;

namespace {

constexpr std::int64_t width = 16, context = 12;
constexpr BlockSizes sizes{.width = 16, .heads = 2};

/// What becomes of a program before training.
std::string outcome_of(const Program& program) {
  const Result<Graph> graph = graph_of(program, width, context);
  if (!graph) {  // without the instruction to blame, "S1, h5: "
    const std::string& why = graph.error().message;
    return "no graph: " + (why[0] == 'S' ? why.substr(why.find(": ") + 2) : why);
  }
  const Result<void> probed = check_probe(*graph);
  if (probed) return "computed";
  return probed.error().message.find("not finite") != std::string::npos ? "not finite" : "not causal";
}

}  // namespace

TEST_CASE("10,000 walks of 1 to 40 mutations from both seeds are read, printed, and computed or refused, and always causal") {
  std::map<std::string, int> outcomes;
  for (std::uint64_t walk = 0; walk < 10000; ++walk) {
    RandomStream samples(extend::Random(7, extend::stream_of("long.dna")), walk << 32U);
    Program program = walk % 2 == 0 ? transformer_program(sizes) : flat_transformer_program(sizes);
    for (std::size_t steps = 1 + samples.below(40); steps > 0; --steps) program = mutated(program, samples);
    REQUIRE(parse_program(program_text_of(program)).value() == program);
    ++outcomes[outcome_of(program)];
  }
  for (const auto& [outcome, count] : outcomes) std::printf("%6d %s\n", count, outcome.c_str());
  CHECK(outcomes["computed"] > 2000);
  CHECK(outcomes.count("not causal") == 0);
}
