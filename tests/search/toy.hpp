#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/strategy/random_search.hpp"
#include "genoform/search/study.hpp"
#include "genoform/search/workers/worker_pool.hpp"

/// A search small enough to know its best genome: six digits of 0 to 7, two of which pull in opposite directions.
namespace toy {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

class Digits : public Space {
 public:
  explicit Digits(std::size_t length = 6, std::size_t base = 8) : length_(length), base_(base) {}
  std::string kind() const override { return "digits"; }
  nlohmann::json describe() const override { return {{"length", length_}, {"base", base_}}; }
  std::string random(RandomStream& samples) const override {
    std::string text;
    for (std::size_t i = 0; i < length_; ++i) text += digit(samples.below(base_));
    return text;
  }
  std::string mutate(const std::string& parent, RandomStream& samples) const override {
    std::string child = parent;
    char& c = child[samples.below(length_)];
    c = digit((static_cast<std::size_t>(c - '0') + 1 + samples.below(base_ - 1)) % base_);
    return child;
  }
  Result<void> check(const std::string& text) const override {
    if (text.size() == length_) return {};
    return Error{ErrorKind::input, text + " has the wrong length"};
  }

 private:
  static char digit(std::size_t value) { return static_cast<char>('0' + value); }
  std::size_t length_, base_;
};

/// Lower is better; 0 for "777777" alone.
inline double loss_of(const std::string& text) {
  double loss = 0;
  for (std::size_t i = 0; i < text.size(); ++i) loss += (7 - (text[i] - '0')) * (1.0 + 0.1 * static_cast<double>(i));
  return loss;
}

/// The step time grows with the first digit, so "7....." breaks a limit of 1.5 times that of "0....", and with the batch, where
/// it has one.
class Clock : public Estimator {
 public:
  std::string name() const override { return "toy"; }
  Estimate estimate(const std::string& text, int batch) const override {
    return {.step_seconds = 1e-3 * (1 + 0.1 * (text[0] - '0')) * (batch > 0 ? batch / 8.0 : 1),
            .parameters = 1000 * (text[1] - '0'),
            .activated_parameters = 0,
            .bytes = 0};
  }
};
class NoClock : public Estimator {
 public:
  std::string name() const override { return "none"; }
  Estimate estimate(const std::string&, int) const override { return {}; }
};

/// What the workers do. `mischief`: a text that makes them die, hang, talk nonsense or fail.
class Fake : public Evaluator {
 public:
  explicit Fake(nlohmann::json setup) : setup_(std::move(setup)) {}

  TrainReply train(const TrainRequest& request) override {
    if (is_mischievous(request.text)) return {};
    TrainReply reply;
    if (request.steps == 0) {
      reply.step_seconds = 1e-3 * (1 + 0.1 * (request.text[0] - '0')) * (request.batch > 0 ? request.batch / 8.0 : 1);
      reply.steps = 100;
      if (request.max_step_seconds && *reply.step_seconds > *request.max_step_seconds) {
        reply.refusal = "step time";
        return reply;
      }
    }
    const double loss = loss_of(request.text);
    for (const HurdleRequest& hurdle : request.hurdles) {
      reply.at_hurdles.push_back(loss + 10);
      if (hurdle.max_loss && loss + 10 > *hurdle.max_loss) return reply;
    }
    reply.loss = loss;
    return reply;
  }

  FinalReply train_final(const FinalRequest& request) override {
    (void)is_mischievous(request.text);
    if (!request.folder.empty()) {
      const std::filesystem::path folder = request.folder;
      std::filesystem::create_directories(folder);
      std::ofstream(folder / "config.json") << "config of \"" << request.text << '"';
      std::ofstream(folder / "model.safetensors") << "weights";
    }
    const double loss = loss_of(request.text) + 0.01 * static_cast<double>(request.seed % 10);
    return {.validation = loss, .test = loss + 0.1, .test_whole = loss + 0.3};
  }

