#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/report/text_table.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/report/bounds_reached.hpp"
#include "genoform/search/report/claim.hpp"
#include "genoform/search/report/data_seen.hpp"
#include "genoform/search/report/hurdle_figures.hpp"
#include "genoform/search/report/ngram_figures.hpp"
#include "genoform/search/report/pareto_front.hpp"
#include "genoform/search/report/standing.hpp"
#include "genoform/search/store/final_run.hpp"
#include "genoform/search/store/store.hpp"

namespace genoform::search {

/// What a study found, as tables and as JSON.
class Report {
 public:
  /// A step time is flagged when the oracle was off by more, compared with how far it was off for the first baseline.
  static constexpr double tolerance = 0.05;

  explicit Report(const Store& store) : trials_(store.trials()) {
    for (const Trial& t : trials_) {
      if (t.state == State::failed) ++failures_[kind_of_reason(t.reason)];
      if (t.phase != "search") continue;
      if (t.state == State::refused) ++refusals_[kind_of_reason(t.reason)];
      if (t.state == State::failed) ++failed_;
      if (t.finished()) ++finished_;
    }
    hurdles_ = HurdleFigures::of(trials_);
    const auto second_half = store.setting("identity", [](const nlohmann::json& identity) {
      return identity.value(nlohmann::json::json_pointer("/evaluator/second_half"), false);
    });
    counts_second_half_ = second_half.value_or(false);
    for (const auto& [reason, count] : store.refused_in_vain()) refusals_[reason] += count;
    if (const auto bounds = store.note("bounds", BoundsReached::of)) bounds_ = *bounds;
    const auto names = [](const nlohmann::json& j) { return j.get<std::vector<std::string>>(); };
    reachable_by_ = store.note("reachable by", names).value_or(std::vector<std::string>());
    if (const auto front = store.note("front", ParetoFront::of)) front_ = *front;
    if (const auto ngrams = store.note("ngrams", NgramFigures::of)) ngrams_ = *ngrams;
    data_seen_ = store.note("text", DataSeen::of);
    if (const auto note = store.note("seconds of trials")) seconds_ = number_of<double>(*note).value_or(0);
    for (const FinalRun& run : store.finals()) enter(run);
    std::stable_sort(standings_.begin(), standings_.end(), [](const Standing& a, const Standing& b) {
      if (a.is_ranked() != b.is_ranked()) return a.is_ranked();
      return a.is_ranked() && a.mean_validation() < b.mean_validation();
    });
  }

  const std::vector<Trial>& trials() const { return trials_; }
  const std::vector<Standing>& standings() const { return standings_; }
  int genomes() const { return finished_; }
  /// Was a genome trained to a result, also one that was stopped at a hurdle?
  bool has_genome() const { return finished_ > failed_; }
  /// What kept genomes from a result, with counts; empty where nothing did. Runs of baselines that failed count too.
  std::string obstacles() const;
  double trials_per_hour() const { return seconds_ > 0 ? 3600 * (finished_ + baseline_runs()) / seconds_ : 0; }

  /// The best finalist; before the final, the best trial. None in a study without results.
  std::optional<Standing> winner() const {
    if (!standings_.empty() && standings_.front().is_ranked()) return standings_.front();
    const std::vector<const Trial*> best = ranked(trials_, [](const Trial&) { return true; });
    if (best.empty()) return std::nullopt;
    return Standing{.finalist = Finalist::of(*best.front()), .validation = {}, .test = {}, .test_whole = {}, .failure = {}};
  }

