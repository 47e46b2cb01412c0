#include "search_time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/data/batches.hpp"
#include "genoform/data/corpus.hpp"
#include "genoform/search/clock/budget.hpp"
#include "genoform/search/clock/calibration.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/evaluator/evaluator.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/study_size.hpp"
#include "ngrams.hpp"
#include "numbers.hpp"
#include "space.hpp"
#include "training_evaluators.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

/// `batch`: sequences, 0: those of the evaluator.
double seconds_of_step(Evaluator& evaluator, const std::string& text, int batch = 0) {
  return evaluator.time({.texts = {text}, .batches = {batch}, .rounds = 3, .steps = 4}).seconds.front();
}

/// A training step of the plain Transformer.
struct PlainStep {
  double seconds = 0, flops = 0;  ///< useful ones
};

PlainStep plain_step(Evaluator& evaluator, const SearchRequest& request) {
  const TrainingSetup& training = request.training;
  const std::string text = proxy_baselines(request.proxy()).front().text;
  return {.seconds = seconds_of_step(evaluator, text),
          .flops = static_cast<double>(ModelSizes(training.batch, training.context).cost(text).training_flops())};
}

/// Seconds of the oracle's clock in one of training: that of FLOPs knows nothing of this machine.
double clock_rate(const SearchRequest& request, const PlainStep& step) {
  return request.oracle == "flops" ? step.flops / step.seconds / request.flops_per_second : 1;
}

/// Seconds that the table of step times takes, whose models are about as fast as the plain Transformer.
double preparation(const SearchOptions& o, const PlainStep& step) {
  if (o.request.oracle != "table" || !o.table_of.empty()) return 0;
  constexpr CalibrationOptions options;
  constexpr auto group = static_cast<double>(options.group), with_first = group / (group - 1);  // which all groups measure
  return with_first * o.request.probes * (options.rounds * (1 + options.steps) + 2) * step.seconds / o.workers;
}

std::string primer_ez(const Proxy& size) {
  const std::vector<Baseline> all = proxy_baselines(size);
  return std::find_if(all.begin(), all.end(), [](const Baseline& b) { return b.name == "Primer-EZ"; })->text;
}

/// What a Primer-EZ reaches in the time of a trial, and n-grams of orders 1 on on its data, in bits per byte on the validation
/// text.
struct Pilot {
  double bytes = 0;  ///< of text that it was trained on
  double loss = 0;
  std::vector<double> ngrams;
};

/// A guess at what tuning will find: a width below the middle one, and half the batch. `seconds`: of training.
Pilot pilot_of(Evaluator& evaluator, const Corpus& corpus, const SearchRequest& request, double seconds) {
  TrainingSetup training = request.training;
  training.batch = std::max(1, training.batch / 2);
  const std::vector<int> widths = request.space_options().widths;
  Proxy size = request.proxy();
  size.width = widths[(widths.size() - 1) / 3];
  const std::string text = primer_ez(size);
  const std::int64_t steps = Budget{seconds}.steps(seconds_of_step(evaluator, text, training.batch));
  Pilot pilot{.bytes = static_cast<double>(steps * training.batch * training.context) * corpus.bytes_per_token(),
              .loss = 0,
              .ngrams = {}};
  const std::uint64_t seed = request.study.seed;
  const TrainReply reply = evaluator.train({.text = text,
                                            .learning_rate = request.study.learning_rate,
                                            .batch = training.batch,
                                            .seed = seed,
                                            .steps = steps,
                                            .budget = 0,
                                            .max_step_seconds = {},
                                            .hurdles = {}});
  pilot.loss = reply.loss.value();
  const NgramBits bits = ngram_bits(corpus, corpus.validation(), static_cast<std::size_t>(training.windows),
                                    static_cast<std::size_t>(training.context),
                                    [&](Ngram& ngram) { count_batches(ngram, corpus, training, seed, steps); });
  pilot.ngrams = training.second_half ? bits.second_half : bits.whole;
  return pilot;
}

