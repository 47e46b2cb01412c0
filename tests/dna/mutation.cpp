#include "genoform/dna/mutation.hpp"

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "genoform/dna/probe.hpp"
#include "genoform/dna/program_text.hpp"
#include "genoform/dna/seeds.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::dna;

namespace {

constexpr std::int64_t width = 16, context = 12;
constexpr BlockSizes sizes{.width = 16, .heads = 2};

RandomStream samples_of(std::uint64_t index) { return RandomStream(Random(5, stream_of("tests.dna")), index << 32); }

Program program_of(const std::string& subprograms) {
  return parse_program("dims 8 1 32; constants 0 0.5; " + subprograms).value();
}
/// All texts of subprograms that so many mutations of that kind make.
std::set<std::string> children(const std::string& subprograms, Mutation kind, std::uint64_t tries = 300) {
  const Program parent = program_of(subprograms);
  std::set<std::string> texts;
  for (std::uint64_t i = 0; i < tries; ++i) {
    Program child = parent;
    RandomStream samples = samples_of(i);
    const bool applies = apply(kind, child, samples);
    if (!applies) CHECK(child == parent);
    const std::string text = program_text_of(child);
    if (applies) texts.insert(text.substr(text.find("S0")));
  }
  return texts;
}
std::size_t instructions(const Program& program) {
  std::size_t sum = 0;
  for (const Subprogram& s : program.subprograms) sum += s.size();
  return sum;
}

}  // namespace

TEST_CASE("removing an instruction leads its readers to its first input") {
  CHECK(children("S0 { h2 = EXP(h0); h3 = ADD(h2, h1); h4 = SQUARE(h3) }", Mutation::remove) ==
        std::set<std::string>{"S0 { h2 = ADD(h0, h1); h3 = SQUARE(h2) }", "S0 { h2 = EXP(h0); h3 = SQUARE(h2) }",
                              "S0 { h2 = EXP(h0); h3 = ADD(h2, h1) }"});
  CHECK(children("S0 { }", Mutation::remove).empty());
}

TEST_CASE("an inserted instruction is read by one of those after it, or makes the result") {
  for (const std::string& text : children("S0 { h2 = EXP(h0); h3 = ADD(h2, h1) }", Mutation::insert)) {
    const Program child = parse_program("dims 8 1 32; constants 0 0.5; " + text).value();
    const Subprogram& code = child.subprograms[0];
    REQUIRE(code.size() == 3);
    const std::vector<Live> live = live_parts(child);
    std::size_t old = 0;  // of the two instructions, in their order
    for (const Instruction& i : code)
      if (old < 2 && i.primitive == (old == 0 ? Primitive::exp : Primitive::add)) ++old;
    CHECK(old == 2);
    CHECK(live[0].instructions.back());
  }
}

TEST_CASE("removing and inserting keeps the length") {
  for (const std::string& text :
       children("S0 { h2 = EXP(h0); h3 = S1(h2, h1) } S1 { h2 = ADD(h0, h1) }", Mutation::remove_and_insert))
    CHECK(instructions(parse_program("dims 8 1 32; constants 0 0.5; " + text).value()) == 3);
}

TEST_CASE("one field changes at a time, each to all that it may be") {
  const std::set<std::string> all = children("S0 { h2 = EXP(h0) } S1 { h2 = ABS(h0) }", Mutation::field, 4000);
  // Of S0: 38 primitives and a call, the other state twice, one constant, two dimensions, four branchings; of S1 no call.
  CHECK(all.size() == 39 + 2 + 1 + 2 + 4 + 38 + 2 + 1 + 2 + 4);
  CHECK(all.count("S0 { h2 = S1(h0) } S1 { h2 = ABS(h0) }") == 1);
  CHECK(all.count("S0 { h2 = EXP(h0) x16 } S1 { h2 = ABS(h0) }") == 1);
}

