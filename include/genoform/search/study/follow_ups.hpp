#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/search/store/follow_up_run.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/workers/scheduler.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Called after each run of a follow-up that ended, when it is in the store.
using OnFollowUp = std::function<void(const FollowUpRun&)>;

/// Trains the runs of one follow-up that are in the store and not finished. It may be interrupted at any moment and go on later.
class FollowUps : private JobSource {
 public:
  FollowUps(Store& store, Workers& workers, std::string part)
      : store_(store), workers_(workers), part_(std::move(part)), runs_(store.follow_ups(part_)) {}

  const std::vector<FollowUpRun>& runs() const { return runs_; }

  /// Trains those that are sweeps, or those that are not; true when all of them are finished.
  bool train(bool sweeps, const StopRequest& stop, const OnFollowUp& on_run) {
    on_run_ = on_run;
    waiting_.clear();
    for (const FollowUpRun& run : runs_)
      if (run.is_sweep == sweeps && !run.finished()) waiting_.push_back(run.number);
    Scheduler(workers_).run(*this, stop);
    return std::all_of(runs_.begin(), runs_.end(),
                       [&](const FollowUpRun& run) { return run.is_sweep != sweeps || run.finished(); });
  }

  /// Changes runs that have not begun, all or none.
  void change(const std::function<void(FollowUpRun&)>& change_run) {
    const auto batch = store_.batch();
    for (FollowUpRun& run : runs_) {
      if (run.finished()) continue;
      change_run(run);
      store_.put(part_, run);
    }
    batch->commit();
  }

 private:
  std::optional<Job> next() override {
    if (waiting_.empty()) return std::nullopt;
    const FollowUpRun& run = runs_[static_cast<std::size_t>(waiting_.front() - 1)];
    waiting_.pop_front();
    return Job{.request = {run.number, request_of(run)}, .limit = 120 + 20 * run.budget};
  }
  static Request request_of(const FollowUpRun& run) {
    if (run.is_sweep) {
      TrainRequest request;
      request.text = run.text;
      request.learning_rate = run.learning_rate;
      request.batch = run.batch;
      request.seed = run.seed;
      request.steps = run.steps;
      return request;
    }
    FinalRequest request;
    request.text = run.text;
    request.learning_rate = run.learning_rate;
    request.batch = run.batch;
    request.seed = run.seed;
    request.steps = run.steps;
    request.points = run.points;
    return request;
  }

  void ended(const Job& job, const Reply& reply) override {
    FollowUpRun& run = runs_[static_cast<std::size_t>(job.request.job - 1)];
    if (reply.kind != Reply::Kind::answer) {
      run.failure = reply.error.message;
    } else if (run.is_sweep) {
      run.validation = std::get<TrainReply>(reply.answer).loss;
      if (!run.validation) run.failure = "no loss";
    } else {
      const auto& losses = std::get<FinalReply>(reply.answer);
      run.validation = losses.validation;
      run.test = losses.test;
      run.curve = losses.curve;
    }
    store_.put(part_, run);
    on_run_(run);
  }

  Store& store_;
  Workers& workers_;
  std::string part_;
  std::vector<FollowUpRun> runs_;
  std::deque<int> waiting_;
  OnFollowUp on_run_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
