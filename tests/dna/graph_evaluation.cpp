#include "genoform/dna/graph_evaluation.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "genoform/dna/probe.hpp"
#include "genoform/dna/program_text.hpp"
#include "genoform/dna/seeds.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::dna;

namespace {

constexpr std::int64_t width = 2, context = 8;

Graph graph_of_main(const std::string& code, std::int64_t w = width) {
  return graph_of(parse_program("dims 2 1 4; constants 0 0.5; S0 { " + code + " }").value(), w, context).value();
}
std::vector<double> run(const std::string& code, const std::vector<double>& x) {
  const Graph graph = graph_of_main(code);
  return GraphEvaluation(graph, 1)(x);
}
/// What a unary primitive makes of numbers.
std::vector<double> of(const std::string& primitive, const std::vector<double>& x) { return run("h2 = " + primitive, x); }
bool near(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) < 1e-12)) return false;
  return true;
}

double softmax_weight(const std::vector<double>& logits, std::size_t i) {
  double sum = 0;
  for (const double l : logits) sum += std::exp(l);
  return std::exp(logits[i]) / sum;
}

}  // namespace

TEST_CASE("each primitive of one state is its formula") {
  CHECK(near(of("ABS_ROOT(h0)", {4, -9}), {2, 3}));
  CHECK(near(of("SQUARE(h0)", {3, -2}), {9, 4}));
  CHECK(near(of("EXP(h0)", {0, 1}), {1, std::exp(1.0)}));
  CHECK(near(of("LOG(h0)", {1, -std::exp(1.0)}), {0, 1}));
  CHECK(near(of("ABS(h0)", {-3, 2}), {3, 2}));
  CHECK(near(of("RECIP(h0)", {4, 0}), {0.25, 0}));
  CHECK(near(of("SIGN(h0)", {-7, 3}), {-1, 1}));
  CHECK(near(of("SIGN(h0)", {0, 3}), {0, 1}));
  CHECK(near(of("COS(h0)", {0, 1}), {1, std::cos(1.0)}));
  CHECK(near(of("SIN(h0)", {0, 1}), {0, std::sin(1.0)}));
  CHECK(near(of("TANH(h0)", {0, 1}), {0, std::tanh(1.0)}));
  CHECK(near(of("SIGMOID(h0)", {0, std::log(3.0)}), {0.5, 0.75}));
  CHECK(near(of("MAX(h0)", {-1, 2}), {0, 2}));
  CHECK(near(of("MIN(h0) c1", {-1, 2}), {-1, 0.5}));
  CHECK(near(of("C_MUL(h0) c1", {-1, 2}), {-0.5, 1}));
  CHECK(near(of("MASK(h0)", {1, 2, 3, 4}), {1, 0, 3, 4}));
  CHECK(near(of("CUM_SUM(h0)", {1, 2, 3, 4, 5, 6}), {1, 2, 4, 6, 9, 12}));
  CHECK(near(of("CUM_PROD(h0)", {1, 2, 3, 4, 5, 6}), {1, 2, 3, 8, 15, 48}));
}

TEST_CASE("each primitive of two states is its formula") {
  const auto both = [](const std::string& p) { return run("h2 = SQUARE(h0); h3 = " + p + "(h2, h0)", {3, -2}); };
  CHECK(near(both("ADD"), {12, 2}));
  CHECK(near(both("DIFFERENCE"), {6, 6}));
  CHECK(near(both("DIVIDE"), {3, -2}));
  CHECK(near(both("MULTIPLY"), {27, -8}));
}

TEST_CASE("reductions leave one column, of channels and of the positions that a row has") {
  const auto with = [](const std::string& p) { return run("h2 = " + p + "(h0); h3 = C_MUL(h0) c0; h4 = ADD(h2, h3)", {3, -2}); };
  CHECK(near(with("RED_MEAN"), {0.5, 0.5}));
  CHECK(near(with("RED_SUM"), {1, 1}));
  CHECK(near(with("RED_MIN"), {-2, -2}));
  CHECK(near(with("RED_MAX"), {3, 3}));
  CHECK(near(with("RED_PROD"), {-6, -6}));
  // x x^T of rows (1, 0), (2, 0), (3, 0): row t has 1 (t + 1), 2 (t + 1), ... up to its own position.
  const std::string positions = "h2 = TRANS_MAT_MUL(h0); h3 = RED_MEAN(h2); h4 = C_MUL(h0) c0; h5 = ADD(h3, h4)";
  CHECK(near(run(positions, {1, 0, 2, 0, 3, 0}), {1, 1, 3, 3, 6, 6}));
}

