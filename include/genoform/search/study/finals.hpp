#pragma once
#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/study/trial_runner.hpp"

namespace genoform::search {

/// Called after each final run that ended.
using OnFinal = std::function<void(const FinalRun&)>;

struct FinalOptions {
  int genomes = 3;    ///< the best of the search that go to the final
  int seeds = 2;      ///< fresh ones, each a training from the start with other data
  int rounds = 12;    ///< of timing in turns
  double budget = 0;  ///< seconds of training at measured step time; 0: that of a trial
};

/// Trains the best genomes, the plain baselines and the best baseline anew, with fresh seeds and for equal time by step times
/// that are measured now, in turns, on all workers. Only here is the test text seen.
class Finals {
 public:
  Finals(const Search& search, const Ledger& ledger, Store& store, WorkerPool& pool, FinalOptions options)
      : search_(search), ledger_(ledger), store_(store), pool_(pool), options_(options) {
    if (options_.budget <= 0) options_.budget = search.options.budget;
  }

  /// True when all runs are finished. Runs that are in the store from before count when they belong to the same trials.
  bool run(const StopRequest& stop, const OnFinal& on_final) {
    const std::string trials = std::to_string(ledger_.size());
    if (store_.note("finals of") != trials) {
      std::vector<FinalRun> plan = finalists();
      const std::vector<double> seconds = measure(plan, stop);
      if (seconds.empty()) return false;
      store_.replace_finals(with_seeds(plan, seconds));
      store_.set_note("finals of", trials);
    }
    return train(stop, on_final);
  }

 private:
  /// One entry a finalist.
  std::vector<FinalRun> finalists() const {
    std::vector<const Trial*> chosen;
    const auto add = [&](const Trial* t) {
      const bool known =
          std::any_of(chosen.begin(), chosen.end(), [&](const Trial* c) { return c->text == t->text && c->name == t->name; });
      if (!known) chosen.push_back(t);
    };
    const auto ranked = [&](auto&& wanted) {
      std::vector<const Trial*> trials;
      for (const Trial& t : ledger_.trials())
        if (t.state == State::done && t.loss && wanted(t)) trials.push_back(&t);
      std::stable_sort(trials.begin(), trials.end(), [](const Trial* a, const Trial* b) { return *a->loss < *b->loss; });
      return trials;
    };
    for (const Baseline& baseline : search_.baselines)
      if (baseline.is_plain)
        if (const auto best = ranked([&](const Trial& t) { return t.name == baseline.name; }); !best.empty()) add(best.front());
    if (const auto best = ranked([](const Trial& t) { return t.phase == "baseline"; }); !best.empty()) add(best.front());
    const auto genomes = ranked([](const Trial& t) { return t.phase == "search"; });
    for (std::size_t i = 0; i < std::min(genomes.size(), static_cast<std::size_t>(options_.genomes)); ++i) add(genomes[i]);
    std::vector<FinalRun> plan;
    for (const Trial* t : chosen) {
      FinalRun run;
      run.is_baseline = t->phase == "baseline";
      run.name = run.is_baseline ? t->name : "trial " + std::to_string(t->number);
      run.text = t->text;
      run.trial = t->number;
      run.learning_rate = t->learning_rate;
      run.oracle_seconds = t->step_seconds;
      plan.push_back(std::move(run));
    }
    return plan;
  }

  /// The median over all workers of the step time of each finalist, every worker timing all of them in turns; none when it was
  /// stopped.
  std::vector<double> measure(const std::vector<FinalRun>& plan, const StopRequest& stop) {
    nlohmann::json texts = nlohmann::json::array();
    for (const FinalRun& run : plan) texts.push_back(run.text);
    const nlohmann::json request{{"do", "time"}, {"texts", texts}, {"rounds", options_.rounds}, {"steps", 4}};
    std::vector<std::vector<double>> seconds(plan.size());
    int started = 0, ended = 0;
    while (ended < pool_.size()) {
      if (stop() == Stop::now) return {};
      while (started < pool_.size() && pool_.has_idle()) pool_.start(++started, request, 600);
      const auto reply = pool_.wait(0.2);
      if (!reply) continue;
      if (reply->kind != Reply::Kind::answer) throw Exception({reply->error_kind, "timing the finalists: " + reply->what});
      for (std::size_t i = 0; i < plan.size(); ++i) seconds[i].push_back(reply->answer.at("seconds").at(i));
      ++ended;
    }
    std::vector<double> medians;
    for (std::vector<double>& times : seconds) {
      std::sort(times.begin(), times.end());
      medians.push_back(0.5 * (times[(times.size() - 1) / 2] + times[times.size() / 2]));
    }
    return medians;
  }

