#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/strategy/strategy.hpp"
#include "genoform/search/study/finals.hpp"
#include "genoform/search/study/front.hpp"
#include "genoform/search/study/ledger.hpp"
#include "genoform/search/study/study_options.hpp"
#include "genoform/search/study/trial_runner.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// One run of a study: how far it goes and whom it tells. Nothing here changes the record of a trial.
struct StudyRun {
  int genomes = 200;                     ///< to train beside the baselines, counted from the beginning of the study
  std::optional<FinalOptions> finals{};  ///< none: no final, and nothing sees the test text; nor where no genome was trained
  StopRequest stop = [] { return Stop::no; };
  OnTrial on_trial = [](const Ledger&, const Trial&) {};
  /// When no trial will begin any more and the final follows, if any; `is_complete`: all trials are finished.
  std::function<void(const Ledger&, bool is_complete)> on_search_end = [](const Ledger&, bool) {};
  OnFinal on_final = [](const FinalRun&) {};
};

/// A search for an architecture: proposals of a strategy in a space, trained by workers beside baselines, in a store. The roles
/// are referred to and must live as long as the study. Throws Exception where an option makes no sense.
///   Study study{space, strategy, oracle, baselines, workers, {.seed = 7}};
///   std::printf("%s", study.run({.genomes = 100}).text().c_str());
struct Study {
  const Space& space;
  const Strategy& strategy;
  const Estimator& oracle;  ///< of step times and sizes
  std::vector<Baseline> baselines;
  Workers& workers;  ///< those who have the evaluator: InProcessWorkers, or a WorkerPool of processes
  StudyOptions options{};
  nlohmann::json evaluator = nullptr;  ///< tells one evaluator and its data from another; a study goes on with the same only
  std::vector<Arm> controls{};  ///< further searches, which share the genomes of a run with the study's own and judge its result

  /// Everything that the record depends on.
  nlohmann::json identity() const;

  /// Searches, in a store that is new or holds this study already, which then goes on where it was left. False when it was asked
  /// to stop at once; what is done by then is in the store.
  bool run(Store& store, const StudyRun& run) const;

  /// The same in a store that is gone afterwards.
  Report run(const StudyRun& run = {}) const {
    Store store = Store::in_memory();
    this->run(store, run);
    return Report(store);
  }
};

namespace study {
/// The first difference of two descriptions, as in "options/budget: 4.0, now 5.0"; empty where they are equal.
GENOFORM_SEARCH_INLINE std::string difference(const nlohmann::json& there, const nlohmann::json& now);
}  // namespace study

/// Makes the store that of a study, or makes sure that it is; throws Exception that says what differs.
GENOFORM_SEARCH_INLINE void claim(Store& store, const nlohmann::json& identity);

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE nlohmann::json Study::identity() const {
  nlohmann::json names = nlohmann::json::object();
  for (const Baseline& baseline : baselines) names[baseline.name] = {{"text", baseline.text}, {"is_plain", baseline.is_plain}};
  const auto arm = [](const Space& s, const Strategy& chosen) -> nlohmann::json {
    return {{"space", {{"kind", s.kind()}, {"genes", s.describe()}}},
            {"strategy", {{"name", chosen.name()}, {"options", chosen.describe()}}}};
  };
  nlohmann::json others = nlohmann::json::object();
  for (const Arm& control : controls) others[control.name] = arm(*control.space, *control.strategy);
  nlohmann::json own = arm(space, strategy);
  return {{"space", std::move(own["space"])},
          {"strategy", std::move(own["strategy"])},
          {"controls", std::move(others)},
          {"oracle", oracle.name()},
          {"baselines", std::move(names)},
          {"options", json_of(options)},
          {"evaluator", evaluator}};
}

namespace study {

GENOFORM_SEARCH_INLINE std::string difference(const nlohmann::json& there, const nlohmann::json& now) {
  const nlohmann::json differences = nlohmann::json::diff(there, now);
  if (differences.empty()) return "";
  const nlohmann::json::json_pointer path(differences.front().at("path").get<std::string>());
  const auto value = [&](const nlohmann::json& j) {
    constexpr std::size_t enough = 80;
    const std::string text = j.contains(path) ? j.at(path).dump(-1, ' ', true) : "nothing";
    return text.size() <= enough ? text : text.substr(0, enough) + "...";
  };
  return path.to_string().substr(1) + ": " + value(there) + ", now " + value(now);
}

/// Adds the time that trials took to the journal, for the report's trials per hour: from the end of the first, so that the start
/// of workers does not count.
class TrialClock {
 public:
  void trial_ended() {
    if (!first_) first_ = Clock::now();
  }
  void write(Store& store) const {
    if (!first_) return;
    const double before = number_of<double>(store.note("seconds of trials").value_or("0")).value_or(0);
    const double seconds = std::chrono::duration<double>(Clock::now() - *first_).count();
    store.set_note("seconds of trials", fixed_text(before + seconds, 6));
  }