TEST_CASE("products sum over channels, or over the positions up to the row's own") {
  // TRANS_MAT_MUL: dots of rows. MAT_MUL: their sums of rows.
  CHECK(near(run("h2 = TRANS_MAT_MUL(h0); h3 = MAT_MUL(h2, h0)", {1, 0, 0, 2}), {1, 0, 0, 8}));
  CHECK(near(run("h2 = TRANS_MAT_MUL(h0); h3 = MAT_MUL(h2, h2); h4 = MAT_MUL(h3, h0)", {1, 0, 1, 1}), {1, 0, 1 + 2 + 4, 4}));
  // Rows (1, 1) and (1, 2) of dots: [1], [1, 2]; TRANS_MAT_MUL of it by itself: [1], [1, 5].
  CHECK(near(run("h2 = TRANS_MAT_MUL(h0); h3 = TRANS_MAT_MUL(h2); h4 = MAT_MUL(h3, h0)", {1, 0, 1, 1}), {1, 0, 6, 5}));
}

TEST_CASE("convolutions see the position and those before it") {
  const std::vector<double> impulse{1, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  for (const std::string p : {"CONV_1X1(h0)", "CONV_3X1(h0)", "DCONV_3X1(h0)"}) {
    const std::vector<double> y = of(p, impulse);
    const std::size_t taps = p == "CONV_1X1(h0)" ? 1 : 3;
    for (std::size_t t = 0; t < 5; ++t) CHECK((std::abs(y[2 * t]) > 0) == (t < taps));
    // Depthwise: nothing from channel 0 to 1.
    if (p[0] == 'D')
      for (std::size_t t = 0; t < 5; ++t) CHECK(std::abs(y[2 * t + 1]) <= 0);
  }
}

TEST_CASE("the attention of the seed is softmax attention") {
  // With one head of width 2 and all projections left out.
  const std::string code =
      "h2 = TRANS_MAT_MUL(h0); h3 = C_MUL(h2) c1; h4 = EXP(h3); h5 = MASK(h4); h6 = RED_SUM(h5); h7 = DIVIDE(h5, h6); "
      "h8 = MAT_MUL(h7, h0)";
  const std::vector<double> x{0.3, -1, 2, 0.5, -0.7, 1.1};
  const std::vector<double> y = run(code, x);
  for (std::size_t t = 0; t < 3; ++t) {
    std::vector<double> logits;
    for (std::size_t s = 0; s <= t; ++s) logits.push_back(0.5 * (x[2 * t] * x[2 * s] + x[2 * t + 1] * x[2 * s + 1]));
    for (std::size_t c = 0; c < 2; ++c) {
      double sum = 0;
      for (std::size_t s = 0; s <= t; ++s) sum += softmax_weight(logits, s) * x[2 * s + c];
      CHECK(y[2 * t + c] == Approx(sum));
    }
  }
}

TEST_CASE("a prefix of a sequence is computed as if nothing came after it") {
  for (const NamedProgram& named : named_programs()) {
    const Graph graph = graph_of(named.program({.width = 16, .heads = 4}), 16, 12).value();
    const std::vector<double> x = probe::sequence_for(graph);
    GraphEvaluation evaluation(graph, 3);
    const std::vector<double> all = evaluation(x), some = evaluation({x.data(), 5 * 16});
    CHECK(std::equal(some.begin(), some.end(), all.begin()));
    CHECK(check_probe(graph).ok());
  }
}

TEST_CASE("programs that compute the same are found by value where their graphs differ") {
  const Graph twice = graph_of_main("h2 = ADD(h0, h0); h3 = CONV_1X1(h2)"),
              doubled = graph_of_main("h2 = MULTIPLY(h0, h0); h3 = DIVIDE(h2, h0); h4 = ADD(h3, h3); h5 = CONV_1X1(h4)");
  CHECK(fingerprint_of(twice) != fingerprint_of(doubled));
  CHECK(compute_alike(twice, doubled));
  CHECK_FALSE(compute_alike(twice, graph_of_main("h2 = CONV_1X1(h0)")));
}

TEST_CASE("a program whose result is not finite at the start is refused") {
  const Result<void> checked = check_probe(graph_of_main("h2 = DIFFERENCE(h0, h0); h3 = LOG(h2)"));
  REQUIRE_FALSE(checked.ok());
  CHECK(checked.error().message == "the result is not finite at position 0, channel 0 of a random sequence");
}
