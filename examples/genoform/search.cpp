#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/report/progress.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/study.hpp"
#include "genoform/search/study/calibration.hpp"
#include "genoform/search/study/step_table_of.hpp"
#include "genoform/search/workers/worker_pool.hpp"
#include "search_request.hpp"
#include "signals.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options {
  SearchRequest request;
  std::string file = "study.sqlite", table_of, sub_layers;
  int trials = 200, workers = 2;
  double minutes = 9;
  FinalOptions finals;
  cpu::Precision precision = cpu::Precision::f32;
  bool resume = false, recalibrate = false, no_final = false, quiet = false, json = false;
};

/// One search from the opened study to its report.
class SearchRun {
 public:
  explicit SearchRun(const Options& options)
      : options_(options),
        start_(Clock::now()),
        progress_(options.quiet ? Progress::Mode::quiet : Progress::Mode::automatic),
        store_(options.file, Store::Open::write),
        request_(request()),
        space_(request_.make_space()),
        strategy_(request_.make_strategy()),
        sizes_(request_.training.batch, request_.training.context),
        baselines_(proxy_baselines({.context = request_.training.context})) {}

  /// Returns the exit code.
  int run() {
    const Corpus corpus = Corpus::from_file(request_.training.data);
    nlohmann::json evaluator = json_of(request_.training);
    evaluator["data"] = std::to_string(corpus.fingerprint());
    // A worker is this program again, on the other end of its standard streams.
    WorkerPool pool(options_.workers, program_launcher({"/proc/self/exe", "worker"}), json_of(request_.training));
    const std::unique_ptr<Estimator> oracle = make_oracle(pool);
    if (!oracle) return interrupted();
    const Study study{*space_, *strategy_, *oracle, baselines_, pool, request_.study, std::move(evaluator)};
    if (!study.run(store_, study_run())) return interrupted();
    progress_.finish();
    const Report report(store_);
    std::printf("%s", options_.json ? (report.json().dump(2) + "\n").c_str() : report.text().c_str());
    return 0;
  }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// The request of the study's file when there is one, else the one of the command line, which is kept there.
  SearchRequest request() {
    const auto kept = store_.setting("request");
    if (options_.resume && !kept) throw Exception({ErrorKind::input, options_.file + ": no study to resume"});
    if (!kept) {
      store_.set("request", json_of(options_.request).dump());
      return options_.request;
    }
    if (!options_.resume && *kept != json_of(options_.request).dump())
      throw Exception(
          {ErrorKind::input,
           options_.file + ": a study with other options is there; --resume goes on with it, another --study starts anew"});
    return SearchRequest::parse(*kept);
  }

  StudyRun study_run() {
    StudyRun run;
    run.genomes = options_.trials;
    if (!options_.no_final) run.finals = options_.finals;
    run.stop = [this] { return stop(); };
    run.on_trial = [this](const Ledger& ledger, const Trial& trial) { show(ledger, trial); };
    run.on_search_end = [this](const Ledger& ledger, bool is_complete) {
      if (!is_complete) progress_.show_now("the time is over: " + std::to_string(ledger.genomes_ended()) + " genomes");
    };
    run.on_final = [this](const FinalRun& final_run) { show(final_run); };
    return run;
  }

  /// None when it was interrupted.
  std::unique_ptr<Estimator> make_oracle(WorkerPool& pool) {
    if (request_.oracle == "flops") return std::make_unique<FlopsOracle>(sizes_, request_.flops_per_second);
    if (request_.oracle == "measured") return std::make_unique<MeasuredOracle>(sizes_);
    const auto table = step_table_of(
        store_, [&] { return table_now(pool); }, options_.recalibrate);
    if (!table) return nullptr;
    return std::make_unique<TableOracle>(sizes_, *table);
  }
  /// That of another study, or one that is measured now.
  std::optional<StepTable> table_now(WorkerPool& pool) {
    if (!options_.table_of.empty()) {
      const Store other(options_.table_of, Store::Open::read);
      const auto table = other.setting("step table"), request = other.setting("request");
      if (!table || !request) throw Exception({ErrorKind::input, options_.table_of + ": has no table of step times"});
      if (const bool bf16 = SearchRequest::parse(*request).training.bf16; bf16 != request_.training.bf16)
        throw Exception({ErrorKind::input, options_.table_of + ": a table of steps in " + (bf16 ? "bf16" : "f32") +
                                               ", and this study trains in " + (bf16 ? "f32" : "bf16") + "; leave out --table"});
      return StepTable::from_json(nlohmann::json::parse(*table));
    }
    const CalibrationOptions calibration{.probes = request_.probes};
    const auto texts = calibration_texts(*space_, baselines_, sizes_, request_.study.seed, calibration);
    progress_.show_now("calibrating step times with " + std::to_string(texts.size()) + " models");
    const auto table = calibrate(pool, texts, sizes_, calibration.steps, [this] { return signal(); });
    if (table)
      progress_.show_now("step times calibrated in " + fixed_text(seconds(), 0) + " s; median error " +
                         fixed_text(100 * table->error(), 1) + " %");
    return table;
  }

