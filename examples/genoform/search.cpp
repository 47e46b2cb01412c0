#include <algorithm>
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
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/report/data_seen.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/study.hpp"
#include "genoform/search/study/calibration.hpp"
#include "genoform/search/study/step_table_of.hpp"
#include "genoform/search/workers/launch_command.hpp"
#include "genoform/search/workers/shell_command.hpp"
#include "genoform/search/workers/text_supply.hpp"
#include "genoform/search/workers/worker_pool.hpp"
#include "ngrams.hpp"
#include "search_options.hpp"
#include "search_request.hpp"
#include "search_time.hpp"
#include "signals.hpp"
#include "step_table_file.hpp"
#include "study_text.hpp"
#include "worker_setup.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

/// The exit code of a search that found no genome.
constexpr int no_genome = 6;

/// One search from the opened study to its report.
class SearchRun {
 public:
  explicit SearchRun(const SearchOptions& options)
      : options_(options),
        start_(Clock::now()),
        progress_(options.quiet ? Progress::Mode::quiet : Progress::Mode::automatic),
        store_(options.file, Store::Open::write),
        request_(request()),
        run_(run_request()),
        space_(request_.make_space()),
        strategy_(request_.make_strategy(options.strategy_seconds, [this] { return signal() != Stop::no; })),
        sizes_(request_.training.batch, request_.training.context),
        baselines_(proxy_baselines(request_.proxy())) {}

  /// Returns the exit code.
  int run() {
    const Corpus corpus = text();
    note_text(corpus);
    nlohmann::json evaluator = json_of(request_.training);
    evaluator["data"] = std::to_string(corpus.fingerprint());
    WorkerPool pool(options_.workers, launcher(), json_of(WorkerSetup{request_.training, TextIdentity::of(corpus)}),
                    pieces_of(corpus));
    pool.on_loss([this](const std::string& what) { progress_.show_now(what); });
    const std::unique_ptr<Estimator> oracle = make_oracle(pool);
    if (!oracle) return interrupted();
    warn_of_few_steps(*oracle);
    const Controls controls(request_, *space_, *strategy_);
    const Study study{.space = *space_,
                      .strategy = *strategy_,
                      .oracle = *oracle,
                      .baselines = baselines_,
                      .workers = pool,
                      .options = request_.study,
                      .evaluator = std::move(evaluator),
                      .controls = request_.controls ? controls.arms() : std::vector<Arm>()};
    if (!study.run(store_, study_run())) return interrupted();
    note_ngrams(corpus);
    progress_.finish();
    const Report report(store_);
    std::printf("%s", options_.json ? (report.json_text() + "\n").c_str() : report.text().c_str());
    return report.has_genome() ? 0 : no_genome;
  }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  /// That of the study's file, or that of the command line, which is kept there. A study without a trial is begun anew: a start
  /// that failed blocks nothing.
  SearchRequest request() {
    const auto kept = store_.setting("request", store::as_it_is);
    if (options_.resume) {
      if (!kept) throw Exception({ErrorKind::input, options_.file + ": no study to resume"});
      const SearchRequest request = *store_.setting("request", SearchRequest::of);
      check_shape(options_, *kept);
      return request;
    }
    const nlohmann::json now = json_of(options_.request);
    if (!store_.has_trials()) {
      store_.begin_anew();
      store_.set("request", now.dump());
      return options_.request;
    }
    const std::string difference = kept ? study::difference(*kept, now) : "program";
    if (!difference.empty())
      throw Exception({ErrorKind::input, options_.file + ": a study with other options is there, another " + difference +
                                             "; --resume goes on with it, another --study starts anew"});
    return options_.request;
  }

