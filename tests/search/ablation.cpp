#include "genoform/search/study/ablation.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "genoform/search/report/ablation_result.hpp"
#include "genoform/search/report/html/page.hpp"
#include "genoform/search/space/named_spaces.hpp"
#include "tests/catch.hpp"
#include "tests/search/follow_up.hpp"

using namespace toy;

namespace {

const Candidate winner{
    "Decoder<Stack<Block<Attention<Heads<2>, DConv<3>>, Ffn<SqReLU, Hidden<128>>>, 2>, Vocab<256>, Width<64>, Context<64>>", 8e-3,
    4},
    control{
        "Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU, Hidden<128>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>",
        4e-3, 12};

/// Squared ReLU is worth 0.05 bits per byte and the convolution 0.2; nothing else matters.
KnownModels with_known_parts() {
  return KnownModels([](const FinalRequest& r, double) {
    return 3 - (r.text.find("SqReLU") != std::string::npos ? 0.05 : 0) - (r.text.find("DConv") != std::string::npos ? 0.2 : 0);
  });
}

AblationPlan plan_of(int seeds) {
  AblationPlan plan = plan_ablation(BlockSpace(), winner, control);
  plan.options = {.seeds = seeds, .budget = 1};
  plan.winner = "trial 7";
  plan.control = "tuned Transformer, trial 9";
  plan.first_seed = 2001;
  return plan;
}

std::vector<std::string> rows_of(const Store& store) { return toy::rows_of(store, ablation_part); }

}  // namespace

TEST_CASE("all edits between two genomes give the second one, none the first, and each alone is legal or has a reason") {
  const BlockSpace usual, wide(wide_space());
  RandomStream samples(Random(5, stream_of("edits")));
  int legal = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    const BlockSpace& space = i < 200 ? usual : wide;
    const Candidate from{space.random(samples), 4e-3, 12};
    Candidate to{space.random(samples), i % 2 == 0 ? 4e-3 : 8e-3, i % 6 == 3 ? 4 : 12};
    if (i % 3 == 0) to.text = space.mutate(from.text, samples);
    const Edits edits(space, from, to);
    INFO(from.text << " to " << to.text);
    CHECK(edits.with(std::vector<bool>(edits.size(), true)).value() == to);
    CHECK(edits.with(std::vector<bool>(edits.size(), false)).value() == from);
    std::set<std::string> names;
    for (std::size_t e = 0; e < edits.size(); ++e) {
      names.insert(edits.name(e));
      for (const Result<Candidate>& changed : {edits.with_only(e), edits.with_all_but(e)}) {
        ++(changed ? legal : refused);
        if (changed)
          CHECK(Genome::parse(changed->text)->text() == changed->text);
        else
          CHECK_FALSE(changed.error().message.empty());
      }
    }
    CHECK(names.size() == edits.size());
    if (i % 6 == 0 && i < 200) CHECK(edits.size() <= 2);  // a mutation; in the wide space a swap may be many genes
  }
  CHECK(legal > 1000);
  CHECK(refused > 0);
}

TEST_CASE("edits name genes, sub-layers put in and left out, the learning rate and the batch") {
  const Edits edits(BlockSpace(), control, winner);
  std::vector<std::string> names;
  for (std::size_t e = 0; e < edits.size(); ++e) names.push_back(edits.name(e));
  CHECK(names == std::vector<std::string>{"learning rate 0.004 -> 0.008", "batch 12 -> 4",
                                          "sub-layer 1, Attention: convolution default -> DConv<3>",
                                          "sub-layer 2, Ffn: activation ReLU -> SqReLU", "sub-layer 3: Ffn<ReLU> -> none"});
  const Candidate moved{"Decoder<Stack<Block<Ffn<ReLU>, Attention<Heads<2>>>, 2>, Vocab<256>, Width<64>, Context<64>>", 4e-3, 12},
      plain{"Decoder<Stack<Block<Attention<Heads<2>>, Ffn<ReLU>>, 2>, Vocab<256>, Width<64>, Context<64>>", 4e-3, 12};
  const Edits move(BlockSpace(), plain, moved);
  REQUIRE(move.size() == 2);
  CHECK(move.name(0) == "sub-layer 1: Attention<Heads<2>> -> none");
  CHECK(move.name(1) == "sub-layer 3: none -> Attention<Heads<2>>");
  CHECK_THROWS_AS(
      Edits(BlockSpace(), control, Candidate{"Decoder<Stack<Block<Gau>, 2>, Vocab<256>, Width<64>, Context<64>>", 1, 0}),
      Exception);
}

