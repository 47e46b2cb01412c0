#include "search_options.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <string>

#include "common.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/space/named_spaces.hpp"
#include "genoform/search/workers/shell_command.hpp"
#include "numbers.hpp"
#include "space.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

/// An option and what it sets in the JSON of a request.
struct Setting {
  const char *option, *path;
};

/// What shapes the record of a study: --resume takes it from the study's file and refuses another value. The text is compared by
/// its content, so that it may be moved.
constexpr Setting shaping[] = {{"--seed", "/study/seed"},
                               {"--budget", "/study/budget"},
                               {"--oracle", "/oracle"},
                               {"--probes", "/probes"},
                               {"--step-time", "/study/limits/step_time_factor"},
                               {"--max-parameters", "/study/limits/parameters"},
                               {"--max-activated", "/study/limits/activated_parameters"},
                               {"--max-bytes", "/study/limits/bytes"},
                               {"--strategy", "/strategy"},
                               {"--objectives", "/objectives"},
                               {"--strategy-command", "/strategy"},
                               {"--strategy-command", "/strategy_command"},
                               {"--initial", "/evolution/initial"},
                               {"--population", "/evolution/population"},
                               {"--tournament", "/evolution/tournament"},
                               {"--window", "/study/window"},
                               {"--space", "/space"},
                               {"--widths", "/widths"},
                               {"--sub-layers", "/min_layers"},
                               {"--sub-layers", "/max_layers"},
                               {"--learning-rate", "/study/learning_rate"},
                               {"--dtype", "/training/bf16"},
                               {"--optimizer", "/training/optimizer"},
                               {"--batch", "/training/batch"},
                               {"--context", "/training/context"},
                               {"--hurdles", "/study/hurdles/rule"},
                               {"--hurdles", "/study/hurdles/count"},
                               {"--let-through", "/study/hurdles/let_through"},
                               {"--no-controls", "/controls"}};

/// How far it is to go: --resume takes it from there too, where it is not given anew. Beside these, --data, --workers, --launch,
/// --strategy-time, --quiet and --json are free, and so are --table and --recalibrate where step times are measured.
constexpr Setting changing[] = {{"--trials", "/trials"},
                                {"--max-time", "/minutes"},
                                {"--final", "/has_final"},
                                {"--finalists", "/finals/genomes"},
                                {"--final-seeds", "/finals/seeds"},
                                {"--final-budget", "/finals/budget"}};

/// Null where the request has no such value.
nlohmann::json value_at(const nlohmann::json& request, const char* path) {
  return request.value(nlohmann::json::json_pointer(path), nlohmann::json());
}

/// An option as a command line has it, for the value in a request; nothing where leaving it out says the same.
std::string words_of(const std::string& option, const nlohmann::json& value) {
  const std::string name = " " + option;
  if (option == "--dtype") return name + (value.get<bool>() ? " bf16" : " f32");
  if (option == "--optimizer") return name + " " + value.at("name").get<std::string>();
  if (option == "--final-budget" && value == 0) return "";
  if (value.is_array()) {
    std::string list;
    for (const nlohmann::json& element : value) list += (list.empty() ? " " : ",") + element.dump();
    return list.empty() ? "" : name + list;
  }
  if (value.is_boolean()) {
    const bool is_negated = option.starts_with("--no-");
    return value.get<bool>() == is_negated ? "" : name;
  }
  return name + " " + (value.is_string() ? in_shell(value.get<std::string>()) : value.dump());
}

/// "6" or "2-8". What is larger makes texts that are too long to read.
void read_sub_layers(const std::string& text, SearchRequest& request) {
  if (text.empty()) return;
  constexpr int max_layers = 500;
  const std::size_t dash = text.find('-');
  const auto first = allowed_number<int>(text.substr(0, dash), at_least(1));
  const auto last = dash == std::string::npos ? first : allowed_number<int>(text.substr(dash + 1), at_least(1));
  if (!first || !last) usage_error("--sub-layers: " + in_quotes(text) + "; a number, as in 6, or a range, as in 2-8");
  if (*last > max_layers)
    usage_error("--sub-layers: " + in_quotes(text) + "; from 1 to " + std::to_string(max_layers) + " are allowed");
  request.min_layers = *first;
  request.max_layers = *last;
}

