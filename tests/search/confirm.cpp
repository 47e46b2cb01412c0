#include "genoform/search/study/confirm.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "genoform/search/report/confirm_result.hpp"
#include "genoform/search/report/html/page.hpp"
#include "tests/catch.hpp"
#include "tests/search/follow_up.hpp"

using namespace toy;

namespace {

std::string model(const std::string& block) {
  return "Decoder<Stack<Block<Attention<Heads<2>>, " + block + ">, 2>, Vocab<256>, Width<64>, Context<64>>";
}

/// The losses of a model that learns `speed` times as fast as the others if its text has SqReLU. The best rate is 0.008.
KnownModels with_speed(double speed, std::uint64_t noise = 0) {
  return KnownModels(
      [speed](const FinalRequest& r, double seconds) {
        const double factor = r.text.find("SqReLU") != std::string::npos ? speed
                              : r.text.find("GeLU") != std::string::npos ? 0.8
                                                                         : 1;
        return 4 - 0.3 * std::log(factor * seconds) + 0.1 * std::abs(std::log(r.learning_rate / 0.008));
      },
      noise);
}

ConfirmPlan plan_of(ConfirmOptions options) {
  ConfirmPlan plan;
  plan.options = std::move(options);
  plan.budget = 1;
  plan.first_seed = 3001;
  for (const auto& [name, ffn, rate] :
       {std::tuple{"trial 7", "Ffn<SqReLU>", 4e-3}, {"tuned Transformer", "Ffn<ReLU>", 8e-3}, {"tuned GLaM", "Ffn<GeLU>", 16e-3}})
    plan.models.push_back(grown_model(name, {model(ffn), rate, 12}, plan.options.sizes, {}));
  return plan;
}

Store finished_confirmation(KnownModels models, const ConfirmOptions& options) {
  InProcessWorkers workers(models, 2);
  Store store = Store::in_memory();
  REQUIRE(begin_confirmation(store, workers, plan_of(options), never));
  REQUIRE(continue_confirmation(store, workers, never, [](const FollowUpRun&) {}));
  return store;
}
ConfirmResult result_of(KnownModels models, const ConfirmOptions& options) {
  return *ConfirmResult::of(finished_confirmation(std::move(models), options));
}

}  // namespace

TEST_CASE("a model grows by steps that double its widths, and from the second on its blocks") {
  const std::vector<int> sizes{0, 1, 2};
  const ConfirmModel grown = grown_model(
      "trial 7",
      {"Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<4>, Hidden<96>>>, 2>, Vocab<256>, Width<48>, Context<64>>", 1,
       12},
      sizes, {});
  CHECK(grown.texts[1] ==
        "Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<4>, Hidden<192>>>, 2>, Vocab<256>, Width<96>, Context<64>>");
  CHECK(grown.texts[2] ==
        "Decoder<Stack<Block<Attention<Heads<4>>, Moe<Top2, Experts<4>, Hidden<384>>>, 4>, Vocab<256>, Width<192>, Context<64>>");
  CHECK_THROWS_AS(grown_model("a part", {"Block<Attention<Heads<4>>>", 1, 12}, {1}, {}), Exception);
}

TEST_CASE("a confirmation finds a known speed-up at each budget and size, and rates by its sweeps") {
  const ConfirmResult result = result_of(with_speed(1.5), {.budgets = {1, 4, 16}, .sizes = {0, 1}});
  CHECK(result.finished == result.runs);
  REQUIRE(result.comparisons.size() == 3 * 2 * 2);
  for (const ConfirmComparison& c : result.comparisons) {
    const double factor = c.control == "tuned GLaM" ? 1.5 / 0.8 : 1.5;
    INFO(c.control << " " << c.budget << " " << c.size);
    CHECK(*c.speed_up == Approx(factor).epsilon(0.03));
    CHECK(*c.speed_up_low < *c.speed_up);
    CHECK(c.speed_up_bound.empty());
    CHECK(*c.mean == Approx(0.3 * std::log(factor)).margin(0.015));
    CHECK(*c.p_after_holm < 0.05);
    if (c.budget == 16)
      CHECK(c.control_time_bound == ">");
    else
      CHECK(*c.control_time == Approx(factor).epsilon(0.03));
  }
  for (const ConfirmRow& row : result.rows) {
    CHECK(row.learning_rate == Approx(8e-3));
    CHECK(row.is_rate_at_end == (row.name != "tuned Transformer"));
    CHECK(row.step_seconds == Approx(row.size == 0 ? 1e-3 : 2e-3));
    CHECK(static_cast<double>(row.steps) * row.step_seconds == Approx(row.budget).epsilon(0.01));
  }
  REQUIRE(result.laws.size() == 4);
  for (const ConfirmLaw& law : result.laws) CHECK(law.exponent == Approx(0).margin(0.02));
  REQUIRE(result.correlations.size() == 2 * 3 + 3);
  for (const ConfirmCorrelation& c : result.correlations) CHECK(c.tau == Approx(1));
  const std::string text = result.text();
  CHECK(text.find("Rank correlation between 1x and 16x the budget, as found: 1.00 (Kendall's tau of 3 models)") !=
        std::string::npos);
  CHECK(json_of(result).at("comparisons").size() == 12);
}