TEST_CASE("an ablation finds the parts that carry a winner, and no others") {
  KnownModels models = with_known_parts();
  InProcessWorkers workers(models, 2);
  Store store = Store::in_memory();
  CHECK_FALSE(AblationResult::of(store).has_value());
  const AblationPlan plan = plan_of(3);
  CHECK(plan.models.size() == 2 + 2 * 5);
  REQUIRE(begin_ablation(store, workers, plan, never));
  REQUIRE(continue_ablation(store, workers, never, [](const FollowUpRun&) {}));
  const AblationResult result = *AblationResult::of(store);
  CHECK(result.finished == plan.runs());
  CHECK(*result.all.mean == Approx(0.25).margin(0.02));
  for (const PartResult& part : result.parts) {
    const double effect = part.name.find("SqReLU") != std::string::npos  ? 0.05
                          : part.name.find("DConv") != std::string::npos ? 0.2
                                                                         : 0;
    for (const PartEffect& found : {part.in_winner, part.in_control}) {
      INFO(part.name);
      CHECK(found.is_significant() == (effect > 0));
      CHECK(*found.mean == Approx(effect).margin(0.01));
      CHECK(*found.low < effect + 0.005);
      CHECK(*found.high > effect - 0.005);
    }
  }
  const std::string text = result.text();
  CHECK(text.find("trial 7 without sub-layer 2, Ffn: activation ReLU -> SqReLU: it helps") != std::string::npos);
  CHECK(json_of(result).at("parts").size() == 5);
  const std::string page = html::page_of({store, "study", "study.sqlite", ""});
  CHECK(page.find("All parts together bring +" + fixed_text(*result.all.mean, 3)) != std::string::npos);
  for (const PartResult& part : result.parts)
    CHECK(page.find("<th scope=\"row\">" + html::escaped(part.name) + "</th><td class=\"number\">" +
                    ablation::signed_text(*part.in_winner.mean) + "</td>") != std::string::npos);
}

TEST_CASE("where nothing matters hardly any ablation finds a part") {
  int alarms = 0;
  for (std::uint64_t noise = 0; noise < 60; ++noise) {
    KnownModels models([](const FinalRequest&, double) { return 3.0; }, noise);
    InProcessWorkers workers(models);
    Store store = Store::in_memory();
    REQUIRE(begin_ablation(store, workers, plan_of(3), never));
    REQUIRE(continue_ablation(store, workers, never, [](const FollowUpRun&) {}));
    const AblationResult result = *AblationResult::of(store);
    const bool is_alarm = result.text().find("No part is beyond the noise") == std::string::npos;
    alarms += is_alarm ? 1 : 0;
  }
  CHECK(alarms <= 7);  // 5 % of 60 and two standard deviations
}

TEST_CASE("an ablation that was stopped at any run, and one that was killed, leave what a whole one leaves") {
  KnownModels models = with_known_parts();
  Store whole = Store::in_memory();
  InProcessWorkers workers(models);
  const AblationPlan plan = plan_of(2);
  REQUIRE(begin_ablation(whole, workers, plan, never));
  REQUIRE(continue_ablation(whole, workers, never, [](const FollowUpRun&) {}));
  Store parts = Store::in_memory();
  REQUIRE(begin_ablation(parts, workers, plan, never));
  int interruptions = 0;
  for (bool is_done = false; !is_done; ++interruptions) {
    int left = 3;
    InProcessWorkers fresh(models);
    is_done = continue_ablation(
        parts, fresh, [&] { return left <= 0 ? Stop::now : Stop::no; }, [&](const FollowUpRun&) { --left; });
  }
  CHECK(interruptions > 3);
  CHECK(rows_of(parts) == rows_of(whole));
  const TemporaryFile file("genoform-ablation-killed");
  const int kills = kill_until_done([&] {
    Store store(file.path(), Store::Open::write);
    KnownModels slow = with_known_parts();
    slow.microseconds = 3000;
    InProcessWorkers mine(slow);
    if (!ablation_of(store) && !begin_ablation(store, mine, plan, never)) return false;
    return continue_ablation(store, mine, never, [](const FollowUpRun&) {});
  });
  CHECK(kills >= 1);
  CHECK(rows_of(Store(file.path(), Store::Open::read)) == rows_of(whole));
}

TEST_CASE("a part that fails in training or is not possible alone is reported as such, and the others have their effects") {
  KnownModels models([](const FinalRequest& r, double) -> double {
    if (r.text.find("SqReLU") == std::string::npos && r.text.find("DConv") != std::string::npos)
      throw Exception({ErrorKind::not_finite, "step 3: the loss is not finite"});
    return 3;
  });
  InProcessWorkers workers(models);
  Store store = Store::in_memory();
  AblationPlan plan = plan_of(2);
  for (AblationVariant& v : plan.variants)
    if (v.part.starts_with("learning rate"))
      v = {.part = v.part, .is_of_winner = v.is_of_winner, .model = -1, .problem = "planted"};
  REQUIRE(begin_ablation(store, workers, plan, never));
  REQUIRE(continue_ablation(store, workers, never, [](const FollowUpRun&) {}));
  const AblationResult result = *AblationResult::of(store);
  CHECK_FALSE(result.parts[0].in_winner.mean.has_value());
  CHECK(result.parts[0].in_winner.problem == "planted");
  CHECK(result.parts[3].in_winner.problem == "step 3: the loss is not finite");
  CHECK(result.parts[3].in_control.mean.has_value());
  CHECK(result.parts[2].in_winner.mean.has_value());
  CHECK(result.text().find("step 3: the loss is not finite") != std::string::npos);
}
