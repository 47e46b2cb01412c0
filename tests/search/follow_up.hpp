#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/study/follow_ups.hpp"
#include "tests/search/toy.hpp"

namespace toy {

inline Stop never() { return Stop::no; }

/// An evaluator whose losses are known: f(request, seconds of training) with the noise of the data and of the run. A step takes
/// 1 ms, and twice as long at twice the width.
class KnownModels : public Evaluator {
 public:
  using Loss = std::function<double(const FinalRequest&, double seconds)>;

  explicit KnownModels(Loss loss, std::uint64_t noise = 0) : loss_(std::move(loss)), noise_(noise) {}

  int microseconds = 0;  ///< that each training takes

  TrainReply train(const TrainRequest& request) override {
    TrainReply reply;
    FinalRequest as_final;
    as_final.text = request.text;
    as_final.learning_rate = request.learning_rate;
    as_final.steps = request.steps;
    reply.loss = loss_(as_final, seconds_of(request.text, request.steps));
    return reply;
  }
  FinalReply train_final(const FinalRequest& request) override {
    ::usleep(static_cast<useconds_t>(microseconds));
    const Random data(noise_ + 31 * request.seed, stream_of("data"));
    const Random own(noise_ + 31 * request.seed, stream_of(request.text + std::to_string(request.learning_rate)));
    const double noise = 0.05 * data.normal(0) + 0.003 * own.normal(0);
    FinalReply reply;
    for (const std::int64_t step : curve_steps(request.steps, request.points))
      reply.curve.push_back({step, loss_(request, seconds_of(request.text, step)) + noise});
    reply.validation = loss_(request, seconds_of(request.text, request.steps)) + noise;
    reply.test = reply.validation + 0.1;
    return reply;
  }
  TimeReply time(const TimeRequest& request) override {
    TimeReply reply;
    for (const std::string& text : request.texts) reply.seconds.push_back(seconds_of(text, 1));
    return reply;
  }

 private:
  static double seconds_of(const std::string& text, std::int64_t steps) {
    return static_cast<double>(steps) * (text.find("Width<128>") != std::string::npos ? 2e-3 : 1e-3);
  }

  Loss loss_;
  std::uint64_t noise_;
};

/// What a follow-up has left, as text.
inline std::vector<std::string> rows_of(const Store& store, const std::string& part) {
  std::vector<std::string> rows{store.note(part).value_or("")};
  for (const FollowUpRun& run : store.follow_ups(part)) rows.push_back(json_of(run).dump());
  return rows;
}

/// Runs `work` in processes that are killed, each a little later, until one ends; returns how many were killed.
inline int kill_until_done(const std::function<bool()>& work) {
  for (int kills = 0;; ++kills) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 1;
      try {
        code = work() ? 0 : 2;
      } catch (...) {}
      ::_exit(code);
    }
    int status = 0;
    for (int waited = 0; waited < 15 + 10 * kills; ++waited) {
      ::usleep(1000);
      if (::waitpid(child, &status, WNOHANG) != child) continue;
      REQUIRE(WIFEXITED(status));
      REQUIRE(WEXITSTATUS(status) == 0);
      return kills;
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return kills;
  }
}

}  // namespace toy