  Stop signal() const { return signals_.exit_code() != 0 ? Stop::now : Stop::no; }
  Stop stop() const {
    const bool is_over = options_.minutes > 0 && seconds() > 60 * options_.minutes;
    return is_over && signal() == Stop::no ? Stop::soon : signal();
  }

  void show(const Ledger& ledger, const Trial& trial) {
    if (ended_++ == 0) first_trial_ = seconds();
    const int number = trial.number;
    const int baselines = static_cast<int>(baselines_.size() * request_.study.baseline_learning_rates.size());
    const double elapsed = seconds() - first_trial_;
    std::string line = number <= baselines
                           ? "baseline run " + std::to_string(number) + "/" + std::to_string(baselines)
                           : "genome " + std::to_string(number - baselines) + "/" + std::to_string(options_.trials);
    if (elapsed > 1) line += "  " + fixed_text(3600 * (ended_ - 1) / elapsed, 0) + " trials/hour";
    if (const auto& best = ledger.best())
      line += "  best " + fixed_text(*best->loss, 3) + " bits/byte (" +
              (best->name.empty() ? "trial " + std::to_string(best->number) : best->name) + ")";
    line += "  " + std::to_string(ledger.refusals()) + " refused";
    progress_.show(line);
  }
  void show(const FinalRun& run) {
    progress_.show_now("final: " + run.finalist.name + ", seed " + std::to_string(run.seed) + ": " +
                       (run.test ? fixed_text(*run.test, 3) + " bits/byte on the test text" : run.failure));
  }

  int interrupted() {
    progress_.finish();
    std::fprintf(stderr, "%s: saved; genoform search --study %s --resume goes on\n", options_.file.c_str(),
                 options_.file.c_str());
    return signals_.exit_code();
  }

  const Options& options_;
  Clock::time_point start_;
  Signals signals_;
  Progress progress_;
  Store store_;
  SearchRequest request_;
  std::unique_ptr<Space> space_;
  std::unique_ptr<Strategy> strategy_;
  ModelSizes sizes_;
  std::vector<Baseline> baselines_;
  int ended_ = 0;
  double first_trial_ = 0;
};

/// "6" or "2-8".
void read_sub_layers(const std::string& text, SearchRequest& request) {
  if (text.empty()) return;
  const std::size_t dash = text.find('-');
  const auto first = allowed_number<int>(text.substr(0, dash), at_least(1));
  const auto last = dash == std::string::npos ? first : allowed_number<int>(text.substr(dash + 1), at_least(1));
  if (!first || !last) usage_error("--sub-layers: " + in_quotes(text) + "; a number, as in 6, or a range, as in 2-8");
  request.min_layers = *first;
  request.max_layers = *last;
}

int run(const Options& given) {
  Options o = given;
  read_sub_layers(o.sub_layers, o.request);
  if (o.request.training.data.empty() && !o.resume) usage_error("genoform search: --data is required");
  if (o.resume) {
    if (!std::filesystem::exists(o.file)) throw Exception({ErrorKind::input, o.file + ": no study to resume"});
  } else {
    // A study is begun only when there is something to study.
    const auto context = static_cast<std::size_t>(o.request.training.context);
    Corpus::from_file(o.request.training.data)->check_context(context).value();
    o.request.training.data = std::filesystem::absolute(o.request.training.data).lexically_normal().string();
    o.request.training.bf16 = o.precision == cpu::Precision::bf16;
    const double learning_rate = o.request.study.learning_rate;
    o.request.study.baseline_learning_rates = {learning_rate / 2, learning_rate, learning_rate * 2};
  }
  if (o.workers > o.request.study.window)
    usage_error("--workers: at most " + std::to_string(o.request.study.window) + ", the --window");
  return SearchRun(o).run();
}

