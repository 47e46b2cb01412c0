#include "genoform/search/workers/scheduler.hpp"

#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/study/step_times.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "tests/catch.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

/// Workers that die as often as they are told for each job, and answer backwards.
class Unreliable : public Workers {
 public:
  Unreliable(int workers, std::map<int, int> deaths) : busy_(static_cast<std::size_t>(workers), 0), deaths_(std::move(deaths)) {}
  int size() const override { return static_cast<int>(busy_.size()); }
  std::vector<int> idle() const override {
    std::vector<int> idle;
    for (int i = 0; i < size(); ++i)
      if (busy_[static_cast<std::size_t>(i)] == 0) idle.push_back(i);
    return idle;
  }
  void start(int worker, const JobRequest& request, double) override { busy_[static_cast<std::size_t>(worker)] = request.job; }
  std::vector<Reply> wait(double) override {
    std::vector<Reply> replies;
    for (int i = size() - 1; i >= 0; --i) {
      int& job = busy_[static_cast<std::size_t>(i)];
      if (job == 0) continue;
      const bool dies = deaths_[job]-- > 0;
      replies.push_back(
          {.job = job, .worker = i, .kind = dies ? Reply::Kind::died : Reply::Kind::answer, .answer = TrainReply{}, .error = {}});
      job = 0;
    }
    return replies;
  }
  std::int64_t process_of(int) const override { return 0; }

 private:
  std::vector<int> busy_;
  std::map<int, int> deaths_;
};

/// Workers on several machines; the clock of the first machine counts. They note who had which job.
class Mixed : public Workers {
 public:
  Mixed(std::vector<std::string> machines) : machines_(std::move(machines)), busy_(machines_.size(), 0) {}
  int size() const override { return static_cast<int>(machines_.size()); }
  std::vector<int> idle() const override {
    std::vector<int> idle;
    for (int i = 0; i < size(); ++i)
      if (busy_[static_cast<std::size_t>(i)] == 0) idle.push_back(i);
    return idle;
  }
  void start(int worker, const JobRequest& request, double) override {
    busy_[static_cast<std::size_t>(worker)] = request.job;
    machines_of_jobs[request.job] = machine_of(worker);
  }
  std::vector<Reply> wait(double) override {
    std::vector<Reply> replies;
    for (int i = 0; i < size(); ++i)
      if (const int job = std::exchange(busy_[static_cast<std::size_t>(i)], 0); job != 0)
        replies.push_back({.job = job, .worker = i, .kind = Reply::Kind::answer, .answer = TimeReply{{1.0}}, .error = {}});
    return replies;
  }
  std::int64_t process_of(int) const override { return 0; }
  std::string machine_of(int worker) const override { return machines_[static_cast<std::size_t>(worker)]; }
  std::string reference_machine() const override { return machines_.front(); }

  std::map<int, std::string> machines_of_jobs;

 private:
  std::vector<std::string> machines_;
  std::vector<int> busy_;
};

/// So many jobs; remembers what happened as words.
class Journal : public JobSource {
 public:
  explicit Journal(int jobs) : jobs_(jobs) {}
  std::string events;

 private:
  std::optional<Job> next() override { return ++last_ > jobs_ ? std::nullopt : std::optional(Job{.request = {last_, {}}}); }
  void started(const Job& job, int, std::int64_t) override { note("start", job); }
  void died(const Job& job, const Reply&) override { note("death", job); }
  void ended(const Job& job, const Reply& reply) override { note(reply.kind == Reply::Kind::died ? "lost" : "end", job); }
  void commit() override { events += "commit "; }
  void note(const std::string& what, const Job& job) { events += what + std::to_string(job.request.job) + " "; }

  int jobs_, last_ = 0;
};

const StopRequest never = [] { return Stop::no; };

}  // namespace

TEST_CASE("replies are settled in the order of the jobs, and made durable before workers get new ones") {
  Unreliable workers(2, {});
  Journal jobs(3);
  Scheduler(workers).run(jobs, never);
  CHECK(jobs.events == "start1 start2 commit end1 end2 start3 commit end3 commit ");
}

TEST_CASE("a job whose worker died goes to another one, a second death ends it") {
  Unreliable workers(1, {{1, 1}, {2, 2}});
  Journal jobs(2);
  Scheduler(workers).run(jobs, never);
  CHECK(jobs.events == "start1 commit death1 start1 commit end1 start2 commit death2 start2 commit lost2 commit ");
}

TEST_CASE("a request to stop soon lets the running jobs end, one to stop now does not") {
  for (const Stop how : {Stop::soon, Stop::now}) {
    Unreliable workers(2, {});
    Journal jobs(9);
    int asked = 0;
    Scheduler(workers).run(jobs, [&] { return asked++ == 0 ? Stop::no : how; });
    CHECK(jobs.events == "start1 start2 commit end1 end2 commit ");
  }
  Unreliable workers(2, {});
  Journal jobs(9);
  Scheduler(workers).run(jobs, [] { return Stop::soon; });
  CHECK(jobs.events == "commit ");
}

TEST_CASE("an evaluator in the process stands for any number of workers and its exceptions are errors of a job") {
  FunctionEvaluator evaluator([](const TrainRequest& r) {
    if (r.text == "bad") throw Exception({ErrorKind::not_finite, "a tensor"});
    return r.text == "nan" ? std::nan("") : static_cast<double>(r.text.size());
  });
  InProcessWorkers workers(evaluator, 3);
  const char* texts[] = {"four", "bad", "nan"};
  for (int i = 0; i < 3; ++i) {
    TrainRequest request;
    request.text = texts[i];
    workers.start(i, {i + 1, request}, 1);
  }
  CHECK(workers.idle().empty());
  const std::vector<Reply> replies = workers.wait(10);
  REQUIRE(replies.size() == 3);
  CHECK(std::get<TrainReply>(replies[0].answer).loss == 4.0);
  CHECK(replies[1].error.message == "a tensor");
  CHECK(replies[1].error.error_kind == ErrorKind::not_finite);
  CHECK(replies[2].error.message.find("not finite") != std::string::npos);
  workers.start(0, {4, TimeRequest{}}, 1);
  CHECK(workers.wait(10).front().error.message.find("measures no step times") != std::string::npos);
}

TEST_CASE("only workers on machines like the reference measure time, all of them train") {
  Mixed workers({"fast", "slow", "fast", "slow"});
  CHECK(workers_that_measure(workers) == 2);
  TimingJobs timing(std::vector(7, TimeRequest{.texts = {"x"}}), 1);
  REQUIRE(timing.run(workers, never)->size() == 7);
  REQUIRE(workers.machines_of_jobs.size() == 7);
  for (const auto& [job, machine] : workers.machines_of_jobs) CHECK(machine == "fast");

  TrainRequest request;
  request.steps = 5;
  CHECK_FALSE(measures_time(request));
  CHECK_FALSE(measures_time(FinalRequest{}));
  request.steps = 0;  // the worker measures the step time and decides how many steps the budget has
  CHECK(measures_time(request));
}