  /// That of the command line; when a study is resumed, the kept one with what is given there.
  RunRequest run_request() {
    const auto kept =
        options_.resume ? store_.note("run", [this](const nlohmann::json& j) { return changed(options_, j); }) : std::nullopt;
    const RunRequest run = kept.value_or(options_.run);
    if (options_.resume) check_resumed(run);
    store_.set_note("run", json_of(run).dump());
    return run;
  }
  /// What accept() checks where a study is new.
  void check_resumed(const RunRequest& run) const {
    check_workers(options_, request_.study.window);
    check_used(options_, run.has_final, {"--finalists", "--final-seeds", "--final-budget"}, "without a final; add --final");
    check_used(options_, request_.oracle == "table", {"--table", "--recalibrate"}, "with --oracle " + request_.oracle);
    check_used(options_, request_.strategy_command.has_value(), {"--strategy-time"}, "without --strategy-command");
    check_used(options_, options_.recalibrate || !store_.setting("step table"), {"--table"},
               "on a study that has its table; add --recalibrate");
  }

  Corpus text() {
    const bool may_move = options_.resume && options_.is_given("--data");
    return text_of_study(store_, options_.file, request_, may_move ? options_.request.training.data : "");
  }

  void note_text(const Corpus& corpus) {
    const double bytes = corpus.bytes_per_token();
    seen_ = {.bytes_per_sequence = bytes * request_.training.context,
             .batch = request_.training.batch,
             .training_bytes = static_cast<std::int64_t>(bytes * static_cast<double>(corpus.train().size()))};
    store_.set_note("text", json_of(seen_).dump());
  }

  StudyRun study_run() {
    StudyRun run;
    run.genomes = run_.trials;
    if (run_.has_final) run.finals = run_.finals;
    run.stop = [this] { return stop(); };
    run.on_trial = [this](const Ledger& ledger, const Trial& trial) { show(ledger, trial); };
    run.on_search_end = [this](const Ledger& ledger, bool is_complete) {
      if (!is_complete) progress_.show_now("the time is over: " + std::to_string(ledger.genomes_ended()) + " genomes");
    };
    run.on_final = [this](const FinalRun& final_run) { show(final_run); };
    return run;
  }

  /// Counts n-grams on the data that the finalist of the claim, or the best one, saw with its first seed, and scores them like
  /// finalists.
  void note_ngrams(const Corpus& corpus) {
    const Report report(store_);
    if (report.standings().empty() || !report.standings().front().is_ranked()) return;
    const Claim claim = report.claim();
    const Finalist& f = (claim.control != nullptr ? *claim.control : report.standings().front()).finalist;
    TrainingSetup training = request_.training;
    if (f.batch > 0) training.batch = f.batch;
    const auto count = [&](Ngram& ngram) { count_batches(ngram, corpus, training, store_.finals().front().seed, f.steps); };
    const NgramBits bits = ngram_bits(corpus, corpus.test(), static_cast<std::size_t>(training.final_windows),
                                      static_cast<std::size_t>(training.context), count);
    const NgramFigures figures{.name = f.name,
                               .bytes = static_cast<std::int64_t>(
                                   static_cast<double>(f.steps * training.batch * training.context) * corpus.bytes_per_token()),
                               .bits_per_byte = training.second_half ? bits.second_half : bits.whole};
    store_.set_note("ngrams", json_of(figures).dump());
  }

  /// A worker is this program again, on the other end of its standard streams.
  Launcher launcher() const {
    if (options_.launch.empty()) return program_launcher({"/proc/self/exe", "worker"});
    return command_launcher(options_.launch, in_shell(std::filesystem::read_symlink("/proc/self/exe").string()) + " worker");
  }

