#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/evaluator/training_setup.hpp"
#include "genoform/search/space/baselines.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/space/presets.hpp"
#include "genoform/search/strategy/command_strategy.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/strategy/nsga2.hpp"
#include "genoform/search/strategy/random_search.hpp"
#include "genoform/search/study/arm.hpp"
#include "genoform/search/study/finals.hpp"
#include "genoform/search/study/study_options.hpp"
#include "space.hpp"

namespace command {

/// What a study was asked to be: kept in its file, so that --resume needs no other option.
struct SearchRequest {
  genoform::search::StudyOptions study{.learning_rate = 8e-3};  ///< near the best one of small models
  genoform::search::TrainingSetup training{};
  genoform::search::EvolutionOptions evolution{};
  std::string oracle = "table", strategy = "evolution";
  std::string objectives = "loss,step-time,parameters";  ///< of the strategy "nsga2"
  std::optional<std::string> strategy_command;           ///< of the strategy "command"
  std::optional<std::string> space{};                    ///< as a text (space_text), so that a study keeps it; none: the default
  std::vector<int> widths{};                             ///< of the models in place of those of the space; empty: those
  int min_layers = 0, max_layers = 0;                    ///< sub-layers of a block in place of those of the space; 0: those
  double flops_per_second = 5e10;                        ///< of the oracle "flops"
  int probes = 90;                                       ///< models that the table is fitted to
  bool controls = true;                                  ///< further arms: tuned known architectures, and random search

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("study", self.study);
    visit("training", self.training);
    visit("evolution", self.evolution);
    visit("oracle", self.oracle);
    visit("strategy", self.strategy);
    visit("objectives", self.objectives);
    visit("strategy_command", self.strategy_command);
    visit("space", self.space);
    visit("min_layers", self.min_layers);
    visit("max_layers", self.max_layers);
    visit("widths", self.widths);
    visit("flops_per_second", self.flops_per_second);
    visit("probes", self.probes);
    visit("controls", self.controls);
  }
  static SearchRequest of(const nlohmann::json& kept) {
    return genoform::inner::from_json<SearchRequest>(kept, "the options of the study");
  }

  genoform::search::BlockSpaceOptions space_options() const {
    genoform::search::BlockSpaceOptions options;
    if (space) options = space_of_text(*space);
    options.context = training.context;
    if (!widths.empty()) options.widths = widths;
    if (min_layers == 0) return options;
    if (!options.pattern.empty())
      throw genoform::Exception(
          {genoform::ErrorKind::usage, "--sub-layers: has no effect in a space with a pattern, which says how many there are"});
    options.min_layers = min_layers;
    options.max_layers = max_layers;
    options.max_total = std::max(options.max_total, max_layers);
    return options;
  }
  /// The middle one of the widths, of two the smaller.
  int baseline_width() const {
    const std::vector<int> all = space_options().widths;
    return all[(all.size() - 1) / 2];
  }
  /// The size of the baselines. They have two layers, or as many as the smallest models of the space: their step time bounds that
  /// of the genomes.
  genoform::search::Proxy proxy() const {
    const genoform::search::BlockSpaceOptions of_space = space_options();
    const int sub_layers = std::max(of_space.min_total, of_space.min_layers);
    return {.context = training.context, .width = baseline_width(), .layers = std::max(2, (sub_layers + 1) / 2)};
  }
  std::unique_ptr<genoform::search::Space> make_space() const {
    return std::make_unique<genoform::search::BlockSpace>(space_options());
  }
  /// `seconds` and `is_stopped`: of a strategy command (CommandOptions).
  std::unique_ptr<genoform::search::Strategy> make_strategy(double seconds, const std::function<bool()>& is_stopped) const {
    using genoform::search::CommandStrategy;
    if (strategy_command)
      return std::make_unique<CommandStrategy>(
          genoform::search::CommandOptions{.command = *strategy_command, .seconds = seconds, .is_stopped = is_stopped});
    if (strategy == "random") return std::make_unique<genoform::search::RandomSearch>();
    if (strategy == "nsga2")
      return std::make_unique<genoform::search::Nsga2>(
          genoform::search::objectives_in(objectives).value(),
          genoform::search::Nsga2Options{.initial = evolution.initial, .population = evolution.population});
    return std::make_unique<genoform::search::Evolution>(evolution);
  }
};

/// The control arms of a study: architectures that its strategy, or evolution where that is a command, tunes with the sizes of
/// its space (GLaM where that is sparse), and random search in its space. Arms refer to all three.
class Controls {
 public:
  Controls(const SearchRequest& request, const genoform::search::Space& space, const genoform::search::Strategy& strategy)
      : space_(space),
        evolution_(request.evolution),
        strategy_(request.strategy_command ? evolution_ : strategy),
        transformer_(genoform::search::transformer_space(request.space_options())),
        primer_ez_(genoform::search::primer_ez_space(request.space_options())) {
    const genoform::search::BlockSpaceOptions chosen = request.space_options();
    const auto is_sparse = [](const genoform::search::KindGenes& kind) { return kind.has("Moe"); };
    if (std::any_of(chosen.kinds.begin(), chosen.kinds.end(), is_sparse)) glam_.emplace(genoform::search::glam_space(chosen));
  }

  std::vector<genoform::search::Arm> arms() const {
    std::vector<genoform::search::Arm> arms{{"tuned Transformer", &transformer_, &strategy_},
                                            {"tuned Primer-EZ", &primer_ez_, &strategy_}};
    if (glam_) arms.push_back({"tuned GLaM", &*glam_, &strategy_});
    arms.push_back({"random search", &space_, &random_});
    return arms;
  }

 private:
  const genoform::search::Space& space_;
  genoform::search::Evolution evolution_;
  const genoform::search::Strategy& strategy_;
  genoform::search::RandomSearch random_;
  genoform::search::BlockSpace transformer_, primer_ez_;
  std::optional<genoform::search::BlockSpace> glam_;
};

/// How far a study is to go: kept beside its record, so that --resume needs no option, and changed by those that it is given.
struct RunRequest {
  int trials = 200;
  double minutes = 9;  ///< from each start; 0: no limit
  bool has_final = true;
  genoform::search::FinalOptions finals{};

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("trials", self.trials);
    visit("minutes", self.minutes);
    visit("has_final", self.has_final);
    visit("finals", self.finals);
  }
};

}  // namespace command
