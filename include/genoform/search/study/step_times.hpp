#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/workers/scheduler.hpp"
#include "genoform/search/workers/workers.hpp"

namespace genoform::search {

/// Requests to time models in groups of `others` behind the first model, with which each group takes turns; rounds and steps, and
/// whether by operation, as in `how`.
inline std::vector<TimeRequest> requests_in_turns(const std::vector<std::string>& texts, const std::vector<int>& batches,
                                                  std::size_t others, const TimeRequest& how) {
  std::vector<TimeRequest> requests;
  for (std::size_t begin = 1; begin == 1 || begin < texts.size(); begin += others) {
    TimeRequest request = how;
    request.texts = {texts.front()};
    request.batches = {batches.front()};
    for (std::size_t i = begin; i < begin + others && i < texts.size(); ++i) {
      request.texts.push_back(texts[i]);
      request.batches.push_back(batches[i]);
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

/// Requests for step times as jobs of a scheduler; what cannot be timed is thrown as Exception.
class TimingJobs : public JobSource {
 public:
  TimingJobs(std::vector<TimeRequest> requests, double limit)
      : requests_(std::move(requests)), replies_(requests_.size()), limit_(limit) {}

  /// In the order of the requests; none when it was stopped before all were there.
  std::optional<std::vector<TimeReply>> run(Workers& workers, const StopRequest& stop) {
    Scheduler(workers).run(*this, stop);
    return ended_ == requests_.size() ? std::optional(std::move(replies_)) : std::nullopt;
  }

 private:
  std::optional<Job> next() override {
    if (next_ == requests_.size()) return std::nullopt;
    const TimeRequest& request = requests_[next_++];
    return Job{.request = {static_cast<int>(next_), request}, .limit = limit_};
  }
  void ended(const Job& job, const Reply& reply) override {
    const auto& texts = std::get<TimeRequest>(job.request.request).texts;
    const std::string what = texts.size() == 1 ? texts.front() : std::to_string(texts.size()) + " models";
    if (reply.kind != Reply::Kind::answer)
      throw Exception({reply.error.error_kind, "timing " + what + ": " + reply.error.message});
    TimeReply times = std::get<TimeReply>(reply.answer);
    if (times.seconds.size() != texts.size())
      throw Exception({ErrorKind::input, "timing " + what + ": the evaluator gave " + std::to_string(times.seconds.size()) +
                                             " step times for " + std::to_string(texts.size()) + " models"});
    replies_[static_cast<std::size_t>(job.request.job - 1)] = std::move(times);
    ++ended_;
  }

  std::vector<TimeRequest> requests_;
  std::vector<TimeReply> replies_;
  double limit_;
  std::size_t next_ = 0, ended_ = 0;
};

}  // namespace genoform::search