TEST_CASE("a swap exchanges two instructions and leaves the inputs where they are") {
  CHECK(children("S0 { h2 = EXP(h0) c1; h3 = ADD(h2, h1) x2 }", Mutation::swap) ==
        std::set<std::string>{"S0 { h2 = ADD(h0) x2; h3 = EXP(h2, h1) c1 }"});
  CHECK(children("S0 { h2 = EXP(h0) }", Mutation::swap).empty());
}

TEST_CASE("a value of a bank changes for all that use it") {
  const Program parent = program_of("S0 { h2 = CONV_1X1(h0) d1; h3 = CONV_1X1(h2) d1; h4 = CONV_1X1(h3) }");
  std::set<int> dimensions;
  std::set<double> constants;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Program child = parent;
    RandomStream samples = samples_of(i);
    REQUIRE(apply(Mutation::bank_value, child, samples));
    CHECK(child.subprograms == parent.subprograms);
    CHECK(parse_program(program_text_of(child)).value() == child);
    dimensions.insert(child.dimensions[1]);
    constants.insert(child.constants[1]);
  }
  CHECK(dimensions == std::set<int>(std::begin(dimension_choices), std::end(dimension_choices)));
  CHECK(constants.size() > 50);
}

TEST_CASE("a mutation that counts changes the graph, or leaves none") {
  Program program = transformer_program(sizes);
  const std::optional<std::uint64_t> before = fingerprint_of(program, width, context);
  for (std::uint64_t i = 0; i < 50; ++i) {
    RandomStream samples = samples_of(i);
    CHECK(fingerprint_of(mutated_until_different(program, width, context, samples), width, context) != before);
  }
}

TEST_CASE("squared ReLU and the convolutions are each one mutation away from the Transformer") {
  const auto one_insert_away = [](const Program& child) {
    const Program seed = transformer_program(sizes);
    std::size_t longer = 0;
    for (std::size_t s = 0; s < seed.subprograms.size(); ++s) longer += child.subprograms[s].size() - seed.subprograms[s].size();
    return longer;
  };
  CHECK(one_insert_away(primer_ez_program(sizes)) == 2);
  std::set<std::uint64_t> found;
  Program squared = transformer_program(sizes), convolved = squared;
  squared.subprograms[9] = primer_ez_program(sizes).subprograms[9];
  convolved.subprograms[3] = primer_ez_program(sizes).subprograms[3];
  const auto wanted = [](const Program& p) { return fingerprint_of(p, width, context).value(); };
  const std::uint64_t squared_print = wanted(squared), convolved_print = wanted(convolved);
  for (std::uint64_t i = 0; i < 200000 && found.size() < 2; ++i) {
    Program child = transformer_program(sizes);
    RandomStream samples = samples_of(i);
    if (!apply(Mutation::insert, child, samples)) continue;
    const std::optional<std::uint64_t> print = fingerprint_of(child, width, context);
    if (print == squared_print || print == convolved_print) found.insert(*print);
  }
  CHECK(found.size() == 2);
}

TEST_CASE("random walks from the seeds are read, printed, and computed or refused, and always causal") {
  std::map<std::string, int> outcomes;
  for (std::uint64_t walk = 0; walk < 400; ++walk) {
    RandomStream samples = samples_of(300000 + walk);
    Program program = walk % 2 == 0 ? transformer_program(sizes) : flat_transformer_program(sizes);
    for (std::size_t steps = 1 + samples.below(40); steps > 0; --steps) program = mutated(program, samples);
    REQUIRE(parse_program(program_text_of(program)).value() == program);
    const Result<Graph> graph = graph_of(program, width, context);
    if (!graph) {
      ++outcomes["no graph"];
      continue;
    }
    const Result<void> probed = check_probe(*graph);
    ++outcomes[probed ? "finite" : probed.error().message.find("finite") != std::string::npos ? "not finite" : "not causal"];
  }
  CHECK(outcomes["not causal"] == 0);
  CHECK(outcomes["finite"] > 80);
  CHECK(outcomes["no graph"] > 20);
  INFO("finite " << outcomes["finite"] << ", not finite " << outcomes["not finite"] << ", no graph " << outcomes["no graph"]);
  CHECK(outcomes["not finite"] > 4);
}
