#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/space/baseline.hpp"
#include "genoform/search/space/mutation.hpp"
#include "genoform/search/study/arm.hpp"
#include "genoform/search/study/history.hpp"
#include "genoform/search/study/ledger.hpp"
#include "genoform/search/study/study_options.hpp"
#include "genoform/search/workers/scheduler.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Everything that decides the proposals of a study. What is referred to must live as long.
struct Search {
  std::vector<Arm> arms;  ///< the first is the search of the study itself
  const Estimator& oracle;
  const std::vector<Baseline>& baselines;
  const StudyOptions& options;

  int baseline_runs() const { return static_cast<int>(baselines.size() * options.baseline_learning_rates.size()); }
  /// The arm of a genome: they take turns, so that all advance together.
  std::size_t arm_of(int number) const { return static_cast<std::size_t>(number - baseline_runs() - 1) % arms.size(); }

  /// What each arm must remember: what lies within the window of an open trial is kept beside what is asked for.
  std::vector<Ledger::OfArm> memories() const {
    std::vector<Ledger::OfArm> all;
    for (const Arm& arm : arms) {
      const std::size_t memory = arm.strategy->memory(), window = static_cast<std::size_t>(std::max(1, options.window));
      const std::size_t unlimited = std::numeric_limits<std::size_t>::max();
      const auto is_genome = [space = arm.space](const std::string& text) { return space->check(text).ok(); };
      const auto sizes = [&oracle = oracle, batch = options.batch, is_needed = !arm.strategy->objectives().empty()](
                             const Trial& t) { return is_needed ? sizes_of(t, oracle, batch) : Estimate{}; };
      all.push_back({.name = arm.name,
                     .history = History(arm.name, memory > unlimited - window ? unlimited : memory + window, is_genome, sizes),
                     .at_hurdles = HurdleLosses(window)});
    }
    return all;
  }
};

/// Makes the proposals of a study. Proposal n is a function of the record up to n - window, so it does not matter when or where
/// trials end.
class Proposals {
 public:
  static constexpr int max_samples = 2000;  ///< of one proposal: when all are refused, nothing is left to propose

  Proposals(const Search& search, const Ledger& ledger) : search_(search), ledger_(ledger) {
    if (search.options.window < 1) throw Exception({ErrorKind::usage, "the window must be at least 1"});
    if (search.baselines.empty()) throw Exception({ErrorKind::usage, "a study needs at least one baseline"});
    const std::vector<double>& learning_rates = search.options.baseline_learning_rates;
    if (std::find(learning_rates.begin(), learning_rates.end(), search.options.learning_rate) == learning_rates.end())
      throw Exception({ErrorKind::usage, "the learning rate of the genomes must be one of those of the baselines"});
    if (!search.options.batches.empty() && (search.options.batch < 1 || search.options.batches.front() < 1))
      throw Exception(
          {ErrorKind::usage, "batches of genomes need that of the baselines beside them, and all must be at least 1"});
    search.options.hurdles.check();
  }

  int baseline_runs() const { return search_.baseline_runs(); }

  /// The runs of the baselines, the genomes' learning rate first, so that what the search needs of them is known early.
  std::vector<Trial> baselines() const {
    std::vector<double> learning_rates = search_.options.baseline_learning_rates;
    std::stable_partition(learning_rates.begin(), learning_rates.end(),
                          [&](double learning_rate) { return learning_rate == search_.options.learning_rate; });
    std::vector<Trial> runs;
    for (const double learning_rate : learning_rates)
      for (const Baseline& baseline : search_.baselines) {
        const int number = static_cast<int>(runs.size()) + 1;
        const int batch = search_.options.batch;
        Trial t = trial(number, 0, baseline.text, learning_rate, batch, search_.oracle.estimate(baseline.text, batch));
        t.phase = "baseline";
        t.name = baseline.name;
        for (const double at : search_.options.hurdles.fractions()) t.hurdles.push_back({.at = at, .max_loss = {}, .loss = {}});
        runs.push_back(std::move(t));
      }
    return runs;
  }

  /// Is everything known that proposal `number` may see?
  bool is_ready(int number) const {
    const int needed = static_cast<int>(search_.baselines.size());
    return ledger_.finished() >= std::max(number - search_.options.window, needed);
  }

