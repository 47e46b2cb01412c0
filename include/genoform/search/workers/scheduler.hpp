#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/workers/workers.hpp"

namespace genoform::search {

/// What a search is asked to do between two jobs.
enum class Stop { no, soon, now };  ///< soon: begin nothing new; now: leave what is running
using StopRequest = std::function<Stop()>;

/// One thing for a worker to do.
struct Job {
  JobRequest request;
  double limit = 0;  ///< seconds, after which its worker counts as dead
  int deaths = 0;    ///< of workers that had it before
};

/// Where a scheduler's jobs come from and where their replies go. All calls come from one thread, those about a round of replies
/// in the order of the jobs' numbers.
class JobSource {
 public:
  virtual ~JobSource() = default;
  /// The next job; none when there is none now. Asked again when a reply has come.
  virtual std::optional<Job> next() = 0;
  /// A worker is about to get the job.
  virtual void started(const Job&, int /*worker*/, std::int64_t /*process*/) {}
  /// Its worker died and another one will get it.
  virtual void died(const Job&, const Reply&) {}
  /// An answer, an error, or the death of the last worker that it was worth.
  virtual void ended(const Job&, const Reply&) = 0;
  /// Makes durable what the calls before it said. No worker gets a job before.
  virtual void commit() {}
};

/// Runs jobs on workers: the one loop behind trials, step times and finals. A job whose worker died is given to another worker.
/// One that measures time is given to workers on machines like the reference only.
class Scheduler {
 public:
  static constexpr int max_deaths = 2;  ///< of workers that had a job, before it has failed
  static constexpr int max_wait = 600;  ///< seconds for a worker that may have a job

  explicit Scheduler(Workers& workers) : workers_(workers) {}

  /// Returns when the source has no job left and all have ended, or when it is stopped.
  void run(JobSource& source, const StopRequest& stop) {
    for (;;) {
      const Stop asked = stop();
      const std::vector<int> started = asked == Stop::no ? assign(source) : std::vector<int>();
      source.commit();
      if (asked == Stop::now) return;
      for (const int worker : started) workers_.start(worker, running_.at(worker).request, running_.at(worker).limit);
      if (running_.empty() && (has_no_more_ || asked == Stop::soon)) return;
      if (!running_.empty() || again_.empty()) alone_since_ = Clock::now();
      if (Clock::now() - alone_since_ > std::chrono::seconds(max_wait))
        throw Exception(
            {ErrorKind::resources, "for " + std::to_string(max_wait) +
                                       " s no worker was there to measure step times on: " + workers_.reference_machine()});
      settle(source, workers_.wait(0.2));
    }
  }

 private:
  /// Gives every idle worker a job. They are told later, so that all of it can be made durable at once.
  std::vector<int> assign(JobSource& source) {
    std::vector<int> started;
    has_no_more_ = false;
    for (const int worker : workers_.idle()) {
      std::optional<Job> job = next(source);
      has_no_more_ = !job;
      if (!job) break;
      if (measures_time(job->request.request) && workers_.machine_of(worker) != workers_.reference_machine()) {
        again_.emplace(job->request.job, *std::move(job));  // for a worker whose clock counts
        continue;
      }
      source.started(*job, worker, workers_.process_of(worker));
      running_.emplace(worker, *std::move(job));
      started.push_back(worker);
    }
    return started;
  }

  std::optional<Job> next(JobSource& source) {
    if (again_.empty()) return source.next();
    auto job = again_.extract(again_.begin());
    return std::move(job.mapped());
  }

  void settle(JobSource& source, std::vector<Reply> replies) {
    std::sort(replies.begin(), replies.end(), [](const Reply& a, const Reply& b) { return a.job < b.job; });
    for (const Reply& reply : replies) {
      const auto found = running_.find(reply.worker);
      if (found == running_.end() || found->second.request.job != reply.job) continue;  // of a run that was stopped
      Job job = std::move(found->second);
      running_.erase(found);
      if (reply.kind == Reply::Kind::died && ++job.deaths < max_deaths) {
        source.died(job, reply);
        again_.emplace(reply.job, std::move(job));
      } else {
        source.ended(job, reply);
      }
    }
  }

  using Clock = std::chrono::steady_clock;

  Workers& workers_;
  std::map<int, Job> running_;  ///< by worker
  std::map<int, Job> again_;    ///< by number: their worker died, or may not have them
  bool has_no_more_ = false;
  Clock::time_point alone_since_ = Clock::now();  ///< no job runs, though there are some
};

}  // namespace genoform::search