  /// None when it was interrupted.
  std::unique_ptr<Estimator> make_oracle(WorkerPool& pool) {
    if (request_.oracle == "flops") return std::make_unique<FlopsOracle>(sizes_, request_.flops_per_second);
    if (request_.oracle == "measured") return std::make_unique<MeasuredOracle>(sizes_);
    for (; pool.reference_machine().empty(); pool.wait(0.2))
      if (signal() == Stop::now) return nullptr;
    const auto table = step_table_of(
        store_, pool.reference_machine(), [&] { return table_now(pool); }, options_.recalibrate);
    if (!table) return nullptr;
    return std::make_unique<TableOracle>(sizes_, *table);
  }
  /// That of another study, or one that is measured now.
  std::optional<StepTable> table_now(WorkerPool& pool) {
    if (!options_.table_of.empty()) return table_of_study(options_.table_of, request_.training.bf16);
    const CalibrationOptions calibration{.probes = request_.probes};
    const auto texts =
        calibration_texts(*space_, baselines_, sizes_, request_.study.seed, calibration, [this] { return signal(); });
    progress_.show_now("calibrating step times with " + std::to_string(texts.size()) + " models");
    const std::vector<int> batches = calibration_batches(texts.size(), request_.study.batches);
    const auto table = calibrate(pool, texts, batches, sizes_, calibration, [this] { return signal(); });
    if (table)
      progress_.show_now("step times calibrated in " + fixed_text(seconds(), 0) + " s; error on models left out " +
                         fixed_text(100 * table->error(), 1) + " % (median), nine of ten within " +
                         fixed_text(100 * table->error_of_nine_tenths(), 1) + " %");
    return table;
  }

  /// So few steps say nothing of an architecture.
  void warn_of_few_steps(const Estimator& oracle) {
    constexpr std::int64_t enough = 100;
    const std::optional<double> seconds = oracle.estimate(baselines_.front().text, request_.study.batch).step_seconds;
    const std::int64_t steps = seconds ? Budget{request_.study.budget}.steps(*seconds) : enough;
    if (steps < enough)
      progress_.show_now("the " + baselines_.front().name + " is trained for " + std::to_string(steps) + " steps, fewer than " +
                         std::to_string(enough) + ": give more --budget, or smaller --widths, before the result is believed");
  }

  Stop signal() const { return signals_.exit_code() != 0 ? Stop::now : Stop::no; }
  Stop stop() const {
    const bool is_over = run_.minutes > 0 && seconds() > 60 * run_.minutes;
    return is_over && signal() == Stop::no ? Stop::soon : signal();
  }

  void show(const Ledger& ledger, const Trial& trial) {
    if (ended_++ == 0) first_trial_ = seconds();
    const int number = trial.number;
    const int baselines = static_cast<int>(baselines_.size() * request_.study.baseline_learning_rates.size());
    const double elapsed = seconds() - first_trial_;
    std::string line = number <= baselines ? "baseline run " + std::to_string(number) + "/" + std::to_string(baselines)
                                           : "genome " + std::to_string(number - baselines) + "/" + std::to_string(run_.trials);
    if (elapsed > 1) {
      const double rate = (ended_ - 1) / elapsed;
      line += ", " + fixed_text(minutes_left(baselines + run_.trials - number, rate), 0) + " min left  " +
              fixed_text(3600 * rate, 0) + " trials/hour";
    }
    if (const auto& best = ledger.best())
      line += "  best " + fixed_text(*best->loss, 3) + " bits/byte (" +
              (best->name.empty() ? "trial " + std::to_string(best->number) : best->name) + ", " +
              fixed_text(seen_.bytes(Finalist::of(*best)) / 1e6, 2) + " MB of text)";
    line += "  " + std::to_string(ledger.refusals()) + " refused";
    progress_.show(line);
  }
  /// Until so many trials have ended at this rate a second, or none begins any more; the final follows.
  double minutes_left(int trials, double rate) const {
    const double minutes = trials / rate / 60;
    return run_.minutes > 0 ? std::clamp(run_.minutes - seconds() / 60, 0.0, minutes) : minutes;
  }
  void show(const FinalRun& run) {
    progress_.show_now("final: " + run.finalist.name + ", seed " + std::to_string(run.seed) + ": " +
                       (run.test ? fixed_text(*run.test, 3) + " bits/byte on the test text" : run.failure));
  }

  int interrupted() {
    progress_.finish();
    std::fprintf(stderr, "%s: saved; genoform search --study %s --resume goes on\n", options_.file.c_str(),
                 in_shell(options_.file).c_str());
    return signals_.exit_code();
  }

