#include <optional>
#include <string>

#include "common.hpp"
#include "follow_up.hpp"
#include "genoform/search/report/ablation_result.hpp"
#include "genoform/search/space/block_space.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options : FollowUpOptions {
  std::string control;
  AblationOptions ablation;
};

Candidate candidate_of(const Standing& s) { return {s.finalist.text, s.finalist.learning_rate, s.finalist.batch}; }

/// The best control whose genes the space has, or the one that was asked for.
const Standing& control_of(const Options& o, const FollowUpSession& session, const BlockSpace& space) {
  if (!o.control.empty()) return session.control_named(o.control);
  for (const Standing* s : session.controls())
    if (space.check(s->finalist.text).ok()) return *s;
  throw Exception({ErrorKind::input, o.study + ": no control of the final is a genome of the search's space"});
}

AblationPlan new_plan(const Options& o, const FollowUpSession& session) {
  const BlockSpace space(session.request().space_options());
  const Standing& control = control_of(o, session, space);
  AblationPlan plan = plan_ablation(space, candidate_of(session.winner()), candidate_of(control));
  if (plan.variants.empty())
    throw Exception({ErrorKind::input, o.study + ": the winner and " + control.finalist.name +
                                           " are the same architecture; --control takes another one"});
  plan.options = o.ablation;
  if (plan.options.budget <= 0) plan.options.budget = session.request().study.budget;
  plan.winner = session.winner().finalist.name;
  plan.control = control.finalist.name;
  plan.first_seed = session.request().study.seed + 2000;
  return plan;
}

/// Refuses options and a winner that the kept plan was not made for.
void check_kept(const Options& o, const FollowUpSession& session, const AblationPlan& kept) {
  session.check_kept("--seeds", o.ablation.seeds, kept.options.seeds);
  session.check_kept("--budget", o.ablation.budget, kept.options.budget);
  if (!o.control.empty()) session.check_kept("--control", session.control_named(o.control).finalist.name, kept.control);
  if (kept.models.front() != candidate_of(session.winner()))
    throw Exception({ErrorKind::input,
                     o.study + ": the final has another winner than the ablation, " + kept.winner + "; --anew begins again"});
}

void announce(FollowUpSession& session, const AblationPlan& plan, int to_do) {
  const double evaluation = session.evaluation_seconds(2.0 * session.request().training.final_windows);
  const double timing =
      static_cast<double>(plan.models.size()) * 4 * plan.options.rounds * session.winner().finalist.step_seconds;
  session.announce("ablation of " + plan.winner + " against " + plan.control + ", " + std::to_string(plan.variants.size() / 2) +
                       " parts, " + std::to_string(plan.options.seeds) + " seeds of " + general_text(plan.options.budget) + " s",
                   to_do, to_do * (plan.options.budget + evaluation), to_do == plan.runs() ? timing : 0);
}

int run(const Options& o) {
  FollowUpSession session(o);
  const std::optional<AblationPlan> kept = o.anew ? std::nullopt : ablation_of(session.store());
  if (kept) check_kept(o, session, *kept);
  const AblationPlan plan = kept ? *kept : new_plan(o, session);
  const int finished = kept ? AblationResult::of(session.store())->finished : 0;
  if (finished < plan.runs()) {
    announce(session, plan, plan.runs() - finished);
    session.count(plan.runs(), finished);
    const int code = session.train(
        [&](Workers& workers) { return kept || begin_ablation(session.store(), workers, plan, session.stop()); },
        [&](Workers& workers) { return continue_ablation(session.store(), workers, session.stop(), session.on_run()); });
    if (code != 0) return code;
  }
  session.print(AblationResult::of(session.store()));
  return 0;
}

}  // namespace

void add_ablate(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "ablate",
                                       "Find which parts of the winner of a study carry it, against its best control.",
                                       "  genoform ablate austen.sqlite\n"
                                       "  genoform ablate austen.sqlite --control 'tuned Transformer' --seeds 5 --max-time 30",
                                       run);
  add_follow_up_options(*app, *o);
  app->add_option("--control", o->control, "the control of the final to compare with (default: the best one)");
  add_number(*app, "--seeds", o->ablation.seeds, "fresh trainings of each model", at_least(2))->capture_default_str();
  add_number(*app, "--budget", o->ablation.budget, "seconds of training at measured step time (default: that of a trial)",
             above(0));
}

}  // namespace command
