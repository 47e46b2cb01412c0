#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "genoform/search/clock/budget.hpp"
#include "genoform/search/clock/calibration.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/space/block_space.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

constexpr const char* dense = "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>";
constexpr const char* sparse = "Decoder<Stack<Block<Attention<Heads<2>>, Moe<Top2>>, 2>, Vocab<256>, Width<64>, Context<64>>";

}  // namespace

TEST_CASE("a fit with no negative parts finds the parts that made the sums") {
  const std::vector<double> truth{0.5, 0, 2, 0.25};
  const Random random(5, 1);
  std::vector<std::vector<double>> rows;
  for (std::uint64_t r = 0; r < 40; ++r) {
    std::vector<double> row;
    double sum = 0;
    for (std::uint64_t c = 0; c < 4; ++c) row.push_back(random.uniform(4 * r + c));
    for (std::size_t c = 0; c < 4; ++c) sum += truth[c] * row[c];
    for (double& x : row) x /= sum;
    rows.push_back(row);
  }
  const std::vector<double> ones(rows.size(), 1.0);
  const std::vector<double> x = non_negative_fit(rows, ones, 1e-9);
  for (std::size_t c = 0; c < 4; ++c) CHECK(x[c] == Approx(truth[c]).margin(1e-3));
  CHECK(non_negative_fit({}, {}, 1).empty());
  CHECK(non_negative_fit({{-1.0}}, {1.0}, 0.1) == std::vector<double>{0.0});
}

TEST_CASE("a table learns step times from probes and predicts models that it has not seen") {
  const BlockSpace space;
  const ModelSizes sizes(12, 64);
  const auto seconds_of = [](const CostFeatures& items) {  // an invented machine
    double sum = 0;
    for (const auto& [name, amount] : items)
      sum += amount * (name.find("flops") != std::string::npos      ? 2e-11
                       : name.find("elements") != std::string::npos ? 1e-10
                                                                    : 3e-9);
    return sum;
  };
  std::vector<Probe> probes;
  for (std::uint64_t i = 0; i < 40; ++i) {
    RandomStream samples(Random(1, 1), i << 32);
    const CostFeatures items = sizes.items(space.random(samples));
    probes.push_back({items, seconds_of(items)});
  }
  const StepTable table = StepTable::fit(probes);
  CHECK(table.error() < 0.1);
  const CostFeatures items = sizes.items(dense);
  CHECK(table.seconds(items) == Approx(seconds_of(items)).epsilon(0.1));
  CHECK(table.error_of_nine_tenths() >= table.error());
  const StepTable back = StepTable::from_json(nlohmann::json::parse(table.to_json().dump()));
  CHECK(back.error_of_nine_tenths() == table.error_of_nine_tenths());
  CHECK(back.seconds(items) == table.seconds(items));
  CHECK_THROWS_WITH(StepTable::from_json({{"error", 0.1}, {"seconds", {{"step", 1e-3}}}}), Catch::Contains("--recalibrate"));
  probes.resize(9);
  CHECK_THROWS_AS(StepTable::fit(probes), Exception);
}

TEST_CASE("parts of a step tell apart what always grows together in the whole") {
  const CostFeatures whole{{"a", 1.0}, {"b", 2.0}, {"step", 1.0}};
  std::vector<Probe> probes;
  for (int i = 1; i <= 12; ++i) {
    const double n = i;
    const CostFeatures items{{"a", n}, {"b", 2 * n}, {"step", 1.0}};
    probes.push_back({.items = items,
                      .seconds = 7 * n + 2,
                      .parts = {{.items = {{"a", n}}, .seconds = 3 * n},
                                {.items = {{"b", 2 * n}}, .seconds = 4 * n},
                                {.items = {{"step", 1.0}}, .seconds = 2}}});
  }
  const StepTable table = StepTable::fit(probes);
  CHECK(table.error() < 0.001);
  CHECK(table.seconds({{"a", 10.0}, {"step", 1.0}}) == Approx(32).epsilon(0.01));
  CHECK(table.seconds({{"b", 10.0}, {"step", 1.0}}) == Approx(22).epsilon(0.01));
  CHECK(table.seconds(whole) == Approx(9).epsilon(0.01));
}

