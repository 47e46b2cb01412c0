// A store of one's own beside that of the library: a file of JSON lines that grows while a study runs, and that can be made again
// from the record. Here the record itself is kept in memory; a path in place of Store::in_memory() keeps it in a file.
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/extending/own_study.hpp"

namespace mine {

/// One line for each finished trial, in the order of their ends.
class JsonLines {
 public:
  explicit JsonLines(const std::string& path) : out_(path) {}
  void add(const search::Trial& trial) {
    nlohmann::json line{{"number", trial.number}, {"genome", trial.text}, {"parent", trial.parent}};
    if (trial.loss) line["loss"] = *trial.loss;
    if (!trial.reason.empty()) line["reason"] = trial.reason;
    out_ << line.dump() << std::endl;  // on the disk when the trial has ended
  }

 private:
  std::ofstream out_;
};

std::string contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace mine

using namespace genoform;
using namespace genoform::extend;

TEST_CASE("a store of one's own gets every trial when it ends, and can be made again from the record") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "genoform-own-store";
  std::filesystem::create_directories(folder);
  const std::string live = (folder / "live.jsonl").string(), again = (folder / "again.jsonl").string();

  const mine::Parts parts;
  search::FunctionEvaluator evaluator([](const search::TrainRequest& r) { return mine::loss_of(r.text); });
  search::InProcessWorkers workers(evaluator);
  search::Store store = search::Store::in_memory();
  mine::JsonLines lines(live);
  const auto keep = [&](const search::Ledger&, const search::Trial& trial) { lines.add(trial); };
  REQUIRE(parts.study(workers).run(store, {.genomes = 20, .on_trial = keep}));

  mine::JsonLines copy(again);
  store.for_each_trial([&](const search::Trial& trial) {
    if (trial.finished()) copy.add(trial);
  });
  CHECK(mine::contents(live).find("\"loss\"") != std::string::npos);
  CHECK(mine::contents(live) == mine::contents(again));
  std::filesystem::remove_all(folder);
}
