#pragma once
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "genoform/search/study/finals.hpp"
#include "genoform/search/study/trial_runner.hpp"
#include "genoform/search/workers/worker.hpp"

/// A search small enough to know its best genome: six digits of 0 to 7, two of which pull in opposite directions.
namespace toy {

using namespace genoform;
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

/// The step time grows with the first digit, so "7....." breaks a limit of 1.5 times that of "0....".
class Clock : public Estimator {
 public:
  std::string name() const override { return "toy"; }
  Estimate estimate(const std::string& text) const override {
    return {.step_seconds = 1e-3 * (1 + 0.1 * (text[0] - '0')),
            .parameters = 1000 * (text[1] - '0'),
            .activated_parameters = 0,
            .bytes = 0};
  }
};
class NoClock : public Estimator {
 public:
  std::string name() const override { return "none"; }
  Estimate estimate(const std::string&) const override { return {}; }
};

/// What the workers do. `mischief`: a text that makes them die, hang, talk nonsense or fail.
class Fake : public Evaluator {
 public:
  explicit Fake(nlohmann::json setup) : setup_(std::move(setup)) {}
  nlohmann::json answer(const nlohmann::json& request) override {
    if (request.value("do", "train") == "time") return time(request.at("texts"));
    const std::string text = request.at("text");
    ::usleep(static_cast<useconds_t>(setup_.value("microseconds", 0) * (1 + text.back() % 3)));
    const nlohmann::json mischief = setup_.value("mischief", nlohmann::json::object());
    const std::string what = mischief.value(text, "");
    if (what == "die") ::raise(SIGKILL);
    if (what == "exit") ::_exit(9);
    if (what == "hang") ::pause();
    if (what == "not finite") throw Exception({ErrorKind::not_finite, "blocks.0.0.ffn.up.weight: not finite"});
    if (what == "nothing") return nullptr;
    const double loss = loss_of(text);
    if (request.value("final", false)) return finish(request, loss);
    if (!request.contains("steps")) {
      const double seconds = 1e-3 * (1 + 0.1 * (text[0] - '0'));
      if (request.contains("step_limit") && seconds > request.at("step_limit").get<double>())
        return {{"refused", "step time"}, {"step_seconds", seconds}};
      return {{"loss", loss}, {"at_hurdle", loss + 10}, {"step_seconds", seconds}, {"steps", 100}};
    }
    if (request.contains("hurdle") && loss + 10 > request.at("hurdle").get<double>()) return {{"at_hurdle", loss + 10}};
    return {{"loss", loss}, {"at_hurdle", loss + 10}};
  }

 private:
  /// Half as fast again as the clock says for texts that begin with 1.
  static nlohmann::json time(const std::vector<std::string>& texts) {
    std::vector<double> seconds;
    for (const std::string& text : texts) seconds.push_back((text[0] == '1' ? 1.5e-3 : 1e-3) * (1 + 0.1 * (text[0] - '0')));
    return {{"seconds", seconds}};
  }
  static nlohmann::json finish(const nlohmann::json& request, double loss) {
    const double seed = static_cast<double>(request.at("seed").get<std::uint64_t>() % 10);
    if (request.contains("folder")) {
      const std::filesystem::path folder = request.at("folder").get<std::string>();
      std::filesystem::create_directories(folder);
      std::ofstream(folder / "config.json") << "config of " << request.at("text");
      std::ofstream(folder / "model.safetensors") << "weights";
    }
    return {{"validation", loss + 0.01 * seed}, {"test", loss + 0.1 + 0.01 * seed}};
  }

  nlohmann::json setup_;
};

inline WorkerMain worker() {
  return [](int fd) { return run_worker(fd, [](const nlohmann::json& setup) { return std::make_unique<Fake>(setup); }); };
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

/// A study of digits; every member may be changed before it is run.
struct Study {
  Digits space{};
  Evolution evolution{{.initial = 12, .population = 20, .tournament = 6, .twice = 0.25}};
  RandomSearch random{};
  Clock clock{};
  NoClock no_clock{};
  std::vector<Baseline> baselines{{"plain", "000000", true}, {"other", "012345", false}};
  StudyOptions options{};
  nlohmann::json setup = nlohmann::json::object();
  int workers = 2, genomes = 60;
  bool use_random = false, is_measured = false, has_final = false;
  FinalOptions finals{};

  Study() { options.limits.step_time_factor = 1.65; }

  /// Runs to the end, or until `stop` says so; returns whether it ended.
  bool run(
      const std::string& path, const StopRequest& stop = [] { return Stop::no; },
      const OnTrial& on_trial = [](const Ledger&, int) {}) const {
    const Proposer& proposer = use_random ? static_cast<const Proposer&>(random) : evolution;
    const Estimator& estimator = is_measured ? static_cast<const Estimator&>(no_clock) : clock;
    const Search search{space, proposer, estimator, baselines, options};
    Store store(path, Store::Open::write);
    Ledger ledger(store);
    WorkerPool pool(workers, worker(), setup);
    if (!TrialRunner(search, ledger, pool, genomes).run(stop, on_trial)) return false;
    return !has_final || Finals(search, ledger, store, pool, finals).run(stop, [](const FinalRun&) {});
  }
};

inline std::string record_of(const std::string& path) { return Store(path, Store::Open::read).record(); }
inline std::vector<Trial> trials_of(const std::string& path) { return Store(path, Store::Open::read).trials(); }

}  // namespace toy
