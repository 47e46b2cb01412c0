#include <cstdio>
#include <filesystem>
#include <string>

#include "common.hpp"
#include "genoform/io/atomic_file.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/report/ablation_result.hpp"
#include "genoform/search/report/arms.hpp"
#include "genoform/search/report/confirm_result.hpp"
#include "genoform/search/report/csv.hpp"
#include "genoform/search/report/html/page.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/workers/shell_command.hpp"
#include "search_options.hpp"
#include "search_request.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options {
  std::string study, out;
  bool json = false, csv = false;
};

/// How the study was begun; empty for one that another program made.
std::string command_of(const Store& store, const std::string& file) {
  const auto request = store.setting("request", SearchRequest::of);
  if (!request) return "";
  const auto run =
      store.note("run", [](const nlohmann::json& kept) { return from_json<RunRequest>(kept, "the options of the run"); });
  return command_line_of(*request, run.value_or(RunRequest()), html::name_of_path(request->training.data), file);
}

std::string html_of(const Store& store, const Options& o) {
  const std::filesystem::path file = std::filesystem::path(o.study).filename();
  const html::StudyPage page(store, file.stem().string(), in_shell(file.string()), command_of(store, file.string()));
  return html::page_of(page);
}

/// The report with the curves of the arms and what followed it.
std::string json_of_report(const Store& store) {
  const Report report(store);
  nlohmann::json j = report.json();
  j["curves"] = json_of_curves(report.trials());
  if (const auto confirmation = ConfirmResult::of(store)) j["confirmation"] = json_of(*confirmation);
  if (const auto ablation = AblationResult::of(store)) j["ablation"] = json_of(*ablation);
  return j.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string text_of(const Store& store, const Options& o) {
  if (o.csv) return csv_of(store.trials());
  return o.json ? json_of_report(store) : html_of(store, o);
}

int run(const Options& o) {
  if (!std::filesystem::exists(o.study)) throw Exception({ErrorKind::input, o.study + ": no such study"});
  const Store store(o.study, Store::Open::read);
  if (!store.has_trials())
    throw Exception({ErrorKind::input, o.study + ": the study has no trial yet; genoform search goes on with it"});
  std::string out = o.out;
  if (out.empty()) out = o.json || o.csv ? "-" : std::filesystem::path(o.study).filename().replace_extension(".html").string();
  const std::string text = text_of(store, o);
  if (out == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
  } else {
    write_file_atomically(out, text).value();
    std::printf("%s\n", out.c_str());
  }
  return 0;
}

}  // namespace

void add_report(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(program, commands, "report",
                                       "Write the report of a study, finished or not, as one HTML file with its charts.",
                                       "  genoform report austen.sqlite                 writes austen.html\n"
                                       "  genoform report austen.sqlite --csv -o trials.csv",
                                       run);
  app->add_option("STUDY", o->study, "the file that genoform search wrote")->required();
  app->add_option(
      "-o,--out", o->out,
      "the file to write; - is stdout (default: the name of the study with .html, here; stdout for --json and --csv)");
  CLI::Option* json =
      app->add_flag("--json", o->json, "the report, the curves of the arms, the confirmation and the ablation as a JSON object");
  app->add_flag("--csv", o->csv, "the trials as a table of comma-separated values (RFC 4180)")->excludes(json);
}

}  // namespace command
