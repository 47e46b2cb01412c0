#pragma once
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/core/median.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/store/final_run.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/proposals.hpp"
#include "genoform/search/study/step_times.hpp"
#include "genoform/search/workers/scheduler.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Called after each final run that ended.
using OnFinal = std::function<void(const FinalRun&)>;

struct FinalOptions {
  int genomes = 3;    ///< the best of the search that go to the final; of each control arm one goes
  int seeds = 5;      ///< fresh ones, each a training from the start with other data, the same for all finalists
  int rounds = 12;    ///< of timing in turns
  double budget = 0;  ///< seconds of training at measured step time; 0: that of a trial

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("genomes", self.genomes);
    visit("seeds", self.seeds);
    visit("rounds", self.rounds);
    visit("budget", self.budget);
  }
};

/// Trains the best genomes, that of each control arm, the plain baselines and the best baseline anew, with fresh seeds and for
/// equal time by step times that are measured now, in turns, on all workers. Only here is the test text seen.
class Finals : private JobSource {
 public:
  Finals(const Search& search, Store& store, Workers& workers, FinalOptions options)
      : search_(search), store_(store), workers_(workers), options_(options) {
    if (options_.budget <= 0) options_.budget = search.options.budget;
  }

  /// True when all runs are finished. Runs that are in the store from before count when they belong to the same trials and
  /// options.
  bool run(const StopRequest& stop, const OnFinal& on_final) {
    const std::vector<Trial> trials = store_.trials();
    const std::string plan = std::to_string(trials.empty() ? 0 : trials.back().number) + " " + json_of(options_).dump();
    if (store_.note("finals of") != plan) {
      std::vector<Finalist> finalists = finalists_of(trials);
      if (!measure(finalists, stop)) return false;
      store_.replace_finals(with_seeds(finalists));
      store_.set_note("finals of", plan);
    }
    return train(stop, on_final);
  }

 private:
  std::vector<Finalist> finalists_of(const std::vector<Trial>& trials) const {
    std::vector<const Trial*> chosen;
    // Trials of one text with other rates or batches count once: a finalist is an architecture.
    const auto add = [&](const std::vector<const Trial*>& ranked, std::size_t count) {
      std::set<std::string_view> texts;
      for (const Trial* t : ranked) {
        if (texts.size() == count) return;
        if (!texts.insert(t->text).second) continue;
        if (std::none_of(chosen.begin(), chosen.end(), [&](const Trial* c) { return c->text == t->text && c->name == t->name; }))
          chosen.push_back(t);
      }
    };
    for (const Baseline& baseline : search_.baselines)
      if (baseline.is_plain) add(ranked(trials, [&](const Trial& t) { return t.name == baseline.name; }), 1);
    add(ranked(trials, [](const Trial& t) { return t.phase == "baseline"; }), 1);
    for (std::size_t arm = 1; arm < search_.arms.size(); ++arm)
      add(ranked(trials, [&](const Trial& t) { return t.phase == "search" && t.name == search_.arms[arm].name; }), 1);
    add(ranked(trials, [](const Trial& t) { return t.phase == "search" && t.name.empty(); }),
        static_cast<std::size_t>(options_.genomes));
    std::vector<Finalist> finalists;
    for (const Trial* t : chosen) finalists.push_back(Finalist::of(*t));
    return finalists;
  }