 private:
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> first_;
};

/// The winner where the search found it; else none.
inline std::optional<Finalist> found_genome(const Report& report) {
  const std::optional<Standing> winner = report.winner();
  if (!winner || winner->finalist.is_baseline || winner->finalist.is_control) return std::nullopt;
  return winner->finalist;
}

/// Leaves the note "reachable by": the control arms whose own spaces have the genome that the search found.
inline void note_reachable_by(Store& store, const Space& space, const std::vector<Arm>& controls) {
  const std::optional<Finalist> found = found_genome(Report(store));
  std::vector<std::string> names;
  for (const Arm& control : controls)
    if (found && control.space != &space && control.space->check(found->text).ok()) names.push_back(control.name);
  store.set_note("reachable by", nlohmann::json(names).dump());
}

/// The bounds of its space that a genome lies on, and those of the genes of its training.
inline std::vector<std::string> bounds_of(const std::string& text, double learning_rate, int batch, const Space& space,
                                          const StudyOptions& options) {
  std::vector<std::string> bounds = space.bounds_of(text);
  const auto add = [&](const std::string& what, bool is_first, bool is_last, std::size_t values) {
    if (values > 1 && is_first) bounds.push_back(what + " (the smallest)");
    if (values > 1 && is_last) bounds.push_back(what + " (the largest)");
  };
  const std::vector<double>& rates = options.learning_rates;
  if (!rates.empty())
    add("learning rate " + general_text(learning_rate), learning_rate <= rates.front(), learning_rate >= rates.back(),
        rates.size());
  const std::vector<int>& batches = options.batches;
  if (!batches.empty()) add("batch " + std::to_string(batch), batch <= batches.front(), batch >= batches.back(), batches.size());
  return bounds;
}

/// Leaves the note "bounds".
inline void note_bounds(Store& store, const Space& space, const StudyOptions& options) {
  constexpr std::size_t most = 10;
  const Report report(store);
  BoundsReached reached;
  if (const std::optional<Finalist> found = found_genome(report))
    reached.winner = bounds_of(found->text, found->learning_rate, found->batch, space, options);
  std::vector<const Trial*> best = ranked(report.trials(), [](const Trial& t) { return t.phase == "search" && t.name.empty(); });
  best.resize(std::min(best.size(), most));
  std::map<std::string, std::size_t> counts;
  for (const Trial* t : best)
    for (const std::string& bound : bounds_of(t->text, t->learning_rate, t->batch, space, options)) ++counts[bound];
  for (const auto& [bound, count] : counts)
    if (3 * count >= best.size()) reached.best.push_back(bound);
  store.set_note("bounds", json_of(reached).dump());
}

}  // namespace study

GENOFORM_SEARCH_INLINE void claim(Store& store, const nlohmann::json& identity) {
  const auto kept = store.setting("identity", store::as_it_is);
  if (!kept) return store.set("identity", identity.dump());
  const std::string difference = study::difference(*kept, identity);
  if (!difference.empty())
    throw Exception({ErrorKind::input,
                     "the study was made with another " + difference + "; take the same options and data, or another --study"});
}

GENOFORM_SEARCH_INLINE bool Study::run(Store& store, const StudyRun& run) const {
  claim(store, identity());
  std::vector<Arm> arms{{.name = "", .space = &space, .strategy = &strategy}};
  for (const Arm& control : controls) arms.push_back(control);
  const Search search{std::move(arms), oracle, baselines, options};
  Ledger ledger(store, search.memories());
  study::TrialClock clock;
  const bool is_complete = TrialRunner(search, ledger, workers, run.genomes).run(run.stop, [&](const Ledger& l, const Trial& t) {
    clock.trial_ended();
    run.on_trial(l, t);
  });
  clock.write(store);
  if (run.stop() == Stop::now) return false;
  study::note_front(store, strategy.objectives(), oracle, options.batch);
  run.on_search_end(ledger, is_complete);
  if (run.genomes > 0 && ledger.genomes_trained() == 0) return true;  // there is nothing that a final could confirm
  const bool is_done = !run.finals || Finals(search, store, workers, *run.finals).run(run.stop, run.on_final);
  if (is_done) {
    study::note_bounds(store, space, options);
    study::note_reachable_by(store, space, controls);
  }
  return is_done;
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
