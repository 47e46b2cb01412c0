#include <cstdio>
#include <filesystem>
#include <string>

#include "common.hpp"
#include "genoform/search/report/export.hpp"
#include "genoform/search/report/report.hpp"

namespace command {

namespace {

using namespace genoform;
using namespace genoform::inner;
using namespace genoform::search;

struct Options {
  std::string study, folder;
  bool report = false, record = false, json = false;
};

int run(const Options& o) {
  if (!std::filesystem::exists(o.study)) throw Exception({ErrorKind::input, o.study + ": no such study"});
  const Store store(o.study, Store::Open::read);
  if (o.record) {
    std::printf("%s", store.record().c_str());
    return 0;
  }
  const Report report(store);
  const auto winner = report.winner();
  if (!winner && (!o.folder.empty() || (!o.json && !o.report))) {
    const std::string why = report.obstacles();
    throw Exception({ErrorKind::input, o.study + ": the study has no result" + (why.empty() ? " yet" : "; " + why)});
  }
  if (!o.folder.empty()) export_winner(store, *winner, o.folder);
  if (o.json)
    std::printf("%s\n", report.json_text().c_str());
  else if (o.report)
    std::printf("%s", report.text().c_str());
  else
    std::printf("%s\n", winner->line().c_str());
  return 0;
}

}  // namespace

void add_best(CLI::App& program, Commands& commands) {
  auto [app, o] = add_command<Options>(
      program, commands, "best", "Print the winner of a study as a line of C++.",
      "  genoform best austen.sqlite\n"
      "  genoform best austen.sqlite --export winner && cmake -S winner -B winner/build && cmake --build winner/build",
      run);
  app->add_option("STUDY", o->study, "the file that genoform search wrote")->required();
  app->add_option("--export", o->folder, "write a CMake project with the type, the weights and a program that loads them");
  app->add_flag("--report", o->report, "print the whole report of the search");
  app->add_flag("--record", o->record,
                "print the record, a line a trial: the same for every run of a study, whatever happened to it");
  app->add_flag("--json", o->json, "print the report as a JSON object");
}

}  // namespace command