  Claim claim() const { return claim_of(standings_); }
  const HurdleFigures& hurdles() const { return hurdles_; }
  const BoundsReached& bounds() const { return bounds_; }
  /// The control arms that could have found the winner of the search: its architecture is known, its sizes and options are new.
  const std::vector<std::string>& reachable_by() const { return reachable_by_; }
  const NgramFigures& ngrams() const { return ngrams_; }
  /// None where the study does not know its text.
  const std::optional<DataSeen>& data_seen() const { return data_seen_; }
  bool has_final_result() const { return !standings_.empty() && standings_.front().is_ranked(); }
  bool has_ngrams() const { return !ngrams_.bits_per_byte.empty() && has_final_result(); }
  /// The orders of the n-grams that the best finalist is better than.
  int ngrams_beaten() const {
    return static_cast<int>(std::count_if(ngrams_.bits_per_byte.begin(), ngrams_.bits_per_byte.end(),
                                          [&](double bits) { return standings_.front().mean_test() < bits; }));
  }
  /// What bits per byte are, in headings.
  std::string unit() const { return counts_second_half_ ? "bits per byte in the second half of each window" : "bits per byte"; }
  /// Trainings of finalists that are planned and have not ended.
  int unfinished_finals() const { return unfinished_finals_; }
  /// Megabytes that a training reads, passes over the training text, and bytes for each parameter, as tables have them; empty
  /// where the study does not know its text.
  std::vector<std::string> data_figures(const Finalist& f) const;
  bool is_oracle_off(const Finalist& f) const { return std::abs(oracle_ratio(f) - 1) > tolerance; }

  std::string text() const;
  nlohmann::json json() const;
  /// The same as text. Bytes in messages that are no UTF-8, as in a path, are replaced.
  std::string json_text() const { return json().dump(2, ' ', false, nlohmann::json::error_handler_t::replace); }

 private:
  void enter(const FinalRun& run) {
    if (!run.finished()) ++unfinished_finals_;
    auto standing = std::find_if(standings_.begin(), standings_.end(),
                                 [&](const Standing& s) { return s.finalist.trial == run.finalist.trial; });
    if (standing == standings_.end())
      standing =
          standings_.insert(standing, {.finalist = run.finalist, .validation = {}, .test = {}, .test_whole = {}, .failure = {}});
    if (!run.failure.empty()) standing->failure = run.failure;
    if (run.validation) standing->validation.push_back(*run.validation);
    if (run.test) standing->test.push_back(*run.test);
    if (run.test_whole) standing->test_whole.push_back(*run.test_whole);
  }

  int baseline_runs() const {
    return static_cast<int>(
        std::count_if(trials_.begin(), trials_.end(), [](const Trial& t) { return t.phase == "baseline" && t.finished(); }));
  }
  /// Measured over assumed step time, over the same of the first baseline.
  double oracle_ratio(const Finalist& f) const {
    const auto of = [](const Finalist& any) { return any.oracle_seconds > 0 ? any.step_seconds / any.oracle_seconds : 1; };
    const auto first =
        std::find_if(standings_.begin(), standings_.end(), [](const Standing& any) { return any.finalist.is_baseline; });
    return first == standings_.end() ? of(f) : of(f) / of(first->finalist);
  }
  int refused() const {
    int sum = 0;
    for (const auto& [reason, count] : refusals_) sum += count;
    return sum;
  }
  std::string baselines_text() const;
  std::string arms_text() const;
  std::string ngrams_text() const;
  std::string finals_text() const;
  std::string claim_text() const;
  std::string reachable_text() const;
  std::string bounds_text() const;
  std::string result_text() const;

  std::vector<Trial> trials_;
  std::vector<Standing> standings_;
  NgramFigures ngrams_;
  std::optional<DataSeen> data_seen_;
  BoundsReached bounds_;
  std::vector<std::string> reachable_by_;
  HurdleFigures hurdles_;
  ParetoFront front_;
  int finished_ = 0, failed_ = 0, unfinished_finals_ = 0;
  ReasonCounts refusals_, failures_;
  double seconds_ = 0;
  bool counts_second_half_ = false;
};

namespace report {

inline std::string listed(const std::vector<double>& values) {
  std::string text;
  for (const double v : values) text += (text.empty() ? "" : " ") + fixed_text(v, 3);
  return text.empty() ? "-" : text;
}
/// "step time (1800), bytes (3)", the most frequent first.
inline std::string listed(const ReasonCounts& counts) {
  std::vector<std::pair<std::string, int>> all(counts.begin(), counts.end());
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (const auto& [reason, count] : all) text += (text.empty() ? "" : ", ") + reason + " (" + std::to_string(count) + ")";
  return text;
}

/// 0 is the number of the evaluator.
inline std::string batch_text(int batch) { return batch > 0 ? std::to_string(batch) : "-"; }

/// The best of all trials with one name.
struct BestOfName {
  std::string name;
  int trials = 0;
  const Trial* trial = nullptr;  ///< null: none has a loss