/// "none", "brainformer", "primer", or "primer:3".
void read_hurdles(const std::string& text, HurdleOptions& hurdles) {
  const std::size_t colon = text.find(':');
  const auto count = colon == std::string::npos
                         ? hurdles.count
                         : allowed_number<int>(text.substr(colon + 1), from_to(1, HurdleOptions::max_count));
  for (const HurdleRule rule : {HurdleRule::none, HurdleRule::brainformer, HurdleRule::primer}) {
    const bool may_count = rule == HurdleRule::primer || colon == std::string::npos;
    if (!count || !may_count || text.substr(0, colon) != name_of(rule)) continue;
    hurdles.rule = rule;
    hurdles.count = *count;
    return;
  }
  usage_error("--hurdles: " + in_quotes(text) +
              "; allowed are none, brainformer, primer, and primer:1 to primer:" + std::to_string(HurdleOptions::max_count));
}

void add_study(CLI::App& app, SearchOptions& o) {
  app.add_option("--study", o.file, "the file that everything is kept in")->capture_default_str();
  app.add_flag("--resume", o.resume,
               "go on with the study in --study, as it was asked for: only --trials, --max-time, --workers, --launch and the "
               "options of the "
               "final may change, and --data where the text was moved");
  add_number(app, "--seed", o.request.study.seed, "of initial values, data order and proposals", any_number())
      ->capture_default_str();
  app.add_option("--time", o.time,
                 "size a new study for this time from start to report, as in 15m or 8h: trials, budget, widths and a context of "
                 "128 (default: 15m, where "
                 "none of --trials, --budget and --max-time is given)");
  add_number(app, "--trials", o.run.trials, "genomes to train beside the baselines, those of all arms together", at_least(1))
      ->capture_default_str();
  add_number(app, "--max-time", o.run.minutes,
             "minutes from the start of this command after which no trial begins, calibration included; the final follows; 0: "
             "no limit",
             at_least(0))
      ->capture_default_str();
  add_number(app, "--budget", o.request.study.budget, "seconds of training per trial, on the oracle's clock", above(0))
      ->capture_default_str();
  app.add_option(
      "--launch", o.launch,
      "start each worker with this command of /bin/sh, with {} for the worker's own command and {n} for its number from 0, "
      "as in 'ssh host{n} {}' (docs/cluster.md; default: here, each pinned to a processor)");
  app.add_flag("--quiet", o.quiet, "no progress on stderr");
  app.add_flag("--json", o.json, "print the report as a JSON object");
}

void add_oracle(CLI::App& app, SearchOptions& o) {
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

void add_strategy(CLI::App& app, SearchOptions& o) {
  app.add_option("--strategy", o.request.strategy, "how genomes are proposed")
      ->check(CLI::IsMember({"evolution", "random", "nsga2"}))
      ->capture_default_str();
  app.add_option("--objectives", o.request.objectives,
                 "nsga2: what is made small, separated by commas: loss, step-time, parameters, activated-parameters, bytes")
      ->capture_default_str();
  app.add_option(
         "--strategy-command", o.strategy_command,
         "a program that proposes the genomes of the search, for /bin/sh (docs/ask_and_tell.md); control arms keep evolution")
      ->type_name("COMMAND");
  add_number(app, "--strategy-time", o.strategy_seconds, "seconds that it may take for a proposal", above(0))
      ->capture_default_str();
  add_number(app, "--initial", o.request.evolution.initial, "evolution and nsga2: trials before the first mutation", at_least(1))
      ->capture_default_str();
  add_number(app, "--population", o.request.evolution.population,
             "evolution: the last trials that may be parents; nsga2: the best that may", at_least(1))
      ->capture_default_str();
  add_number(app, "--tournament", o.request.evolution.tournament, "evolution: how many are sampled, the best is mutated",
             at_least(1))
      ->capture_default_str();
  add_number(app, "--window", o.request.study.window, "proposal n sees the trials up to n - window", at_least(1))
      ->capture_default_str();
  app.add_option("--widths", o.request.widths, "of the models, as in 48,64,96, in place of those of the space or of --time")
      ->delimiter(',')
      ->check(CLI::Range(1, 65536));
  add_number(app, "--learning-rate", o.request.study.learning_rate, "learning rate; half and double of it are tried too",
             above(0))
      ->capture_default_str();
  app.add_flag("!--no-controls", o.request.controls,
               "no control arms: all genomes are of the search, and the result is compared with baselines that were not tuned");
  app.add_option("--hurdles", o.hurdles,
                 "which genomes stop early: none; brainformer, those behind the plain baselines after a quarter of the steps; "
                 "primer:N, the worse half at each of N (default: 4) hurdles")
      ->capture_default_str();
  add_number(app, "--let-through", o.request.study.hurdles.let_through,
             "share of the genomes that pass all hurdles, to see how well losses there foretell those at the end", from_to(0, 1))
      ->capture_default_str();
  app.add_flag("--final,!--no-final", o.run.has_final,
               "--no-final: do not train finalists; nothing sees the test text (default: --final)");
  add_number(app, "--finalists", o.run.finals.genomes, "the best genomes that go to the final", at_least(1))
      ->capture_default_str();
  add_number(app, "--final-seeds", o.run.finals.seeds, "fresh trainings of each finalist", at_least(1))->capture_default_str();
  add_number(app, "--final-budget", o.run.finals.budget,
             "seconds of training in the final, at measured step time (default: --budget)", above(0));
}

}  // namespace

