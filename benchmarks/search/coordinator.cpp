// How many instant trials a second the coordinator of a search carries, and what memory it takes: real proposals by evolution,
// the real ledger and store, workers that answer at once. The genomes are texts of 200 digits, as long as those of a block
// space, so that the space itself costs next to nothing.
//   coordinator [TRIALS [WORKERS [FILE]]]     defaults: 20000 256, a store in memory; FILE: a store on that disk
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

#include "genoform/search/clock/constant_oracle.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/study.hpp"

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

}  // namespace

int main(int argc, char** argv) try {
  const int trials = argc > 1 ? std::atoi(argv[1]) : 20000, workers = argc > 2 ? std::atoi(argv[2]) : 256;
  if (argc > 3)
    for (const char* suffix : {"", "-journal"}) std::filesystem::remove(argv[3] + std::string(suffix));
  Store store = argc > 3 ? Store(argv[3], Store::Open::write) : Store::in_memory();
  const Digits space;
  const Evolution evolution;
  const ConstantOracle oracle(1e-3);
  FunctionEvaluator evaluator([](const TrainRequest& r) { return loss_of(r.text); });
  InProcessWorkers pretended(evaluator, workers);
  StudyOptions options;
  options.window = 2 * workers;
  const Study study{space, evolution, oracle, {{"plain", std::string(length, '0'), true}}, pretended, options};

  StudyRun run;
  run.genomes = trials;
  long start_kib = 0, ended = 0;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  run.on_trial = [&](const Ledger&, const Trial&) {
    if (++ended == trials / 10) start_kib = resident_kib();
    if (ended % (trials / 4) == 0) std::printf("%ld trials after %.2f s, %ld KiB\n", ended, seconds(), resident_kib());
  };
  study.run(store, run);
  const double processor_seconds = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  std::printf("%ld trials on %d pretended workers, store %s\n", ended, workers, argc > 3 ? argv[3] : "in memory");
  std::printf("%.0f trials a second, %.0f a second of processor time; memory %ld KiB after a tenth, %ld KiB at the end\n",
              static_cast<double>(ended) / seconds(), static_cast<double>(ended) / processor_seconds, start_kib, resident_kib());
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
