#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common.hpp"
#include "follow_up.hpp"
#include "genoform/search/report/confirm_result.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options : FollowUpOptions {
  ConfirmOptions confirm;
};

ConfirmPlan new_plan(const Options& o, const FollowUpSession& session) {
  ConfirmPlan plan;
  plan.options = o.confirm;
  plan.budget = session.request().study.budget;
  plan.first_seed = session.request().study.seed + 3000;
  const KindNames kinds = session.request().space_options().names;
  const auto add = [&](const Standing& s) {
    const Candidate candidate{s.finalist.text, s.finalist.learning_rate, s.finalist.batch};
    plan.models.push_back(grown_model(s.finalist.name, candidate, plan.options.sizes, kinds));
  };
  add(session.winner());
  const std::size_t controls = std::min(session.controls().size(), static_cast<std::size_t>(plan.options.controls));
  for (std::size_t c = 0; c < controls; ++c) add(*session.controls()[c]);
  return plan;
}

/// Refuses options and a winner that the kept plan was not made for.
void check_kept(const Options& o, const FollowUpSession& session, const ConfirmPlan& kept) {
  session.check_kept("--budgets", o.confirm.budgets, kept.options.budgets);
  session.check_kept("--sizes", o.confirm.sizes, kept.options.sizes);
  session.check_kept("--seeds", o.confirm.seeds, kept.options.seeds);
  session.check_kept("--controls", o.confirm.controls, kept.options.controls);
  const Finalist& winner = session.winner().finalist;
  const bool is_same = kept.models.front().texts.front() == winner.text && kept.models.front().batch == winner.batch;
  if (!is_same && kept.options.sizes.front() == 0)
    throw Exception({ErrorKind::input, o.study + ": the final has another winner than the confirmation, " +
                                           kept.models.front().name + "; --anew begins again"});
}

/// Processor seconds of a run: training, and evaluating, which takes four times as long a step up.
double seconds_of(const FollowUpSession& session, const FollowUpRun& run) {
  const TrainingSetup& setup = session.request().training;
  const double windows = run.is_sweep ? 2.0 * setup.windows : 2.0 * setup.final_windows + run.points * setup.windows;
  return run.budget + std::pow(4.0, run.size) * session.evaluation_seconds(windows);
}

void announce(FollowUpSession& session, const ConfirmPlan& plan, const std::vector<FollowUpRun>& to_do, bool is_new) {
  double seconds = 0, timing = 0;
  for (const FollowUpRun& run : to_do) seconds += seconds_of(session, run);
  for (const int size : plan.options.sizes)
    timing += std::pow(4.0, size) * static_cast<double>(plan.models.size()) * 4 * plan.options.rounds *
              session.winner().finalist.step_seconds;
  std::string names;
  for (const ConfirmModel& model : plan.models) names += (names.empty() ? "" : ", ") + model.name;
  session.announce("confirmation of " + names + " at " + std::to_string(plan.options.budgets.size()) + " budgets and " +
                       std::to_string(plan.options.sizes.size()) + " sizes, " + std::to_string(plan.options.seeds) + " seeds",
                   static_cast<int>(to_do.size()), seconds, is_new ? timing : 0);
}

int run(const Options& given) {
  Options o = given;
  std::sort(o.confirm.budgets.begin(), o.confirm.budgets.end());
  std::sort(o.confirm.sizes.begin(), o.confirm.sizes.end());
  const auto has_twins = [](const auto& sorted) { return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end(); };
  if (has_twins(o.confirm.budgets) || has_twins(o.confirm.sizes)) usage_error("--budgets, --sizes: a value stands there twice");
  FollowUpSession session(o);
  const std::optional<ConfirmPlan> kept = o.anew ? std::nullopt : confirmation_of(session.store());
  if (kept) check_kept(o, session, *kept);
  const ConfirmPlan plan = kept ? *kept : new_plan(o, session);
  std::vector<FollowUpRun> to_do = kept ? session.store().follow_ups(confirm_part) : runs_of(plan);
  const int runs = static_cast<int>(to_do.size());
  std::erase_if(to_do, [](const FollowUpRun& run) { return run.finished(); });
  if (!to_do.empty()) {
    announce(session, plan, to_do, !kept);
    session.count(runs, runs - static_cast<int>(to_do.size()));
    const int code = session.train(
        [&](Workers& workers) { return kept || begin_confirmation(session.store(), workers, plan, session.stop()); },
        [&](Workers& workers) { return continue_confirmation(session.store(), workers, session.stop(), session.on_run()); });
    if (code != 0) return code;
  }
  session.print(ConfirmResult::of(session.store()));
  return 0;
}

}  // namespace

void add_confirm(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "confirm", "Train the winner of a study and its controls for longer and larger: does its lead stay?",
      "  genoform confirm austen.sqlite\n"
      "  genoform confirm austen.sqlite --budgets 1,4,16,64 --sizes 0,1,2 --seeds 5 --max-time 600",
      run);
  add_follow_up_options(*app, *o);
  const auto positive = CLI::Validator([](std::string& text) { return complaint_about<double>(text, above(0)); }, "");
  const auto steps = CLI::Validator([](std::string& text) { return complaint_about<int>(text, from_to(0, 6)); }, "");
  app->add_option("--budgets", o->confirm.budgets, "times the budget of a trial, as in 1,4,16; three or more give a power law")
      ->delimiter(',')
      ->check(positive)
      ->capture_default_str();
  app->add_option("--sizes", o->confirm.sizes,
                  "steps up, as in 0,1: each doubles the widths of model, hidden layers and heads; from the second on the number "
                  "of blocks too")
      ->delimiter(',')
      ->check(steps)
      ->capture_default_str();
  add_number(*app, "--seeds", o->confirm.seeds, "fresh trainings of each model", at_least(2))->capture_default_str();
  add_number(*app, "--controls", o->confirm.controls, "the best controls and baselines of the final that are trained beside it",
             at_least(1))
      ->capture_default_str();
}

}  // namespace command