  const SearchOptions& options_;
  Clock::time_point start_;
  Signals signals_;
  Progress progress_;
  Store store_;
  SearchRequest request_;
  RunRequest run_;
  std::unique_ptr<Space> space_;
  std::unique_ptr<Strategy> strategy_;
  ModelSizes sizes_;
  std::vector<Baseline> baselines_;
  DataSeen seen_;
  int ended_ = 0;
  double first_trial_ = 0;
};

/// Asks for a proposal as if the baselines of the space had learned nothing.
void rehearse(const CommandStrategy& command, const Space& space, const SearchRequest& request) {
  constexpr double bits_of_a_guess = 8;
  std::vector<Scored> history;
  for (const Baseline& baseline : proxy_baselines(request.proxy()))
    if (space.check(baseline.text))
      history.push_back({.number = static_cast<int>(history.size()) + 1,
                         .text = baseline.text,
                         .fitness = bits_of_a_guess,
                         .learning_rate = request.study.learning_rate,
                         .batch = request.study.batch});
  command.rehearse(space, history);
}

/// Checks what a new study is asked for, before there is a file of it; returns its text.
Corpus accept(const SearchOptions& o) {
  const SearchRequest& request = o.request;
  if (request.training.data.empty()) usage_error("genoform search: --data is required");
  const bool is_command = request.strategy_command.has_value(), is_evolution = request.strategy == "evolution";
  const bool has_population = is_evolution || request.strategy == "nsga2", has_controls = is_command && request.controls;
  const std::string with = is_command ? "with --strategy-command and --no-controls" : "with --strategy " + request.strategy;
  check_used(o, has_population || has_controls, {"--initial", "--population"}, with);
  check_used(o, is_evolution || has_controls, {"--tournament"}, with);
  check_used(o, request.strategy == "nsga2", {"--objectives"}, with);
  check_used(o, is_command, {"--strategy-time"}, "without --strategy-command");
  if (const auto objectives = objectives_in(request.objectives); !objectives)
    usage_error("--objectives: " + objectives.error().message);
  check_used(o, request.oracle == "table", {"--probes", "--table"}, "with --oracle " + request.oracle);
  if (!o.time.empty() && !seconds_of(o.time))
    usage_error("--time: " + in_quotes(o.time) + "; a number with its unit, as in 90s, 15m, 8h or 2d");
  check_used(o, request.study.hurdles.rule != HurdleRule::none, {"--let-through"}, "with --hurdles none");
  check_used(o, false, {"--recalibrate"}, "on a new study; it belongs to --resume");
  check_used(o, o.run.has_final, {"--finalists", "--final-seeds", "--final-budget"}, "with --no-final");
  Corpus corpus = Corpus::from_file(request.training.data).value();
  corpus.check_context(static_cast<std::size_t>(request.training.context)).value();
  check_workers(o, request.study.window);
  if (!o.table_of.empty()) (void)table_of_study(o.table_of, request.training.bf16);
  const std::unique_ptr<Space> space = request.make_space();
  const std::unique_ptr<Strategy> strategy = request.make_strategy(o.strategy_seconds, [] { return false; });
  if (const auto* command = dynamic_cast<const CommandStrategy*>(strategy.get())) rehearse(*command, *space, request);
  return corpus;
}

int run(const SearchOptions& given) {
  SearchOptions o = given;
  complete(o);
  read_time(o);
  if (o.resume && !std::filesystem::exists(o.file)) throw Exception({ErrorKind::input, o.file + ": no study to resume"});
  if (!o.resume) {
    const Corpus corpus = accept(o);
    if (!o.time.empty()) size_for_time(o, corpus);
  }
  return SearchRun(o).run();
}

}  // namespace

void add_search(CLI::App& program, Commands& commands) {
  auto [app, o] =
      add_command<SearchOptions>(program, commands, "search", "Find an architecture on a text; the winner is a line of C++.",
                                 "  genoform search --data austen/ --study austen.sqlite\n"
                                 "  genoform search --study austen.sqlite --resume           go on after Ctrl-C or a kill\n"
                                 "  genoform search --study austen.sqlite --resume --trials 1000 --max-time 0",
                                 run);
  o->command = app;
  add_options(*app, *o);
}

}  // namespace command
