#pragma once
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/strategy/proposals.hpp"
#include "genoform/search/workers/worker_pool.hpp"

namespace genoform::search {

/// What a search is asked to do between two trials.
enum class Stop { no, soon, now };  ///< soon: begin nothing new; now: leave what is running
using StopRequest = std::function<Stop()>;

/// Called after each trial that ended, with the ledger and the trial's number.
using OnTrial = std::function<void(const Ledger&, int number)>;

/// Trains baselines and genomes on the workers until `genomes` of them are finished. It may be interrupted at any moment and go
/// on later.
class TrialRunner {
 public:
  static constexpr int max_deaths = 2;  ///< of workers, before a genome counts as failed

  TrialRunner(const Search& search, Ledger& ledger, WorkerPool& pool, int genomes)
      : search_(search), ledger_(ledger), pool_(pool), proposals_(search, ledger), last_(proposals_.baseline_runs() + genomes) {
    if (pool.size() > search.options.window)
      throw Exception({ErrorKind::usage, std::to_string(pool.size()) + " workers; the window of this study allows " +
                                             std::to_string(search.options.window)});
    if (ledger.size() == 0) ledger.add(proposals_.baselines());
  }

  /// True when all trials are finished, false when it was stopped before.
  bool run(const StopRequest& stop, const OnTrial& on_trial) {
    for (;;) {
      const Stop asked = stop();
      if (asked == Stop::now) return false;
      while (pool_.has_idle() && asked == Stop::no) {
        const std::optional<int> number = next();
        if (!number) break;
        start(*number);
      }
      if (is_complete()) return true;
      if (asked == Stop::soon && !pool_.is_busy()) return false;
      if (const auto reply = pool_.wait(0.2); reply && settle(*reply)) on_trial(ledger_, reply->job);
    }
  }

 private:
  bool is_complete() const { return (ledger_.size() >= last_ || exhausted_) && ledger_.finished_up_to(ledger_.size()); }

  /// The lowest number that waits for a worker, proposing it if need be.
  std::optional<int> next() {
    for (int n = first_open_; n <= ledger_.size(); ++n) {
      Trial& t = ledger_.at(n);
      if (t.state == State::refused && !propose(n, t.sample + 1)) return std::nullopt;
      if (ledger_.at(n).state == State::queued) return n;
      if (n == first_open_ && t.finished()) ++first_open_;
    }
    const int n = ledger_.size() + 1;
    if (n > last_ || exhausted_ || !proposals_.is_ready(n) || !propose(n, 0)) return std::nullopt;
    return n;
  }
  bool propose(int number, int sample) {
    const std::vector<Trial> samples = proposals_.propose(number, sample);
    exhausted_ = samples.empty();
    if (!exhausted_) ledger_.add(samples);
    return !exhausted_;
  }

  void start(int number) {
    Trial& t = ledger_.at(number);
    nlohmann::json request{{"do", "train"}, {"text", t.text}, {"learning_rate", t.learning_rate}, {"seed", t.seed}};
    if (t.steps > 0) {
      request["steps"] = t.steps;
    } else {
      request["budget"] = search_.options.budget;
      if (t.phase == "search") request["step_limit"] = proposals_.step_limit();
    }
    if (t.hurdle) request["hurdle"] = *t.hurdle;
    t.state = State::leased;
    const int worker = pool_.start(number, std::move(request), 60 + 20 * search_.options.budget);
    attempts_[number] = ledger_.store().lease(t, worker, pool_.process_of(worker));
  }

  /// Enters a reply in the ledger; false when the trial is not over.
  bool settle(const Reply& reply) {
    Trial& t = ledger_.at(reply.job);
    std::string outcome = "failed", what = reply.what;
    if (reply.kind == Reply::Kind::answer && !read(reply.answer, t)) what = "its worker gave no result";
    if (reply.kind == Reply::Kind::answer && what.empty()) {
      outcome = "done";
    } else if (reply.kind == Reply::Kind::error) {
      t.state = State::failed;
      t.reason = what;
    } else {
      outcome = "died";
      const bool again = ledger_.store().deaths(t.number) + 1 < max_deaths;
      t.state = again ? State::queued : State::failed;
      if (!again) t.reason = what;
    }
    ledger_.store().settle(t, attempts_[t.number], outcome, what);
    first_open_ = std::min(first_open_, t.number);
    return t.finished();
  }

  /// Reads a worker's result; false when it is none.
  static bool read(const nlohmann::json& answer, Trial& t) {
    const auto number = [&](const char* key) -> std::optional<double> {
      const auto found = answer.find(key);
      return found != answer.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
    };
    if (!answer.is_object()) return false;
    if (const auto seconds = number("step_seconds"); seconds && t.steps == 0) {
      t.step_seconds = *seconds;
      if (const auto steps = number("steps")) t.steps = static_cast<std::int64_t>(*steps);
    }
    if (const auto refused = answer.find("refused"); refused != answer.end() && refused->is_string()) {
      t.state = State::refused;
      t.reason = refused->get<std::string>();
      return true;
    }
    t.at_hurdle = number("at_hurdle");
    t.loss = number("loss");
    if (!t.loss && !t.at_hurdle) return false;
    t.state = State::done;
    if (!t.loss) t.reason = "stopped at the hurdle";
    return true;
  }

  const Search& search_;
  Ledger& ledger_;
  WorkerPool& pool_;
  Proposals proposals_;
  int last_;
  int first_open_ = 1;
  bool exhausted_ = false;
  std::map<int, std::int64_t> attempts_;
};

}  // namespace genoform::search