/// The search and its controls.
int arms_of(const SearchRequest& request) {
  const std::unique_ptr<Space> space = request.make_space();
  return request.controls ? 1 + static_cast<int>(Controls(request, *space, RandomSearch()).arms().size()) : 1;
}

/// The genomes of the search, one of each control, and the plain and the best baseline, each with all seeds.
int final_runs_of(const SearchOptions& o, int arms) {
  constexpr int baselines = 3;
  return o.run.has_final ? (o.run.finals.genomes + arms - 1 + baselines) * o.run.finals.seeds : 0;
}

/// A study that has trials has its size.
void check_is_new(const std::string& file) {
  store::check_path(file);
  if (std::filesystem::exists(file) && std::filesystem::file_size(file) > 0 && Store(file, Store::Open::read).has_trials())
    throw Exception({ErrorKind::input, file + ": a study is there; --resume goes on with it, another --study begins anew"});
}

void say_pilot(const Pilot& pilot) {
  std::string text = "pilot: a small Primer-EZ learns from " + fixed_text(pilot.bytes / 1e6, 2) + " MB in a trial and reaches " +
                     fixed_text(pilot.loss, 2) + " bits per byte;";
  for (std::size_t i = 0; i < pilot.ngrams.size(); ++i)
    text += (i == 0 ? " n-grams of order " : ", ") + std::to_string(i + 1) + ": " + fixed_text(pilot.ngrams[i], 2);
  std::fprintf(stderr, "%s\n", text.c_str());
  if (pilot.loss > pilot.ngrams[2])
    std::fputs(
        "pilot: it is worse than the n-gram of order 3, so the study would compare how models learn to spell; give more --time\n",
        stderr);
}

}  // namespace

std::optional<double> seconds_of(const std::string& text) {
  constexpr std::pair<char, double> units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
  for (const auto& [name, seconds] : units)
    if (text.size() > 1 && text.back() == name)
      if (const auto number = allowed_number<double>(text.substr(0, text.size() - 1), above(0))) return *number * seconds;
  return std::nullopt;
}

void size_for_time(SearchOptions& o, const Corpus& corpus) {
  check_is_new(o.file);
  SearchRequest& request = o.request;
  const std::unique_ptr<Evaluator> evaluator = make_training_evaluator(request.training);
  const PlainStep step = plain_step(*evaluator, request);
  const double seconds = *seconds_of(o.time), prepared = preparation(o, step);
  if (seconds < 2 * prepared)
    usage_error("--time " + o.time + ": too short; the step times alone take " + fixed_text(prepared, 0) +
                " s on this machine, so at least " + fixed_text(2 * prepared, 0) + "s are needed");
  const int arms = arms_of(request);
  const StudySize size = study_size_of({.seconds = seconds,
                                        .preparation = prepared,
                                        .workers = o.workers,
                                        .flops_per_second = step.flops / step.seconds,
                                        .arms = arms,
                                        .final_runs = final_runs_of(o, arms)});
  request.study.budget = *number_of<double>(general_text(size.budget * clock_rate(request, step), 3));
  const bool is_of_file = request.space && name_of_space(*request.space).empty();  // which says what its widths are
  if (request.widths.empty() && !is_of_file) request.widths = size.widths;
  o.run.trials = size.trials;
  o.run.minutes = *number_of<double>(general_text(size.search_share * seconds / 60, 3));
  if (o.quiet) return;
  std::fprintf(stderr, "sized for %s: --trials %d --budget %s --max-time %s --widths %s --context %d\n", o.time.c_str(),
               size.trials, general_text(request.study.budget).c_str(), general_text(o.run.minutes).c_str(),
               listed(request.space_options().widths, ",").c_str(), request.training.context);
  say_pilot(pilot_of(*evaluator, corpus, request, size.budget));
}

}  // namespace command