  /// Sets the step time of each finalist, the median over all workers on machines like the reference, every worker timing all of
  /// them in turns, and the steps that fit in the budget; false when it was stopped.
  bool measure(std::vector<Finalist>& finalists, const StopRequest& stop) {
    for (; !workers_.is_settled(); workers_.wait(0.2))
      if (stop() == Stop::now) return false;
    TimeRequest request{.texts = {}, .batches = {}, .rounds = options_.rounds, .steps = 4};
    for (const Finalist& f : finalists) {
      request.texts.push_back(f.text);
      request.batches.push_back(f.batch);
    }
    const auto jobs = static_cast<std::size_t>(std::max(1, workers_that_measure(workers_)));
    const auto times = TimingJobs(std::vector(jobs, request), 600).run(workers_, only_now(stop));
    if (!times) return false;
    for (std::size_t i = 0; i < finalists.size(); ++i) {
      std::vector<double> seconds;
      for (const TimeReply& reply : *times) seconds.push_back(reply.seconds[i]);
      finalists[i].step_seconds = median(std::move(seconds));
      finalists[i].steps = Budget{options_.budget}.steps(finalists[i].step_seconds);
    }
    return true;
  }

  std::vector<FinalRun> with_seeds(const std::vector<Finalist>& finalists) const {
    std::vector<FinalRun> runs;
    for (int s = 0; s < options_.seeds; ++s)
      for (const Finalist& finalist : finalists) {
        FinalRun run;
        run.number = static_cast<int>(runs.size()) + 1;
        run.finalist = finalist;
        run.seed = first_seed() + static_cast<std::uint64_t>(s);
        runs.push_back(std::move(run));
      }
    return runs;
  }
  std::uint64_t first_seed() const { return search_.options.seed + 1000; }

  bool train(const StopRequest& stop, const OnFinal& on_final) {
    on_final_ = on_final;
    runs_ = store_.finals();
    waiting_.clear();
    for (const FinalRun& run : runs_)
      if (!run.finished()) waiting_.push_back(run.number);
    Scheduler(workers_).run(*this, only_now(stop));
    return std::all_of(runs_.begin(), runs_.end(), [](const FinalRun& run) { return run.finished(); });
  }

  /// A final that has begun is not ended by a time limit of the search.
  static StopRequest only_now(const StopRequest& stop) {
    return [&stop] { return stop() == Stop::now ? Stop::now : Stop::no; };
  }

  std::optional<Job> next() override {
    if (waiting_.empty()) return std::nullopt;
    const FinalRun& run = runs_[static_cast<std::size_t>(waiting_.front() - 1)];
    waiting_.pop_front();
    FinalRequest request{.text = run.finalist.text,
                         .learning_rate = run.finalist.learning_rate,
                         .batch = run.finalist.batch,
                         .seed = run.seed,
                         .steps = run.finalist.steps,
                         .folder = run.seed == first_seed() ? folder_of(run) : ""};
    return Job{.request = {run.number, std::move(request)}, .limit = 120 + 20 * options_.budget};
  }

  void ended(const Job& job, const Reply& reply) override {
    FinalRun& run = runs_[static_cast<std::size_t>(job.request.job - 1)];
    if (reply.kind == Reply::Kind::answer) {
      const auto& losses = std::get<FinalReply>(reply.answer);
      run.validation = losses.validation;
      run.test = losses.test;
      run.test_whole = losses.test_whole;
    } else {
      run.failure = reply.error.message;
    }
    keep_folder(run);
    store_.put(run);
    on_final_(run);
  }

  /// Where a worker leaves the weights of a finalist before they go into the study.
  static std::string folder_of(const FinalRun& run) {
    return (std::filesystem::temp_directory_path() /
            ("genoform-" + std::to_string(::getpid()) + "-" + std::to_string(run.number)))
        .string();
  }
  /// What a run that failed left there may be half of a model.
  void keep_folder(const FinalRun& run) {
    const std::filesystem::path folder = folder_of(run);
    for (const char* name : {"config.json", "model.safetensors"}) {
      std::ifstream file(folder / name, std::ios::binary);
      if (!file || !run.failure.empty()) continue;
      store_.put_file(std::to_string(run.finalist.trial) + "/" + name, std::string(std::istreambuf_iterator<char>(file), {}));
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  const Search& search_;
  Store& store_;
  Workers& workers_;
  FinalOptions options_;
  std::vector<FinalRun> runs_;
  std::deque<int> waiting_;
  OnFinal on_final_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