TEST_CASE("what operations leave of a step belongs to the parameters and the step itself") {
  const CostFeatures items = ModelSizes(12, 64).items(dense);
  CHECK(probe_of(items, 0.01, {}).parts.empty());
  const Probe probe = probe_of(items, 0.01, {{.work = {{.name = "add calls", .amount = 4}}, .seconds = 0.007}});
  REQUIRE(probe.parts.size() == 2);
  CHECK(probe.parts[0].items == CostFeatures{{"add calls", 4.0}});
  CHECK(probe.parts[1].seconds == Approx(0.003));
  CHECK(probe.parts[1].items.at("parameters") == items.at("parameters"));
  CHECK(probe.parts[1].items.size() == 4);
}

TEST_CASE("the work of a step is that of its operations") {
  const ModelSizes sizes(12, 64);
  const CostFeatures items = sizes.items(dense);
  const Cost cost = sizes.cost(dense);
  double flops = 0;
  for (const auto& [name, amount] : items)
    if (name.find("linear") == 0 && name.find("flops") != std::string::npos) flops += amount;
  CHECK(flops < static_cast<double>(cost.training_flops()));
  CHECK(flops > 0.8 * static_cast<double>(cost.training_flops()));
  CHECK(items.at("parameters") == static_cast<double>(cost.parameters));
  CHECK(items.at("rotate 1 elements") > 0);
  CHECK(items.at("attend 1 calls") == 2);
  // Heads of 8 and of 12 channels are work of another kind than heads of whole vectors.
  const std::string_view heads[] = {"Heads<4>, HeadDim<8>", "Heads<4>, HeadDim<12>"};
  for (int i = 0; i < 2; ++i)
    CHECK(sizes
              .items("Decoder<Stack<Block<Attention<" + std::string(heads[i]) +
                     ", DConv<3>>, Ffn<ReLU>>, 1>, Vocab<256>, Width<64>, Context<64>>")
              .count("causal_convolution " + std::to_string(2 + i) + " calls") == 1);
  const CostFeatures routed = sizes.items(sparse);
  CHECK(routed.at("expert_linear calls") == 2 * 2);
  CHECK(routed.count("route_token_choice elements") == 1);
}

TEST_CASE("oracles tell the sizes, and the step time where they know it") {
  const ModelSizes sizes(12, 64);
  const Estimate d = FlopsOracle(sizes, 1e10).estimate(dense, 0), s = MeasuredOracle(sizes).estimate(sparse, 12);
  CHECK(*d.step_seconds == Approx(static_cast<double>(sizes.cost(dense).training_flops()) / 1e10));
  CHECK_FALSE(s.step_seconds.has_value());
  CHECK(s.parameters > d.parameters);
  CHECK(s.activated_parameters < s.parameters);
  CHECK(d.activated_parameters == d.parameters);
  CHECK(s.bytes > 4 * s.parameters);
  const TableOracle table(
      sizes,
      StepTable::from_json(
          {{"version", 2}, {"error", 0}, {"error_of_nine_tenths", 0}, {"seconds", {{"parameters", 1e-8}, {"step", 1e-3}}}}));
  CHECK(*table.estimate(dense, 0).step_seconds == Approx(1e-3 + 1e-8 * static_cast<double>(d.parameters)));
  const Estimate twice = FlopsOracle(sizes, 1e10).estimate(dense, 24);
  CHECK(*twice.step_seconds == Approx(2 * *d.step_seconds));
  CHECK(twice.parameters == d.parameters);
  CHECK(twice.bytes > d.bytes);
}