TEST_CASE("the page of a study shows its confirmation as a table and as curves of the longest trainings") {
  const Store store = finished_confirmation(with_speed(1.5), {.budgets = {1, 4, 16}, .sizes = {0}});
  const ConfirmResult result = *ConfirmResult::of(store);
  const std::string page = html::page_of({store, "study", "study.sqlite", ""});
  const auto has = [&](const std::string& part) { return page.find(part) != std::string::npos; };
  CHECK(has("Training curves of 16x the budget, as found, means over the seeds."));
  for (const ConfirmComparison& c : result.comparisons)
    CHECK(has("<td class=\"number\">" + html::escaped(confirm::speed_up_text(c)) + "</td>"));
  REQUIRE(result.laws.size() == 2);
  for (const ConfirmLaw& law : result.laws) CHECK(has(confirm::text_of(law)));
}

TEST_CASE("two budgets give no power law, and equal models no difference beyond the noise in nearly all confirmations") {
  int alarms = 0;
  for (std::uint64_t noise = 0; noise < 40; ++noise) {
    const ConfirmResult result = result_of(with_speed(1, noise), {.budgets = {1, 2}, .sizes = {0}, .controls = 1});
    CHECK(result.laws.empty());
    bool is_alarm = false;
    for (const ConfirmComparison& c : result.comparisons)
      if (c.control == "tuned Transformer") is_alarm = is_alarm || *c.p_after_holm < 0.05;
    alarms += is_alarm ? 1 : 0;
  }
  CHECK(alarms <= 5);
}

TEST_CASE("a confirmation that was stopped or killed leaves what a whole one leaves") {
  const ConfirmPlan plan = plan_of({.budgets = {1, 4}, .sizes = {0}, .seeds = 2});
  KnownModels models = with_speed(1.5);
  InProcessWorkers workers(models);
  Store whole = Store::in_memory();
  REQUIRE(begin_confirmation(whole, workers, plan, never));
  REQUIRE(continue_confirmation(whole, workers, never, [](const FollowUpRun&) {}));
  const TemporaryFile file("genoform-confirmation-killed");
  const int kills = kill_until_done([&] {
    Store store(file.path(), Store::Open::write);
    KnownModels slow = with_speed(1.5);
    slow.microseconds = 10000;
    InProcessWorkers mine(slow);
    if (!confirmation_of(store) && !begin_confirmation(store, mine, plan, never)) return false;
    return continue_confirmation(store, mine, never, [](const FollowUpRun&) {});
  });
  CHECK(kills >= 1);
  CHECK(rows_of(Store(file.path(), Store::Open::read), confirm_part) == rows_of(whole, confirm_part));
}

TEST_CASE("a confirmation that goes on shows the settings that are there") {
  KnownModels models = with_speed(1.5);
  InProcessWorkers workers(models);
  Store store = Store::in_memory();
  REQUIRE(begin_confirmation(store, workers, plan_of({.budgets = {1, 4}, .sizes = {0}}), never));
  int left = 18 + 12;
  CHECK_FALSE(continue_confirmation(
      store, workers, [&] { return left <= 0 ? Stop::now : Stop::no; }, [&](const FollowUpRun&) { --left; }));
  const ConfirmResult result = *ConfirmResult::of(store);
  CHECK(result.finished == 30);
  CHECK(result.comparisons.size() == 2 * 2);
  CHECK(result.rows[5].test.size() == 1);
  CHECK(result.text().find("So far 30 of 36 runs") != std::string::npos);
}