  /// The samples of proposal `number` from `sample` on: the refused ones, and last the one to train; all are refused when nothing
  /// is left. None when it was stopped.
  std::optional<std::vector<Trial>> propose(int number, int sample, const StopRequest& stop) const {
    const std::size_t index = search_.arm_of(number);
    const Arm& arm = search_.arms[index];
    const std::span<const Scored> history = ledger_.arm(index).history.up_to(number - search_.options.window);
    std::vector<Trial> samples;
    Sample asked{.number = number, .index = sample};
    if (sample > 0) asked.refused = ledger_.open(number).text, asked.refusal = ledger_.open(number).reason;
    for (; sample < max_samples; ++sample) {
      if (stop() != Stop::no) return std::nullopt;
      RandomStream random(Random(search_.options.seed, stream_of("search.proposal") + static_cast<std::uint64_t>(number)),
                          static_cast<std::uint64_t>(sample) << 32);
      asked.index = sample;
      const std::string* const seed = sample == 0 ? seed_of(number) : nullptr;
      const Proposal proposal = seed != nullptr ? Proposal{.text = *seed, .parent = 0, .refusal = {}}
                                                : arm.strategy->propose_sample(*arm.space, history, random, asked);
      const auto parent =
          std::find_if(history.begin(), history.end(), [&](const Scored& s) { return s.number == proposal.parent; });
      const bool has_parent = parent != history.end();
      const double learning_rate = inherited(search_.options.learning_rates, search_.options.learning_rate,
                                             has_parent ? &parent->learning_rate : nullptr, random);
      const int batch = inherited(search_.options.batches, search_.options.batch, has_parent ? &parent->batch : nullptr, random);
      const Estimate estimate = proposal.refusal.empty() ? search_.oracle.estimate(proposal.text, batch) : Estimate{};
      Trial t = trial(number, sample, proposal.text, learning_rate, batch, estimate);
      t.phase = "search";
      t.name = arm.name;
      t.parent = proposal.parent;
      t.reason = proposal.refusal.empty() ? refusal(t, estimate) : proposal.refusal;
      t.state = t.reason.empty() ? State::queued : State::refused;
      if (t.state == State::queued) set_hurdles(t);
      asked.refused = t.text, asked.refusal = t.reason;
      samples.push_back(std::move(t));
      if (samples.back().state == State::queued) break;
    }
    return samples;
  }

  /// The step time above which a genome is refused; none: no limit.
  std::optional<double> max_step_seconds(int batch) const {
    const double factor = search_.options.limits.step_time_factor;
    return factor > 0 ? std::optional(factor * first_baseline_seconds(batch)) : std::nullopt;
  }

 private:
  /// A gene of the training. Any of its values for a genome without a parent; else mostly the parent's, and sometimes one beside
  /// it; `own` where there is no choice.
  template <class T>
  static T inherited(const std::vector<T>& values, T own, const T* parents, RandomStream& random) {
    constexpr double moves = 0.2;
    if (values.empty()) return own;
    if (parents == nullptr) return values[random.below(values.size())];
    const auto at = std::find(values.begin(), values.end(), *parents);
    if (at == values.end() || random.uniform() >= moves) return *parents;
    auto index = static_cast<std::size_t>(at - values.begin());
    static_cast<void>(move_value(index, values.size(), true, random));
    return values[index];
  }

  /// The step time of the first baseline with so many sequences: by the oracle, or in proportion to what was measured.
  double first_baseline_seconds(int batch) const {
    const Trial& first = ledger_.baseline(1);
    if (batch == first.batch) return first.step_seconds;
    const Estimate estimate = search_.oracle.estimate(first.text, batch);
    return estimate.step_seconds ? *estimate.step_seconds : first.step_seconds * batch / first.batch;
  }

  /// What the space of the study wants tried first; null where all of it was.
  const std::string* seed_of(int number) const {
    const std::vector<std::string>& seeds = search_.arms.front().space->seeds();
    const auto index = static_cast<std::size_t>(number - search_.baseline_runs() - 1) / search_.arms.size();
    return search_.arm_of(number) == 0 && index < seeds.size() ? &seeds[index] : nullptr;
  }

  Trial trial(int number, int sample, const std::string& text, double learning_rate, int batch, const Estimate& estimate) const {
    Trial t;
    t.number = number;
    t.sample = sample;
    t.text = text;
    t.learning_rate = learning_rate;
    t.batch = batch;
    t.seed = search_.options.seed;
    if (estimate.step_seconds) {
      t.step_seconds = *estimate.step_seconds;
      t.steps = Budget{search_.options.budget}.steps(t.step_seconds);
    }
    return t;
  }

  std::string refusal(const Trial& t, const Estimate& estimate) const {
    if (const auto same = ledger_.find(t.name, t.text, t.learning_rate, t.batch))
      return "equal to trial " + std::to_string(*same);
    return search_.options.limits.refusal(estimate, first_baseline_seconds(t.batch));
  }

  void set_hurdles(Trial& t) const {
    const HurdleOptions& options = search_.options.hurdles;
    const std::vector<double> fractions = options.fractions();
    for (std::size_t i = 0; i < fractions.size(); ++i) {
      const std::optional<double> max_loss =
          options.rule == HurdleRule::primer
              ? ledger_.arm(search_.arm_of(t.number)).at_hurdles.threshold(i, t.number - search_.options.window)
              : worst_plain_baseline();
      t.hurdles.push_back({.at = fractions[i], .max_loss = max_loss, .loss = {}});
    }
    const Random random(search_.options.seed, stream_of("search.let_through"));
    t.let_through = !fractions.empty() && random.uniform(static_cast<std::uint64_t>(t.number)) < options.let_through;
  }

  /// Its loss at the hurdle, at the genomes' learning rate.
  std::optional<double> worst_plain_baseline() const {
    std::optional<double> worst;
    for (std::size_t b = 0; b < search_.baselines.size(); ++b) {
      const Trial& t = ledger_.baseline(static_cast<int>(b) + 1);
      if (!search_.baselines[b].is_plain || t.hurdles.empty() || !t.hurdles.front().loss) continue;
      worst = std::max(worst.value_or(*t.hurdles.front().loss), *t.hurdles.front().loss);
    }
    return worst;
  }

  const Search& search_;
  const Ledger& ledger_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