TEST_CASE("limits refuse what is above them and nothing else") {
  const Limits none{.step_time_factor = 0, .parameters = 0, .activated_parameters = 0, .bytes = 0};
  const Estimate e{.step_seconds = 3, .parameters = 100, .activated_parameters = 50, .bytes = 1000};
  CHECK(none.refusal(e, 1).empty());
  Limits limits{.step_time_factor = 1.5, .parameters = 100, .activated_parameters = 50, .bytes = 1000};
  CHECK(limits.refusal(e, 2).empty());
  CHECK(limits.refusal(e, 1.9) == "step time");
  CHECK(limits.refusal({.step_seconds = {}, .parameters = 101, .activated_parameters = 0, .bytes = 0}, 1) == "parameters");
  CHECK(limits.refusal({.step_seconds = {}, .parameters = 1, .activated_parameters = 51, .bytes = 0}, 1) ==
        "activated parameters");
  CHECK(limits.refusal({.step_seconds = {}, .parameters = 1, .activated_parameters = 1, .bytes = 1001}, 1) == "bytes");
  CHECK(Limits::from_json(limits.to_json()).refusal(e, 1.9) == "step time");
}

TEST_CASE("a fast genome gets more steps for the same budget") {
  CHECK(Budget{4}.steps(0.01) == 400);
  CHECK(Budget{4}.steps(0.02) == 200);
  CHECK(Budget{4}.steps(100) == Budget::min_steps);
}

TEST_CASE("the baselines are legal models of the proxy, the plain Transformer first") {
  const std::vector<Baseline> baselines = proxy_baselines({});
  REQUIRE(baselines.size() == 6);
  CHECK(baselines[0].is_plain);
  CHECK(baselines[1].is_plain);
  const BlockSpace space;
  for (const Baseline& b : baselines) {
    INFO(b.name);
    CHECK(Genome::parse(b.text)->text() == b.text);
    CHECK(b.text.find("Width<64>") != std::string::npos);
  }
  for (std::size_t plain = 0; plain < 2; ++plain) CHECK(space.check(baselines[plain].text).ok());
  CHECK(space.check(baselines[3].text).ok());
  CHECK(proxy_baselines({.vocab = 256, .context = 32, .width = 128, .heads = 4, .layers = 8})[5].text.find(", 2>") !=
        std::string::npos);
}

TEST_CASE("calibration times the baselines and affordable models of the space, each once") {
  const BlockSpace space;
  const ModelSizes sizes(12, 64);
  const auto baselines = proxy_baselines({});
  const auto texts = calibration_texts(space, baselines, sizes, 1, {.probes = 30, .max_flops = 2});
  CHECK(texts.size() == 36);
  CHECK(std::set<std::string>(texts.begin(), texts.end()).size() == 36);
  CHECK(texts[0] == baselines[0].text);
  CHECK(texts == calibration_texts(space, baselines, sizes, 1, {.probes = 30, .max_flops = 2}));
  const auto maximum = 2 * sizes.cost(texts[0]).training_flops();
  for (std::size_t i = 6; i < texts.size(); ++i) CHECK(sizes.cost(texts[i]).training_flops() <= maximum);
}

TEST_CASE("calibration of a space whose genomes are all too large says so, and stops when it is asked to") {
  const BlockSpace space;
  const ModelSizes sizes(12, 64);
  const auto baselines = proxy_baselines({});
  const CalibrationOptions options{.probes = 1, .max_flops = 0.001};
  try {
    (void)calibration_texts(space, baselines, sizes, 1, options);
    FAIL("there are texts");
  } catch (const Exception& error) {
    CHECK(std::string(error.what()).find("of 700 random ones of the space, 0 take at most") != std::string::npos);
  }
  int asked = 0;
  CHECK(calibration_texts(space, baselines, sizes, 1, options, [&] { return ++asked < 5 ? Stop::no : Stop::now; }).size() == 6);
  CHECK(asked == 5);
}
