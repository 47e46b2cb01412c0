// Trains every genome of the small space (small_space.hpp) with each seed and writes what came of it as a table. Lines of a file
// that is there already stay as they are, so a command that was killed goes on where it stopped.
//   search_table DATA FILE [PROCESSES]        DATA: data/austen; PROCESSES: 2, each a single-threaded process
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <numbers>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/search/table/small_space.hpp"
#include "genoform/backend/cpu.hpp"
#include "genoform/registry/kinds.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/evaluator/result_table.hpp"
#include "genoform/train.hpp"

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

struct Training {
  std::string text;
  int seed = 0;
  friend auto operator<=>(const Training&, const Training&) = default;
};

/// Trains a genome for the whole budget and measures it at every point.
TableRow row_of(const Training& training, const TableSetup& setup, const ModelSizes& sizes, const Corpus& corpus) {
  static const Kinds<Cpu> kinds = builtin_kinds<Cpu>();
  const Estimate estimate = sizes.sizes(sizes.read(training.text), setup.flops_per_second);
  const std::int64_t steps = Budget{setup.budget}.steps(*estimate.step_seconds);
  const auto seed = static_cast<std::uint64_t>(training.seed);
  BasicModel<Cpu> model = kinds.build(kinds.parse(training.text), {.seed = seed});
  TrainOptions options;
  options.steps = static_cast<int>(steps);
  options.batch = setup.batch;
  options.context = setup.context;
  options.learning_rate = static_cast<float>(setup.learning_rate);
  options.schedule = {.kind = Schedule::Kind::reciprocal_square_root, .warm_up = steps};  // constant until there
  options.seed = seed;
  options.windows = 0;
  Trainer<Cpu> trainer(model, options);
  Evaluation<Cpu> evaluation(model, setup.context, setup.windows);
  const auto bits = [&](TokenView part) { return evaluation.nats(part).value() / std::numbers::ln2 / corpus.bytes_per_token(); };
  TableRow row{.text = training.text,
               .seed = training.seed,
               .parameters = estimate.parameters,
               .activated_parameters = estimate.activated_parameters,
               .bytes = estimate.bytes,
               .step_seconds = *estimate.step_seconds,
               .points = {}};
  for (const int point : setup.points) {
    const std::int64_t until = std::max<std::int64_t>(1, steps * point / setup.whole);
    for (std::int64_t done = row.points.empty() ? 0 : row.points.back().steps; done < until; ++done) trainer.step(corpus).value();
    row.points.push_back({until, bits(corpus.validation()), bits(corpus.test())});
  }
  return row;
}

/// The lines of a table that was begun, without what a kill left of the last one.
std::vector<std::string> lines_of(const std::string& file) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  std::string all{std::istreambuf_iterator<char>(in), {}};
  all.resize(all.find_last_of('\n') == std::string::npos ? 0 : all.find_last_of('\n') + 1);
  std::istringstream stream(all);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

void write(const std::string& file, const std::vector<std::string>& lines) {
  const std::string temporary = file + ".new";
  std::ofstream out(temporary);
  for (const std::string& line : lines) out << line << '\n';
  out.close();
  if (!out) throw Exception({ErrorKind::resources, temporary + ": cannot be written; is the disk full?"});
  std::filesystem::rename(temporary, file);
}

/// What one of the processes does: every `processes`-th training, each line in one piece at the end of the file.
void work(const std::vector<Training>& trainings, std::size_t first, std::size_t processes, const TableSetup& setup,
          const ModelSizes& sizes, const Corpus& corpus, const std::string& file) {
  const int out = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  for (std::size_t i = first; i < trainings.size(); i += processes) {
    const std::string line = row_of(trainings[i], setup, sizes, corpus).line() + "\n";
    if (::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw Exception({ErrorKind::resources, file + ": cannot be written; is the disk full?"});
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) throw Exception({ErrorKind::usage, "search_table DATA FILE [PROCESSES]"});
  const std::string file = argv[2];
  const auto processes = static_cast<std::size_t>(argc > 3 ? std::max(1, std::atoi(argv[3])) : 2);
  const Corpus corpus = Corpus::from_file(argv[1]).value();
  TableSetup setup;
  setup.points = {8, 15, 24, 30, 56, 60, 120};
  setup.data = std::to_string(corpus.fingerprint());
  const ModelSizes sizes(setup.batch, setup.context);
  const std::vector<std::string> head{"# " + json_of(setup).dump(), setup.columns()};

  std::vector<std::string> lines = lines_of(file);
  if (!lines.empty() && (lines.size() < 2 || !std::equal(head.begin(), head.end(), lines.begin())))
    throw Exception({ErrorKind::input, file + ": a table that was made in another manner; take another file"});
  if (lines.empty()) lines = head;
  write(file, lines);
  std::set<std::string> done;
  for (const std::string& line : lines) done.insert(line.substr(0, line.find('\t', line.find('\t') + 1)));
  std::vector<Training> trainings;
  for (int seed = 1; seed <= setup.seeds; ++seed)
    for (const std::string& text : small_space::every_genome(BlockSpace(small_space::options())))
      if (!done.contains(text + "\t" + std::to_string(seed))) trainings.push_back({text, seed});

  std::vector<pid_t> children;
  for (std::size_t i = 0; i < processes; ++i) {
    const pid_t child = ::fork();
    if (child < 0) throw Exception({ErrorKind::resources, "a process cannot be started"});
    if (child == 0) {
      try {
        work(trainings, i, processes, setup, sizes, corpus, file);
        std::_Exit(0);
      } catch (const std::exception& error) { std::fprintf(stderr, "%s\n", error.what()); }
      std::_Exit(1);
    }
    children.push_back(child);
  }
  const auto start = std::chrono::steady_clock::now();
  bool failed = false;
  for (std::size_t running = children.size(); running > 0;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended > 0) {
      --running;
      failed = failed || status != 0;
      continue;
    }
    ::sleep(5);
    const std::size_t made = lines_of(file).size() - lines.size();
    const double each = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() /
                        static_cast<double>(std::max<std::size_t>(1, made));
    std::fprintf(stderr, "\r%zu of %zu trainings, %.0f s left  ", made, trainings.size(),
                 each * static_cast<double>(trainings.size() - made));
  }
  std::fputc('\n', stderr);
  if (failed) return 1;
  lines = lines_of(file);
  std::sort(lines.begin() + 2, lines.end());
  write(file, lines);
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