void add_study(CLI::App& app, Options& o) {
  app.add_option("--data", o.request.training.data,
                 "a text file, split 90 / 5 / 5, or a folder with train.txt, val.txt and test.txt");
  app.add_option("--study", o.file, "the file that everything is kept in")->capture_default_str();
  app.add_flag("--resume", o.resume, "go on with the study in --study, by its own options");
  add_number(app, "--seed", o.request.study.seed, "of initial values, data order and proposals", any_number())
      ->capture_default_str();
  add_number(app, "--trials", o.trials, "genomes to train beside the baselines", at_least(1))->capture_default_str();
  add_number(app, "--max-time", o.minutes,
             "minutes after which no trial begins, calibration included; the final follows; 0: no limit", at_least(0))
      ->capture_default_str();
  add_number(app, "--budget", o.request.study.budget, "seconds of training per trial, on the oracle's clock", above(0))
      ->capture_default_str();
  add_number(app, "--workers", o.workers, "processes that train, one model a core", at_least(1))->capture_default_str();
  app.add_flag("--quiet", o.quiet, "no progress on stderr");
  app.add_flag("--json", o.json, "print the report as a JSON object");
}

void add_oracle(CLI::App& app, Options& o) {
  app.add_option("--oracle", o.request.oracle,
                 "step time from a table fitted at the start (repeatable), measured before each trial, or by FLOPs")
      ->check(CLI::IsMember({"table", "measured", "flops"}))
      ->capture_default_str();
  app.add_option("--table", o.table_of, "take the table of step times of another study instead of measuring one");
  app.add_flag("--recalibrate", o.recalibrate, "with --resume: measure the table anew, as on another processor");
  add_number(app, "--probes", o.request.probes, "models that the table is fitted to", from_to(20, 1000))->capture_default_str();
  Limits& limits = o.request.study.limits;
  add_number(app, "--step-time", limits.step_time_factor, "limit: times the plain Transformer's step time; 0: none", at_least(0))
      ->capture_default_str();
  add_number(app, "--max-parameters", limits.parameters, "limit; 0: none", at_least(0))->capture_default_str();
  add_number(app, "--max-activated", limits.activated_parameters, "limit of activated parameters; 0: none", at_least(0))
      ->capture_default_str();
  add_number(app, "--max-bytes", limits.bytes, "limit of weights and activations of a step; 0: none", at_least(0))
      ->capture_default_str();
}

void add_strategy(CLI::App& app, Options& o) {
  app.add_option("--strategy", o.request.strategy, "how genomes are proposed")
      ->check(CLI::IsMember({"evolution", "random"}))
      ->capture_default_str();
  add_number(app, "--initial", o.request.evolution.initial, "evolution: trials before the first mutation", at_least(1))
      ->capture_default_str();
  add_number(app, "--population", o.request.evolution.population, "evolution: the last trials that may be parents", at_least(1))
      ->capture_default_str();
  add_number(app, "--tournament", o.request.evolution.tournament, "evolution: how many are sampled, the best is mutated",
             at_least(1))
      ->capture_default_str();
  add_number(app, "--window", o.request.study.window, "proposal n sees the trials up to n - window", at_least(1))
      ->capture_default_str();
  app.add_option("--sub-layers", o.sub_layers, "of a block: a number, or a range (default: 2-8)");
  add_number(app, "--learning-rate", o.request.study.learning_rate, "learning rate; baselines also get half and double", above(0))
      ->capture_default_str();
  add_dtype(app, o.precision);
  app.add_option("--optimizer", o.request.training.optimizer.choice.name, "an optimizer of genoform train, with its defaults")
      ->check(CLI::IsMember({"adamw", "adafactor"}))
      ->capture_default_str();
  add_number(app, "--batch", o.request.training.batch, "sequences of a training step", at_least(1))->capture_default_str();
  add_number(app, "--context", o.request.training.context, "positions of a sequence", at_least(1))->capture_default_str();
  app.add_flag("!--no-hurdle", o.request.study.hurdle,
               "train every genome to the end, also those behind the plain baselines at a quarter");
  app.add_flag("--no-final", o.no_final, "do not train finalists; nothing sees the test text");
  add_number(app, "--finalists", o.finals.genomes, "the best genomes that go to the final", at_least(1))->capture_default_str();
  add_number(app, "--final-seeds", o.finals.seeds, "fresh trainings of each finalist", at_least(1))->capture_default_str();
  add_number(app, "--final-budget", o.finals.budget,
             "seconds of training in the final, at measured step time (default: --budget)", above(0));
}

}  // namespace

void add_search(CLI::App& program, Commands& commands) {
  auto [app, o] =
      add_command<Options>(program, commands, "search", "Find an architecture on a text; the winner is a line of C++.",
                           "  genoform search --data austen/ --study austen.sqlite\n"
                           "  genoform search --study austen.sqlite --resume           go on after Ctrl-C or a kill\n"
                           "  genoform search --study austen.sqlite --resume --trials 1000 --max-time 0",
                           run);
  add_study(*app, *o);
  add_oracle(*app, *o);
  add_strategy(*app, *o);
}

}  // namespace command
