// How many instant trials a second the coordinator of a search carries, and what memory it takes: real proposals by evolution,
// the real ledger and store, workers that answer at once. The genomes are texts of 200 digits, as long as those of a block
// space, so that the space itself costs next to nothing.
//   coordinator [TRIALS [WORKERS [FILE]]]            defaults: 20000 256, a store in memory; FILE: a store on that disk
//   coordinator launched [TRIALS [WORKERS [FILE]]]   defaults: 4000 64; the workers are processes that a command of a shell
//                                                    starts, and pause so that all of them end 200 trials a second
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "genoform/search/clock/constant_oracle.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/study.hpp"
#include "genoform/search/workers/in_process_workers.hpp"
#include "genoform/search/workers/launch_command.hpp"
#include "genoform/search/workers/worker.hpp"
#include "genoform/search/workers/worker_pool.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

constexpr std::size_t length = 200;

class Digits : public Space {
 public:
  std::string kind() const override { return "digits"; }
  nlohmann::json describe() const override { return {{"length", length}}; }
  std::string random(RandomStream& samples) const override {
    std::string text(length, '0');
    for (char& c : text) c = digit(samples.below(8));
    return text;
  }
  std::string mutate(const std::string& parent, RandomStream& samples) const override {
    std::string child = parent;
    char& c = child[samples.below(length)];
    c = digit((static_cast<std::size_t>(c - '0') + 1 + samples.below(7)) % 8);
    return child;
  }
  Result<void> check(const std::string& text) const override {
    return text.size() == length ? Result<void>() : Error{ErrorKind::input, text + " has the wrong length"};
  }

 private:
  static char digit(std::size_t value) { return static_cast<char>('0' + value); }
};

double loss_of(const std::string& text) {
  double loss = 0;
  for (const char c : text) loss += '7' - c;
  return loss;
}

/// Resident memory of this process in KiB.
long resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::atol(line.c_str() + 6);
  return 0;
}

constexpr double launched_rate = 200;  ///< trials a second of all launched workers

/// What a launched worker runs; the setup says how long it pauses in a trial.
std::unique_ptr<Evaluator> make_evaluator(const nlohmann::json& setup) {
  const auto pause = std::chrono::duration<double>(setup.at("pause").get<double>());
  return std::make_unique<FunctionEvaluator>([pause](const TrainRequest& r) {
    ::usleep(static_cast<useconds_t>(std::chrono::duration_cast<std::chrono::microseconds>(pause).count()));
    return loss_of(r.text);
  });
}

std::unique_ptr<Workers> workers_of(bool launched, int workers, Evaluator& evaluator) {
  if (!launched) return std::make_unique<InProcessWorkers>(evaluator, workers);
  const std::string own = in_shell(std::filesystem::read_symlink("/proc/self/exe").string()) + " worker";
  auto pool =
      std::make_unique<WorkerPool>(workers, command_launcher("{}", own), nlohmann::json{{"pause", workers / launched_rate}});
  while (static_cast<int>(pool->idle().size()) < workers) pool->wait(0.2);
  return pool;
}

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) try {
  if (argc == 2 && argv[1] == std::string("worker")) return run_worker_on_standard_streams(make_evaluator);
  const bool launched = argc > 1 && argv[1] == std::string("launched");
  if (launched) --argc, ++argv;
  const int trials = argc > 1   ? std::atoi(argv[1])
                     : launched ? 4000
                                : 20000,
            workers = argc > 2   ? std::atoi(argv[2])
                      : launched ? 64
                                 : 256;
  if (argc > 3)
    for (const char* suffix : {"", "-journal"}) std::filesystem::remove(argv[3] + std::string(suffix));
  Store store = argc > 3 ? Store(argv[3], Store::Open::write) : Store::in_memory();
  const Digits space;
  const Evolution evolution;
  const ConstantOracle oracle(1e-3);
  FunctionEvaluator evaluator([](const TrainRequest& r) { return loss_of(r.text); });
  const std::unique_ptr<Workers> all = workers_of(launched, workers, evaluator);
  StudyOptions options;
  options.window = 2 * workers;
  const Study study{space, evolution, oracle, {{"plain", std::string(length, '0'), true}}, *all, options};

  StudyRun run;
  run.genomes = trials;
  long start_kib = 0, ended = 0;
  const auto start = std::chrono::steady_clock::now();
  const double processor_start = processor_seconds();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  run.on_trial = [&](const Ledger&, const Trial&) {
    if (++ended == trials / 10) start_kib = resident_kib();
    if (ended % (trials / 4) == 0) std::printf("%ld trials after %.2f s, %ld KiB\n", ended, seconds(), resident_kib());
  };
  study.run(store, run);
  const double used = processor_seconds() - processor_start, elapsed = seconds();
  std::printf("%ld trials on %d %s workers, store %s\n", ended, workers, launched ? "launched" : "pretended",
              argc > 3 ? argv[3] : "in memory");
  std::printf("%.0f trials a second, %.0f a second of processor time; memory %ld KiB after a tenth, %ld KiB at the end\n",
              static_cast<double>(ended) / elapsed, static_cast<double>(ended) / used, start_kib, resident_kib());
  std::printf("%.1f %% of a core; at %.0f trials a second %.1f %%\n", 100 * used / elapsed, launched_rate,
              100 * launched_rate * used / static_cast<double>(ended));
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