void add_training(CLI::App& app, SearchOptions& o) {
  app.add_option("--data", o.request.training.data,
                 "a text file, split 90 / 5 / 5, or a folder with train.txt, val.txt and test.txt");
  app.add_option("--space", o.space, "what genomes there are: a name of `genoform space`, or a file (default: hybrid)");
  app.add_option("--sub-layers", o.sub_layers, "of a block: a number, or a range, in place of that of the space");
  add_dtype(app, o.precision);
  app.add_option("--optimizer", o.request.training.optimizer.choice.name, "an optimizer of genoform train, with its defaults")
      ->check(CLI::IsMember({"adamw", "adafactor"}))
      ->capture_default_str();
  add_number(app, "--batch", o.request.training.batch,
             "sequences of a training step of the baselines; genomes of a search have a quarter, half, once or twice as many",
             from_to(1, 1 << 20))
      ->capture_default_str();
  add_number(app, "--context", o.request.training.context, "positions of a sequence", at_least(1))->capture_default_str();
  add_number(app, "--workers", o.workers, "processes that train, one model a core", at_least(1))->capture_default_str();
}

void add_options(CLI::App& app, SearchOptions& o) {
  add_training(app, o);
  add_study(app, o);
  add_oracle(app, o);
  add_strategy(app, o);
}

void complete(SearchOptions& o) {
  SearchRequest& request = o.request;
  const std::string usual = space_text(std::string(default_space));
  if (const std::string space = o.space.empty() ? usual : space_text(o.space); space != usual) request.space = space;
  read_sub_layers(o.sub_layers, request);
  std::sort(request.widths.begin(), request.widths.end());
  read_hurdles(o.hurdles, request.study.hurdles);
  if (!o.strategy_command.empty()) {
    if (o.is_given("--strategy")) usage_error("--strategy-command: a strategy of its own; leave out --strategy");
    request.strategy = "command";
    request.strategy_command = o.strategy_command;
  }
  request.training.bf16 = o.precision == cpu::Precision::bf16;
  const double learning_rate = request.study.learning_rate;
  request.study.baseline_learning_rates = {learning_rate / 2, learning_rate, learning_rate * 2};
  request.study.learning_rates = request.study.baseline_learning_rates;
  const int batch = request.training.batch;
  request.study.batch = batch;
  request.study.batches = {batch, 2 * batch};
  if (batch > 1) request.study.batches.insert(request.study.batches.begin(), batch / 2);
  if (batch > 3) request.study.batches.insert(request.study.batches.begin(), batch / 4);
  if (!request.training.data.empty())
    request.training.data = std::filesystem::absolute(request.training.data).lexically_normal().string();
}

