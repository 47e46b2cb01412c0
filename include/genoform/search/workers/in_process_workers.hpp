#pragma once
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/workers/deadline.hpp"
#include "genoform/search/workers/workers.hpp"

namespace genoform::search {

/// An evaluator in this process, called by wait(), as any number of workers: for evaluators of one's own, tests and measurements
/// of the coordinator. The evaluator must live as long. Time limits of jobs are not kept.
class InProcessWorkers : public Workers {
 public:
  explicit InProcessWorkers(Evaluator& evaluator, int workers = 1) : evaluator_(evaluator), size_(workers) {
    if (workers < 1) throw Exception({ErrorKind::usage, "a search needs at least 1 worker"});
    for (int i = 0; i < workers; ++i) idle_.insert(idle_.end(), i);
  }

  int size() const override { return size_; }
  std::vector<int> idle() const override { return {idle_.begin(), idle_.end()}; }
  void start(int worker, const JobRequest& request, double) override {
    idle_.erase(worker);
    queue_.emplace_back(worker, request);
  }
  /// Answers what was started, in that order, until `seconds` are over.
  std::vector<Reply> wait(double seconds) override {
    const auto until = deadline_after(seconds);
    std::vector<Reply> replies;
    do {
      if (queue_.empty()) return replies;
      const auto [worker, asked] = std::move(queue_.front());
      queue_.pop_front();
      replies.push_back(reply_to(worker, asked));
      idle_.insert(worker);
    } while (std::chrono::steady_clock::now() < until);
    return replies;
  }
  std::int64_t process_of(int) const override { return ::getpid(); }

 private:
  Reply reply_to(int worker, const JobRequest& asked) {
    Reply reply{.job = asked.job, .worker = worker, .kind = Reply::Kind::answer, .answer = {}, .error = {}};
    Result<Answer> answer = answer_of(evaluator_, asked.request);
    if (answer) {
      const std::string problem = std::visit([](const auto& a) { return a.problem(); }, *answer);
      if (!problem.empty()) answer = Error{ErrorKind::not_finite, "the evaluator's reply is no result: " + problem};
    }
    if (answer)
      reply.answer = *std::move(answer);
    else
      reply.kind = Reply::Kind::error, reply.error = answer.error();
    return reply;
  }

  Evaluator& evaluator_;
  int size_;
  std::set<int> idle_;
  std::deque<std::pair<int, JobRequest>> queue_;
};

}  // namespace genoform::search
