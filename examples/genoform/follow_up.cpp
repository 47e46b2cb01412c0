#include "follow_up.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

#include "common.hpp"
#include "genoform/core/listed.hpp"
#include "genoform/genome/suggest.hpp"
#include "study_text.hpp"
#include "worker_setup.hpp"

namespace command {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

namespace {

Store opened(const std::string& file) {
  if (!std::filesystem::exists(file)) throw Exception({ErrorKind::input, file + ": no such study"});
  return Store(file, Store::Open::write);
}

SearchRequest request_of(const Store& store, const std::string& file) {
  const auto request = store.setting("request", SearchRequest::of);
  if (!request) throw Exception({ErrorKind::input, file + ": no study of genoform search"});
  return *request;
}

std::string arm_of(const std::string& name) { return name.substr(0, name.find(", trial ")); }

}  // namespace

void add_follow_up_options(CLI::App& app, FollowUpOptions& o) {
  o.command = &app;
  app.add_option("STUDY", o.study, "the file that genoform search wrote; the results are kept in it too")->required();
  app.add_option("--data", o.data, "where the text of the study is now, if it was moved");
  add_number(app, "--workers", o.workers, "processes that train, one model a core", at_least(1))->capture_default_str();
  add_number(app, "--max-time", o.minutes, "minutes after which no run begins; the same command goes on later; 0: no limit",
             at_least(0))
      ->capture_default_str();
  app.add_flag("--anew", o.anew, "forget what an earlier one with other options found");
  app.add_flag("--quiet", o.quiet, "no plan and no progress on stderr");
  app.add_flag("--json", o.json, "print the result as a JSON object");
}

FollowUpSession::FollowUpSession(const FollowUpOptions& options)
    : options_(options),
      start_(Clock::now()),
      progress_(options.quiet ? Progress::Mode::quiet : Progress::Mode::automatic),
      store_(opened(options.study)),
      request_(request_of(store_, options.study)),
      report_(store_) {
  for (const Standing& s : report_.standings()) {
    if (!s.is_ranked()) continue;
    if (s.finalist.is_baseline || s.finalist.is_control)
      controls_.push_back(&s);
    else if (winner_ == nullptr)
      winner_ = &s;
  }
  if (const Claim claim = report_.claim(); claim.found != nullptr) {
    const auto same = [&](const Standing& s) { return s.finalist.trial == claim.found->finalist.trial; };
    winner_ = &*std::find_if(report_.standings().begin(), report_.standings().end(), same);
  }
  if (winner_ == nullptr || controls_.empty())
    throw Exception({ErrorKind::input, options.study +
                                           ": the study has no final with a genome of the search and a control; genoform search "
                                           "--study FILE --resume --final trains one"});
}

const Standing& FollowUpSession::control_named(const std::string& name) const {
  std::vector<std::string_view> names;
  for (const Standing* s : controls_) {
    const std::string& full = s->finalist.name;
    if (full == name || arm_of(full) == name) return *s;
    names.push_back(std::string_view(full).substr(0, arm_of(full).size()));
  }
  usage_error("--control: no \"" + name + "\" in the final of " + options_.study + grammar::suggestion(name, names) +
              "; it has " + listed(names));
}

void FollowUpSession::check_kept(const char* option, const nlohmann::json& given, const nlohmann::json& kept) const {
  if (options_.is_given(option) && given != kept)
    usage_error(std::string(option) + " " + given.dump() + ": " + options_.study + " was begun with " + kept.dump() +
                "; without the option it goes on, --anew begins again");
}

double FollowUpSession::evaluation_seconds(double windows) const {
  const Finalist& f = winner_->finalist;
  return windows / (f.batch > 0 ? f.batch : request_.training.batch) / 3 * f.step_seconds;
}

void FollowUpSession::announce(const std::string& what, int runs, double seconds, double timing) {
  const double minutes = (timing + seconds / options_.workers) / 60;
  progress_.show_now(what + ": " + std::to_string(runs) + " runs, about " + fixed_text(minutes, minutes < 10 ? 1 : 0) +
                     " minutes on " + std::to_string(options_.workers) + " workers");
  progress_.finish();
}

void FollowUpSession::count(int runs, int finished) {
  runs_ = runs;
  finished_ = finished;
}

std::unique_ptr<WorkerPool> FollowUpSession::start_workers() {
  const std::string moved = options_.data.empty() ? "" : std::filesystem::absolute(options_.data).lexically_normal().string();
  const Corpus corpus = text_of_study(store_, options_.study, request_, moved);
  return std::make_unique<WorkerPool>(options_.workers, program_launcher({"/proc/self/exe", "worker"}),
                                      json_of(WorkerSetup{request_.training, TextIdentity::of(corpus)}));
}

StopRequest FollowUpSession::stop() const {
  return [this] {
    if (signals_.exit_code() != 0) return Stop::now;
    return options_.minutes > 0 && seconds() > 60 * options_.minutes ? Stop::soon : Stop::no;
  };
}

OnFollowUp FollowUpSession::on_run() {
  return [this](const FollowUpRun& run) {
    ++finished_;
    ++here_;
    const double left = seconds() / here_ * (runs_ - finished_) / 60;
    const std::string loss = run.validation ? fixed_text(*run.validation, 3) + " bits/byte" : run.failure;
    progress_.show("run " + std::to_string(finished_) + "/" + std::to_string(runs_) + "  " + fixed_text(left, 1) +
                   " minutes left  " + run.name + ": " + loss);
  };
}

int FollowUpSession::stopped() {
  progress_.finish();
  const bool is_signal = signals_.exit_code() != 0;
  std::fprintf(stderr, "%s: %s; the same command %sgoes on\n", options_.study.c_str(), is_signal ? "saved" : "the time is over",
               options_.anew ? "without --anew " : "");
  return signals_.exit_code();
}

}  // namespace command