void read_time(SearchOptions& o) {
  const bool is_sized = o.is_given("--trials") || o.is_given("--budget") || o.is_given("--max-time");
  if (o.is_given("--time") && is_sized) usage_error("--time: chooses --trials, --budget and --max-time; leave them out");
  if (o.is_given("--time") && o.resume) usage_error("--time: has no effect on a study that is there; --max-time has");
  if (o.is_given("--final-budget") && !is_sized && !o.resume)
    usage_error("--final-budget: has no effect on a study that --time sizes; give --trials, --budget and --max-time instead");
  if (o.resume || is_sized) return;
  if (o.time.empty()) o.time = "15m";
  if (!o.is_given("--context")) o.request.training.context = 128;
}

void check_shape(const SearchOptions& o, const nlohmann::json& kept) {
  const nlohmann::json now = json_of(o.request);
  for (const auto& [option, path] : shaping) {
    if (!o.is_given(option) || value_at(kept, path) == value_at(now, path)) continue;
    const std::string has = path == std::string("/space") ? "another space" : path + 1 + (" " + value_at(kept, path).dump());
    usage_error(o.words_of(option) + ": the study in " + o.file + " has " + has +
                "; --resume goes on with that, another --study begins anew");
  }
}

RunRequest changed(const SearchOptions& o, nlohmann::json kept) {
  const nlohmann::json now = json_of(o.run);
  for (const auto& [option, path] : changing)
    if (o.is_given(option)) kept[nlohmann::json::json_pointer(path)] = value_at(now, path);
  return from_json<RunRequest>(kept, "the options of the run");
}

std::string command_line_of(const SearchRequest& request, const RunRequest& run, const std::string& data,
                            const std::string& file) {
  const auto has_effect = [&](const std::string& option) {
    if (request.strategy_command && option == "--strategy") return false;
    const bool evolves = request.strategy == "evolution" || (request.strategy_command && request.controls);
    const bool is_of_parents = option == "--initial" || option == "--population";
    const bool is_of_final = option == "--finalists" || option == "--final-seeds" || option == "--final-budget";
    return !(is_of_parents && !evolves && request.strategy != "nsga2") && !(option == "--tournament" && !evolves) &&
           !(option == "--objectives" && request.strategy != "nsga2") && !(option == "--probes" && request.oracle != "table") &&
           !(is_of_final && !run.has_final) && !(option == "--let-through" && request.study.hurdles.rule == HurdleRule::none);
  };
  std::string line;
  if (request.space && name_of_space(*request.space).empty()) line = "genoform space " + in_shell(file) + " > space.toml\n";
  line += "genoform search --data " + in_shell(data) + " --study " + in_shell(file);
  if (request.space) line += " --space " + (name_of_space(*request.space).empty() ? "space.toml" : name_of_space(*request.space));
  const nlohmann::json shape = json_of(request), extent = json_of(run);
  for (const auto& [option, path] : shaping) {
    const auto is = [option = option](const char* name) { return option == std::string(name); };
    if (is("--space") || is("--sub-layers") || is("--hurdles") || !has_effect(option)) continue;
    if (is("--strategy-command") && path != std::string("/strategy_command")) continue;
    if (const nlohmann::json value = value_at(shape, path); !value.is_null()) line += words_of(option, value);
  }
  const HurdleOptions& hurdles = request.study.hurdles;
  line += " --hurdles " + std::string(name_of(hurdles.rule));
  if (hurdles.rule == HurdleRule::primer) line += ":" + std::to_string(hurdles.count);
  if (request.min_layers > 0)
    line += " --sub-layers " + std::to_string(request.min_layers) + "-" + std::to_string(request.max_layers);
  if (request.study.window < SearchOptions().workers) line += " --workers " + std::to_string(request.study.window);
  for (const auto& [option, path] : changing)
    if (has_effect(option))
      line += option == std::string("--final") ? (run.has_final ? " --final" : " --no-final")
                                               : words_of(option, value_at(extent, path));
  return line;
}

void check_used(const SearchOptions& o, bool is_used, std::initializer_list<const char*> options, const std::string& why) {
  for (const char* option : options)
    if (!is_used && o.is_given(option)) usage_error(std::string(option) + ": has no effect " + why);
}

void check_workers(const SearchOptions& o, int window) {
  if (o.workers > window) usage_error("--workers: at most " + std::to_string(window) + ", the --window");
}

}  // namespace command
