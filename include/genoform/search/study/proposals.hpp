#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/clock/budget.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/study/ledger.hpp"
#include "genoform/search/study/study_options.hpp"

namespace genoform::search {

/// What a study searches: everything that decides its proposals.
struct Search {
  const Space& space;
  const Proposer& proposer;
  const Estimator& estimator;
  const std::vector<Baseline>& baselines;
  StudyOptions options;
};

/// Makes the proposals of a study. Proposal n is a function of the record up to n - window, so it does not matter when or where
/// trials end.
class Proposals {
 public:
  static constexpr int max_samples = 2000;  ///< refused in a row: nothing is left to propose

  Proposals(const Search& search, Ledger& ledger) : search_(search), ledger_(ledger) {
    if (search.options.window < 1) throw Exception({ErrorKind::usage, "the window must be at least 1"});
    if (search.baselines.empty()) throw Exception({ErrorKind::usage, "a study needs at least one baseline"});
    const std::vector<double>& learning_rates = search.options.baseline_learning_rates;
    if (std::find(learning_rates.begin(), learning_rates.end(), search.options.learning_rate) == learning_rates.end())
      throw Exception({ErrorKind::usage, "the learning rate of the genomes must be one of those of the baselines"});
  }

  int baseline_runs() const {
    return static_cast<int>(search_.baselines.size() * search_.options.baseline_learning_rates.size());
  }

  /// The runs of the baselines, the genomes' rate first, so that what the search needs of them is known early.
  std::vector<Trial> baselines() const {
    std::vector<double> learning_rates = search_.options.baseline_learning_rates;
    std::stable_partition(learning_rates.begin(), learning_rates.end(),
                          [&](double learning_rate) { return learning_rate == search_.options.learning_rate; });
    std::vector<Trial> runs;
    for (const double learning_rate : learning_rates)
      for (const Baseline& baseline : search_.baselines) {
        Trial t = trial(static_cast<int>(runs.size()) + 1, 0, baseline.text, learning_rate);
        t.phase = "baseline";
        t.name = baseline.name;
        runs.push_back(std::move(t));
      }
    return runs;
  }

  /// Is everything known that proposal `number` may see?
  bool is_ready(int number) const {
    const int needed = static_cast<int>(search_.baselines.size());
    return ledger_.finished_up_to(std::max(number - search_.options.window, needed));
  }

  /// The draws of proposal `number` from `draw` on: the refused ones, and last the one to train; none when nothing is left.
  std::vector<Trial> propose(int number, int sample) const {
    const std::vector<Scored> log = parents(number);
    const double baseline_seconds = ledger_.at(1).step_seconds;
    std::vector<Trial> samples;
    for (int last = sample + max_samples; sample < last; ++sample) {
      RandomStream random(Random(search_.options.seed, stream_of("search.proposal") + static_cast<std::uint64_t>(number)),
                          static_cast<std::uint64_t>(sample) << 32);
      const Proposal proposal = search_.proposer.propose(search_.space, log, random);
      Trial t = trial(number, sample, proposal.text, search_.options.learning_rate);
      t.phase = "search";
      t.parent = proposal.parent;
      t.hurdle = hurdle();
      t.reason = refusal(t, baseline_seconds);
      t.state = t.reason.empty() ? State::queued : State::refused;
      samples.push_back(std::move(t));
      if (samples.back().state == State::queued) return samples;
    }
    return {};
  }

  /// The step time above which a genome is refused, 0: none.
  double step_limit() const { return search_.options.limits.step_time_factor * ledger_.at(1).step_seconds; }

 private:
  Trial trial(int number, int sample, const std::string& text, double learning_rate) const {
    Trial t;
    t.number = number;
    t.sample = sample;
    t.text = text;
    t.learning_rate = learning_rate;
    t.seed = search_.options.seed;
    if (const Estimate e = search_.estimator.estimate(text); e.step_seconds) {
      t.step_seconds = *e.step_seconds;
      t.steps = Budget{search_.options.budget}.steps(t.step_seconds);
    }
    return t;
  }

  std::string refusal(const Trial& t, double baseline_seconds) const {
    if (const auto same = ledger_.find(t.text, t.learning_rate)) return "equal to trial " + std::to_string(*same);
    return search_.options.limits.refusal(search_.estimator.estimate(t.text), baseline_seconds);
  }

  /// Baselines that are genomes of the space are parents like any other, with what they reached at the genomes' rate.
  std::vector<Scored> parents(int number) const {
    std::vector<Scored> log = ledger_.log(number - search_.options.window, search_.options.learning_rate);
    std::erase_if(log, [&](const Scored& s) { return ledger_.at(s.number).phase == "baseline" && !search_.space.check(s.text); });
    return log;
  }

  /// The worst plain baseline's loss at the hurdle, at the genomes' rate.
  std::optional<double> hurdle() const {
    std::optional<double> worst;
    for (std::size_t b = 0; search_.options.hurdle && b < search_.baselines.size(); ++b) {
      const Trial& t = ledger_.at(static_cast<int>(b) + 1);
      if (search_.baselines[b].is_plain && t.at_hurdle && (!worst || *t.at_hurdle > *worst)) worst = t.at_hurdle;
    }
    return worst;
  }

  const Search& search_;
  Ledger& ledger_;
};

}  // namespace genoform::search
