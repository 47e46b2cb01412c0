#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/report/ablation_result.hpp"
#include "genoform/search/report/arms.hpp"
#include "genoform/search/report/confirm_result.hpp"
#include "genoform/search/report/report.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/study/study_options.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// The file or folder of a text without the folders above it, which are nobody else's business.
inline std::string name_of_path(const std::string& path) {
  const std::filesystem::path whole(path);
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

/// What the sections of a page are written from: all that a study has in its file, read once.
struct StudyPage {
  std::string name;     ///< of the study
  std::string file;     ///< of the study, as commands name it
  std::string command;  ///< that makes the same study; empty where another program made it
  Report report;
  std::optional<AblationResult> ablation;
  std::optional<ConfirmResult> confirmation;
  std::optional<StudyOptions> options;  ///< none in a study that has not begun
  std::string space, strategy, oracle;  ///< by their names
  std::string text;                     ///< see name_of_path()
  int batch = 0, context = 0;           ///< of a training step; 0: not known
  std::string processor;                ///< empty: the step times came from no measurement
  std::optional<Store::Times> times;    ///< of the first and last attempt
  std::optional<int> planned;           ///< genomes that were asked for
  std::vector<std::string> arms;        ///< see arms_of()
  std::map<int, std::size_t> trials;    ///< the index in report.trials() of each accepted trial, by its number
  std::map<int, Estimate> sizes;        ///< of the trials whose text this program can read, by number

  StudyPage(const Store& store, std::string name_, std::string file_, std::string command_)
      : name(std::move(name_)),
        file(std::move(file_)),
        command(std::move(command_)),
        report(store),
        ablation(AblationResult::of(store)),
        confirmation(ConfirmResult::of(store)) {
    read_identity(store);
    processor = store.note("processor").value_or("");
    times = store.times();
    planned = store.note("run", [](const nlohmann::json& run) { return run.at("trials").get<int>(); });
    arms = arms_of(report.trials());
    const std::vector<Trial>& all = report.trials();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].state != State::refused) trials[all[i].number] = i;
    count_sizes();
  }

  const Trial* trial(int number) const {
    const auto found = trials.find(number);
    return found == trials.end() ? nullptr : &report.trials()[found->second];
  }
  std::vector<std::string> arms_without_baselines() const {
    std::vector<std::string> some = arms;
    some.erase(std::remove(some.begin(), some.end(), "baselines"), some.end());
    return some;
  }
  int count(State state) const {
    int n = 0;
    for (const auto& [number, index] : trials) n += report.trials()[index].state == state ? 1 : 0;
    return n;
  }
  bool is_unfinished() const {
    const bool waits = count(State::queued) + count(State::leased) > 0 || (planned && report.genomes() < *planned);
    return waits || report.unfinished_finals() > 0;
  }
  /// The best genome that the search found: that of the claim, or the best of its arm.
  const Trial* best_of_search() const {
    if (const Claim claim = report.claim(); claim.found != nullptr)
      if (const Trial* t = trial(claim.found->finalist.trial)) return t;
    const auto best = best_of_search(1);
    return best.empty() ? nullptr : best.front();
  }
  std::vector<const Trial*> best_of_search(std::size_t count) const {
    std::vector<const Trial*> best =
        ranked(report.trials(), [](const Trial& t) { return t.phase == "search" && t.name.empty(); });
    best.resize(std::min(best.size(), count));
    return best;
  }

 private:
  void read_identity(const Store& store) {
    const auto identity = store.setting("identity", store::as_it_is);
    if (!identity) return;
    options = store.setting(
        "identity", [](const nlohmann::json& j) { return from_json<StudyOptions>(j.at("options"), "options of the study"); });
    const auto name_in = [&](const char* path) {
      return identity->value(nlohmann::json::json_pointer(path), nlohmann::json("")).get<std::string>();
    };
    space = name_in("/space/kind");
    strategy = name_in("/strategy/name");
    oracle = name_in("/oracle");
    const nlohmann::json evaluator = identity->value("evaluator", nlohmann::json());
    if (!evaluator.is_object()) return;
    batch = evaluator.value("batch", 0);
    context = evaluator.value("context", 0);
    if (const auto request = store.setting("request", store::as_it_is);
        request && request->contains("/training/data"_json_pointer))
      text = name_of_path(from_json<std::string>(request->at("training").at("data"), "data"));
  }

  /// From the trees of the genomes: nothing is trained.
  void count_sizes() {
    if (batch <= 0 || context <= 0) return;
    const ModelSizes sizes_of(batch, context);
    for (const auto& [number, index] : trials) {
      const Result<Genome> genome = Genome::parse(report.trials()[index].text);
      if (genome && genome->is_model() && genome->has_sizes()) sizes[number] = sizes_of.sizes(*genome);
    }
  }
};

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