  std::vector<FinalRun> with_seeds(const std::vector<FinalRun>& plan, const std::vector<double>& seconds) const {
    std::vector<FinalRun> runs;
    for (int s = 0; s < options_.seeds; ++s)
      for (std::size_t i = 0; i < plan.size(); ++i) {
        FinalRun run = plan[i];
        run.number = static_cast<int>(runs.size()) + 1;
        run.seed = search_.options.seed + 1000 + static_cast<std::uint64_t>(s);
        run.step_seconds = seconds[i];
        run.steps = Budget{options_.budget}.steps(seconds[i]);
        runs.push_back(std::move(run));
      }
    return runs;
  }

  bool train(const StopRequest& stop, const OnFinal& on_final) {
    std::vector<FinalRun> runs = store_.finals();
    std::map<int, int> deaths;
    std::vector<int> waiting;
    for (const FinalRun& run : runs)
      if (!run.finished()) waiting.push_back(run.number);
    std::size_t left = waiting.size();
    while (left > 0) {
      if (stop() == Stop::now) return false;
      while (!waiting.empty() && pool_.has_idle()) {
        start(runs[static_cast<std::size_t>(waiting.front() - 1)]);
        waiting.erase(waiting.begin());
      }
      const auto reply = pool_.wait(0.2);
      if (!reply) continue;
      FinalRun& run = runs[static_cast<std::size_t>(reply->job - 1)];
      if (reply->kind == Reply::Kind::died && ++deaths[run.number] < TrialRunner::max_deaths) {
        waiting.push_back(run.number);
        continue;
      }
      settle(*reply, run);
      on_final(run);
      --left;
    }
    return true;
  }

  void start(const FinalRun& run) {
    nlohmann::json request{{"do", "train"},    {"text", run.text},   {"learning_rate", run.learning_rate},
                           {"seed", run.seed}, {"steps", run.steps}, {"final", true}};
    if (run.seed == search_.options.seed + 1000) request["folder"] = folder_of(run);
    pool_.start(run.number, std::move(request), 120 + 20 * options_.budget);
  }

  void settle(const Reply& reply, FinalRun& run) {
    const auto number = [&](const char* key) -> std::optional<double> {
      const auto found = reply.answer.find(key);
      return found != reply.answer.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
    };
    if (reply.kind == Reply::Kind::answer) {
      run.validation = number("validation");
      run.test = number("test");
    }
    if (!run.test) run.failure = reply.what.empty() ? "its worker gave no result" : reply.what;
    keep_folder(run);
    store_.put(run);
  }

  /// Where a worker leaves the weights of a finalist before they go into the study.
  static std::string folder_of(const FinalRun& run) {
    return (std::filesystem::temp_directory_path() /
            ("genoform-" + std::to_string(::getpid()) + "-" + std::to_string(run.number)))
        .string();
  }
  void keep_folder(const FinalRun& run) {
    const std::filesystem::path folder = folder_of(run);
    for (const char* name : {"config.json", "model.safetensors"}) {
      std::ifstream file(folder / name, std::ios::binary);
      if (!file) continue;
      store_.put_file(std::to_string(run.trial) + "/" + name, std::string(std::istreambuf_iterator<char>(file), {}));
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  const Search& search_;
  const Ledger& ledger_;
  Store& store_;
  WorkerPool& pool_;
  FinalOptions options_;
};

}  // namespace genoform::search
