#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/ledger.hpp"
#include "genoform/search/study/proposals.hpp"
#include "genoform/search/workers/scheduler.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Called after each trial that ended, when it is in the store.
using OnTrial = std::function<void(const Ledger&, const Trial&)>;

/// Trains baselines and genomes on the workers until `genomes` of them are finished. It may be interrupted at any moment and go
/// on later.
class TrialRunner : private JobSource {
 public:
  TrialRunner(const Search& search, Ledger& ledger, Workers& workers, int genomes)
      : search_(search),
        ledger_(ledger),
        workers_(workers),
        proposals_(search, ledger),
        last_(proposals_.baseline_runs() + genomes),
        deaths_(ledger.store().deaths()) {
    if (workers.size() > search.options.window)
      throw Exception({ErrorKind::usage, std::to_string(workers.size()) + " workers; the window of this study allows " +
                                             std::to_string(search.options.window)});
    ledger.store().set_refused_in_vain({});
    if (ledger.size() == 0) ledger.add(proposals_.baselines());
    for (int n = ledger.finished() + 1; n <= ledger.size(); ++n)
      if (!ledger.open(n).finished()) waiting_.insert(n);
  }

  /// True when all trials are finished, false when it was stopped before.
  bool run(const StopRequest& stop, const OnTrial& on_trial) {
    stop_ = stop;
    on_trial_ = on_trial;
    Scheduler(workers_).run(*this, stop);
    return (ledger_.size() >= last_ || is_exhausted_) && is_at_rest();
  }

 private:
  std::optional<Job> next() override {
    while (!waiting_.empty()) {
      const int n = *waiting_.begin();
      const bool is_there = ledger_.open(n).state != State::refused || propose(n, ledger_.open(n).sample + 1);
      if (!is_there && !is_exhausted_) return std::nullopt;  // stopped: it still waits
      waiting_.erase(waiting_.begin());
      if (is_there) return job_of(ledger_.open(n));
    }
    const int n = ledger_.size() + 1;
    if (is_exhausted_ || n > last_ || !proposals_.is_ready(n) || !propose(n, 0)) return std::nullopt;
    return job_of(ledger_.open(n));
  }
  /// False when it was stopped, and when nothing is left to propose.
  bool propose(int number, int sample) {
    is_exhausted_ = false;
    const auto samples = samples_of(number, sample);
    if (!samples) return false;
    open_batch();
    is_exhausted_ = samples->empty() || samples->back().state == State::refused;
    if (is_exhausted_)
      note_refused(*samples);
    else
      ledger_.add(*samples);
    return !is_exhausted_;
  }
  /// What has ended is kept also where the strategy fails.
  std::optional<std::vector<Trial>> samples_of(int number, int sample) {
    try {
      return proposals_.propose(number, sample, stop_);
    } catch (const Exception&) {
      commit();
      throw;
    }
  }
  /// The samples of a proposal that found nothing are counted, not recorded: they would be the same again.
  void note_refused(const std::vector<Trial>& samples) {
    for (const Trial& t : samples) ++refused_[kind_of_reason(t.reason)];
    ledger_.store().set_refused_in_vain(refused_);
  }

  /// Is nothing left to train? A number for which no genome was left stays refused.
  bool is_at_rest() const {
    for (int n = ledger_.finished() + 1; n <= ledger_.size(); ++n)
      if (const Trial& t = ledger_.open(n); !t.finished() && t.state != State::refused) return false;
    return waiting_.empty();
  }

  Job job_of(const Trial& t) const {
    TrainRequest request;
    request.text = t.text;
    request.learning_rate = t.learning_rate;
    request.batch = t.batch;
    request.seed = t.seed;
    request.steps = t.steps;
    for (const Hurdle& hurdle : t.hurdles)
      request.hurdles.push_back({.at = hurdle.at, .max_loss = t.let_through ? std::nullopt : hurdle.max_loss});
    if (t.steps == 0) {
      request.budget = search_.options.budget;
      if (t.phase == "search") request.max_step_seconds = proposals_.max_step_seconds(t.batch);
    }
    const auto deaths = deaths_.find(t.number);
    return {{t.number, std::move(request)}, 60 + 20 * search_.options.budget, deaths == deaths_.end() ? 0 : deaths->second};
  }

  void started(const Job& job, int worker, std::int64_t process) override {
    Trial t = ledger_.open(job.request.job);
    t.state = State::leased;
    open_batch();
    ledger_.update(t);
    attempts_[t.number] = ledger_.store().lease(t, worker, process);
  }

  void died(const Job& job, const Reply& reply) override {
    Trial t = ledger_.open(job.request.job);
    t.state = State::queued;
    settle(t, "died", reply.error.message);
  }

  void ended(const Job& job, const Reply& reply) override {
    Trial t = ledger_.open(job.request.job);
    if (reply.kind == Reply::Kind::answer) {
      enter(std::get<TrainReply>(reply.answer), t);
      if (t.state == State::refused) waiting_.insert(t.number);
      return settle(t, "done", "");
    }
    t.state = State::failed;
    t.reason = reply.error.message;
    settle(t, reply.kind == Reply::Kind::died ? "died" : "failed", t.reason);
  }

  void commit() override {
    if (batch_) batch_->commit();
    batch_.reset();
    for (const Trial& t : std::exchange(ended_, {})) on_trial_(ledger_, t);
  }

  void open_batch() {
    if (!batch_) batch_ = ledger_.store().batch();
  }
  void settle(const Trial& t, const std::string& outcome, const std::string& what) {
    open_batch();
    ledger_.store().settle(t, attempts_.at(t.number), outcome, what);
    attempts_.erase(t.number);
    ledger_.update(t);
    if (t.finished()) ended_.push_back(t);
  }

  static void enter(const TrainReply& reply, Trial& t) {
    if (reply.step_seconds && t.steps == 0) {
      t.step_seconds = *reply.step_seconds;
      t.steps = reply.steps;
    }
    if (!reply.refusal.empty()) {
      t.state = State::refused;
      t.reason = reply.refusal;
      return;
    }
    const std::size_t reached = std::min(t.hurdles.size(), reply.at_hurdles.size());
    for (std::size_t i = 0; i < reached; ++i) t.hurdles[i].loss = reply.at_hurdles[i];
    t.loss = reply.loss;
    t.state = State::done;
    if (!t.loss) t.reason = "stopped at hurdle " + std::to_string(reached);
  }

  const Search& search_;
  Ledger& ledger_;
  Workers& workers_;
  Proposals proposals_;
  int last_;
  StopRequest stop_;
  OnTrial on_trial_;
  std::set<int> waiting_;      ///< open trials that no worker has and that the scheduler has not been given
  std::map<int, int> deaths_;  ///< of earlier runs of the study, by trial
  std::map<int, std::int64_t> attempts_;
  std::unique_ptr<Transaction> batch_;
  std::vector<Trial> ended_;
  ReasonCounts refused_;  ///< by proposals that found nothing
  bool is_exhausted_ = false;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