  /// The row of a table that begins so and ends with loss, learning rate, batch, steps and step time.
  std::vector<std::string> row(std::vector<std::string> first) const {
    if (trial == nullptr)
      first.insert(first.end(), 5, "-");
    else
      first.insert(first.end(),
                   {fixed_text(*trial->loss, 3), general_text(trial->learning_rate), report::batch_text(trial->batch),
                    std::to_string(trial->steps), fixed_text(1e3 * trial->step_seconds, 2)});
    return first;
  }
};
/// The trials for which counts(trial), by name, in the order in which the names come first.
template <class Counts>
std::vector<BestOfName> best_by_name(const std::vector<Trial>& trials, Counts counts) {
  std::vector<BestOfName> best;
  for (const Trial& t : trials) {
    if (!counts(t)) continue;
    auto found = std::find_if(best.begin(), best.end(), [&](const BestOfName& b) { return b.name == t.name; });
    if (found == best.end()) found = best.insert(best.end(), {.name = t.name});
    ++found->trials;
    if (t.loss && (found->trial == nullptr || *t.loss < *found->trial->loss)) found->trial = &t;
  }
  return best;
}

}  // namespace report

#if GENOFORM_SEARCH_BODIES

/// Each baseline at its best learning rate.
GENOFORM_SEARCH_INLINE std::string Report::baselines_text() const {
  TextTable table({"baseline", "bits/byte", "learning rate", "batch", "steps", "ms/step"});
  for (const auto& b : report::best_by_name(trials_, [](const Trial& t) { return t.phase == "baseline"; }))
    table.add(b.row({b.name}));
  return "Baselines, each at the best of its learning rates, " + unit() + " of the validation text:\n" + table.text();
}

/// The best genome of each arm, where there are control arms.
GENOFORM_SEARCH_INLINE std::string Report::arms_text() const {
  const auto arms = report::best_by_name(trials_, [](const Trial& t) { return t.phase == "search" && t.finished(); });
  if (arms.size() < 2) return "";
  TextTable table({"arm", "genomes", "best", "bits/byte", "learning rate", "batch", "steps", "ms/step"});
  for (const auto& b : arms)
    table.add(b.row({b.name.empty() ? "search" : b.name, std::to_string(b.trials),
                     b.trial == nullptr ? "-" : "trial " + std::to_string(b.trial->number)}));
  return "The search and its control arms, " + unit() + " of the validation text:\n" + table.text() + "\n";
}

GENOFORM_SEARCH_INLINE std::string Report::ngrams_text() const {
  if (!has_ngrams()) return "";
  std::string text = "n-grams that counted the " + std::to_string(ngrams_.bytes) + " bytes that " + ngrams_.name +
                     " was trained on, " + unit() + " of the test text:";
  for (std::size_t i = 0; i < ngrams_.bits_per_byte.size(); ++i)
    text += std::string(i == 0 ? "" : ",") + " order " + std::to_string(i + 1) + " " + fixed_text(ngrams_.bits_per_byte[i], 3);
  text += ".\n";
  if (ngrams_beaten() < 3)
    text +=
        "No finalist is better than the n-gram of order 3: in this time models learn to spell, not to read. Give more "
        "--budget before the result is believed.\n";
  return text + "\n";
}

GENOFORM_SEARCH_INLINE std::vector<std::string> Report::data_figures(const Finalist& f) const {
  if (!data_seen_) return {};
  const std::optional<double> each = data_seen_->bytes_per_parameter(f);
  return {fixed_text(1e-6 * data_seen_->bytes(f), 2), fixed_text(data_seen_->passes(f), 2), each ? fixed_text(*each, 1) : "-"};
}

GENOFORM_SEARCH_INLINE std::string Report::finals_text() const {
  const bool has_whole =
      std::any_of(standings_.begin(), standings_.end(), [](const Standing& s) { return !s.test_whole.empty(); });
  std::vector<std::string> columns{"finalist", "validation", "test", "test of each seed", "batch", "steps", "ms/step", "oracle"};
  if (has_whole) columns.insert(columns.begin() + 3, "whole windows");
  if (data_seen_) columns.insert(columns.end(), {"MB", "passes", "bytes/parameter"});
  TextTable table(columns);
  bool off = false;
  for (const Standing& s : standings_) {
    const Finalist& f = s.finalist;
    const double ratio = oracle_ratio(f);
    const bool is_off = is_oracle_off(f);
    off = off || is_off;
    std::vector<std::string> row{f.name,
                                 fixed_text(s.mean_validation(), 3),
                                 fixed_text(s.mean_test(), 3),
                                 s.failure.empty() ? report::listed(s.test) : s.failure,
                                 report::batch_text(f.batch),
                                 std::to_string(f.steps),
                                 fixed_text(1e3 * f.step_seconds, 2),
                                 fixed_text(100 * (1 / ratio - 1), 1) + " %" + (is_off ? " !" : "")};
    if (has_whole) row.insert(row.begin() + 3, s.test_whole.empty() ? "-" : fixed_text(s.mean_test_whole(), 3));
    for (const std::string& figure : data_figures(f)) row.push_back(figure);
    table.add(row);
  }
  std::string text = "Finalists, trained anew with fresh seeds for equal measured time, " + unit() + ":\n" + table.text();
  if (has_whole) text += "whole windows: the test text at all positions of each window\n";
  if (data_seen_) text += "MB: of text that a training reads; passes: over the training text\n";
  if (off)
    text += "! the oracle's step time was more than 5 % off in the search; the finalists were trained by the measured one\n";
  return text;
}

GENOFORM_SEARCH_INLINE std::string Report::claim_text() const {
  const Claim c = claim();
  if (c.outcome == Claim::Outcome::none) return "";
  const ClaimFigures f = ClaimFigures::of(c);
  const bool is_tie = c.outcome == Claim::Outcome::tie;
  std::string text = is_tie ? "A tie: " + f.better + " and " + f.worse + " differ by "
                     : c.outcome == Claim::Outcome::search_won
                         ? "The search won: " + f.better + " is better than " + f.worse + " by "
                         : "The control won: " + f.better + " is better than " + f.worse + " by ";
  text += f.amount + " bits per byte on the test text (95 % interval " + f.low + " to " + f.high + ", " + f.seeds +
          " seeds, p = " + f.p + " after Holm)";
  return text + (is_tie ? ", which is within the noise.\n" : ".\n");
}

GENOFORM_SEARCH_INLINE std::string Report::reachable_text() const {
  std::string text;
  for (const std::string& name : reachable_by_) text += (text.empty() ? "" : " and ") + name;
  if (text.empty()) return text;
  return "The winner is in the space of " + text +
         " too: a known architecture with sizes and options that its own arm did not find.\n";
}

GENOFORM_SEARCH_INLINE std::string Report::bounds_text() const {
  std::string text;
  const auto add = [&](const char* who, const std::vector<std::string>& bounds) {
    for (std::size_t i = 0; i < bounds.size(); ++i) text += (i == 0 ? who : ", ") + bounds[i];
    if (!bounds.empty()) text += ".\n";
  };
  add("The winner lies on bounds of the space: ", bounds_.winner);
  add("A third of the ten best genomes or more lie on bounds of the space: ", bounds_.best);
  return text.empty() ? text : text + "A wider space may hold a better one.\n";
}

GENOFORM_SEARCH_INLINE std::string Report::text() const {
  std::string text = baselines_text() + "\n";
  text += std::to_string(finished_) + " genomes trained beside " + std::to_string(baseline_runs()) + " runs of baselines";
  if (seconds_ > 0) text += ", " + fixed_text(trials_per_hour(), 0) + " trials per hour";
  text += "; " + std::to_string(hurdles_.stopped) + " stopped at a hurdle, " + std::to_string(failed_) + " failed, " +
          std::to_string(refused()) + " refused before they cost anything\n";
  if (const std::string why = obstacles(); !why.empty()) text += why + "\n";
  text += "\n";
  text += arms_text() + front_.text();
  if (const std::string hurdles = hurdles_.text(); !hurdles.empty()) text += hurdles + "\n";
  if (!standings_.empty()) text += finals_text() + "\n" + ngrams_text();
  return text + claim_text() + result_text() + reachable_text() + bounds_text();
}

GENOFORM_SEARCH_INLINE std::string Report::obstacles() const {
  std::string text = refusals_.empty() ? "" : "refused: " + report::listed(refusals_);
  if (!failures_.empty()) text += (text.empty() ? "" : "; ") + ("failed: " + report::listed(failures_));
  return text;
}

GENOFORM_SEARCH_INLINE std::string Report::result_text() const {
  const std::optional<Standing> best = winner();
  if (trials_.empty() || (has_genome() && !best)) return "No result yet.\n";
  std::string text;
  if (!has_genome()) {
    text = "No genome was trained to a result";
    text += obstacles().empty() ? " yet.\n" : "; take wider limits, or a smaller learning rate where trainings failed.\n";
    if (best) text += "The best baseline is " + best->finalist.name + ".\n";
  } else if (best->finalist.is_baseline || best->finalist.is_control) {
    text = std::string("The winner is ") + (best->finalist.is_baseline ? "a baseline" : "a tuned architecture") +
           ": no genome of this search was better than " + best->finalist.name + ".\n";
  } else {
    text = "Winner: " + best->finalist.name + ", " +
           (standings_.empty() ? "not yet confirmed by a final"
                               : "learning rate " + general_text(best->finalist.learning_rate) +
                                     (best->finalist.batch > 0 ? ", batch " + std::to_string(best->finalist.batch) : "")) +
           "\n";
  }
  return best ? text + best->line() + "\n" : text;
}

GENOFORM_SEARCH_INLINE nlohmann::json Report::json() const {
  nlohmann::json baselines = nlohmann::json::array(), finalists = nlohmann::json::array();
  for (const Trial& t : trials_) {
    if (t.phase != "baseline") continue;
    nlohmann::json run{{"name", t.name},   {"text", t.text},   {"learning_rate", t.learning_rate},
                       {"batch", t.batch}, {"steps", t.steps}, {"step_seconds", t.step_seconds}};
    run["validation"] = t.loss ? nlohmann::json(*t.loss) : nlohmann::json(nullptr);
    baselines.push_back(std::move(run));
  }
  for (const Standing& s : standings_) {
    nlohmann::json finalist = json_of(s.finalist);
    finalist["oracle_off"] = is_oracle_off(s.finalist);
    finalist["validation"] = s.validation;
    finalist["test"] = s.test;
    if (!s.test_whole.empty()) finalist["test_whole"] = s.test_whole;
    if (!s.failure.empty()) finalist["failure"] = s.failure;
    if (data_seen_) finalist["bytes"] = data_seen_->bytes(s.finalist), finalist["passes"] = data_seen_->passes(s.finalist);
    finalists.push_back(std::move(finalist));
  }
  nlohmann::json j{{"baselines", baselines},
                   {"genomes", finished_},
                   {"stopped_at_hurdle", hurdles_.stopped},
                   {"failed", failed_},
                   {"refused", refused()},
                   {"trials_per_hour", trials_per_hour()},
                   {"refusals", refusals_},
                   {"failures", failures_},
                   {"finalists", finalists},
                   {"winner", nullptr},
                   {"claim", nullptr},
                   {"ngrams", json_of(ngrams_)},
                   {"bounds", json_of(bounds_)},
                   {"hurdles", hurdles_.json()},
                   {"second_half", counts_second_half_},
                   {"front", front_.json()},
                   {"reachable_by", reachable_by_}};
  if (const Claim c = claim(); c.outcome != Claim::Outcome::none) {
    const char* const outcomes[] = {"none", "search won", "tie", "control won"};
    j["claim"] = {{"outcome", outcomes[static_cast<int>(c.outcome)]},
                  {"found", c.found->finalist.name},
                  {"control", c.control->finalist.name},
                  {"control_minus_found", c.difference.mean},
                  {"low", c.difference.low},
                  {"high", c.difference.high},
                  {"p_after_holm", c.corrected_p}};
  }
  if (const auto best = winner()) {
    const Finalist& f = best->finalist;
    j["winner"] = {{"name", f.name},
                   {"text", f.text},
                   {"is_baseline", f.is_baseline},
                   {"is_control", f.is_control},
                   {"trial", f.trial},
                   {"validation", best->validation},
                   {"test", best->test},
                   {"line", best->line()}};
  }
  return j;
}

#endif

}  // namespace genoform::search