  /// Half as fast again as the clock says for texts that begin with 1.
  TimeReply time(const TimeRequest& request) override {
    TimeReply reply;
    for (const std::string& text : request.texts)
      reply.seconds.push_back((text[0] == '1' ? 1.5e-3 : 1e-3) * (1 + 0.1 * (text[0] - '0')));
    return reply;
  }

 private:
  /// Does its mischief; true when the reply shall be no result.
  bool is_mischievous(const std::string& text) const {
    ::usleep(static_cast<useconds_t>(setup_.value("microseconds", 0) * (1 + text.back() % 3)));
    const std::string what = setup_.value("mischief", nlohmann::json::object()).value(text, "");
    if (what == "die") ::raise(SIGKILL);
    if (what == "exit") ::_exit(9);
    if (what == "hang") ::pause();
    if (what == "not finite") throw Exception({ErrorKind::not_finite, "blocks.0.0.ffn.up.weight: not finite"});
    return what == "nothing";
  }

  nlohmann::json setup_;
};

inline Launcher launcher() {
  return forked_evaluator([](const nlohmann::json& setup) { return std::make_unique<Fake>(setup); });
}

/// A path removed at the start and the end; in memory where there is such a folder, since a study waits for the disk at every
/// change.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name) {
    const std::filesystem::path memory = "/dev/shm";
    const bool has_memory = ::access(memory.c_str(), W_OK) == 0;
    path_ = ((has_memory ? memory : std::filesystem::temp_directory_path()) / (name + "." + std::to_string(::getpid()))).string();
    remove();
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { remove(); }
  const std::string& path() const { return path_; }

 private:
  void remove() const {
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix);
  }
  std::string path_;
};

/// A study of digits with worker processes; every member may be changed before it is run.
struct DigitStudy {
  Digits space{}, low{6, 4};  ///< the second: a control arm's
  Evolution evolution{{.initial = 12, .population = 20, .tournament = 6, .twice = 0.25}};
  RandomSearch random{};
  Clock clock{};
  NoClock no_clock{};
  std::vector<Baseline> baselines{{"plain", "000000", true}, {"other", "012345", false}};
  StudyOptions options{};
  FinalOptions finals{};
  nlohmann::json setup = nlohmann::json::object();
  int workers = 2, genomes = 60;
  bool has_controls = false;
  bool use_random = false, is_measured = false, has_final = false;

  DigitStudy() { options.limits.step_time_factor = 1.65; }

  Study on(Workers& any) const {
    const Strategy& strategy = use_random ? static_cast<const Strategy&>(random) : evolution;
    const Estimator& oracle = is_measured ? static_cast<const Estimator&>(no_clock) : clock;
    Study study{space, strategy, oracle, baselines, any, options};
    if (has_controls) study.controls = {{"low digits", &low, &evolution}, {"random", &space, &random}};
    return study;
  }
  /// Runs to the end, or until `stop` says so; returns whether it ended.
  bool run(
      const std::string& path, const StopRequest& stop = [] { return Stop::no; },
      const OnTrial& on_trial = [](const Ledger&, const Trial&) {}) const {
    WorkerPool pool(workers, launcher(), setup);
    return run_on(pool, path, stop, on_trial);
  }
  bool run_on(
      Workers& any, const std::string& path, const StopRequest& stop = [] { return Stop::no; },
      const OnTrial& on_trial = [](const Ledger&, const Trial&) {}) const {
    Store store(path, Store::Open::write);
    StudyRun run;
    run.genomes = genomes;
    if (has_final) run.finals = finals;
    run.stop = stop;
    run.on_trial = on_trial;
    bool is_complete = false;
    run.on_search_end = [&](const Ledger&, bool complete) { is_complete = complete; };
    return on(any).run(store, run) && is_complete;
  }
};

inline std::string record_of(const std::string& path) { return Store(path, Store::Open::read).record(); }
inline std::vector<Trial> trials_of(const std::string& path) { return Store(path, Store::Open::read).trials(); }

}  // namespace toy
