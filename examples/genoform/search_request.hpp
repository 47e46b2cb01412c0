#pragma once
#include <algorithm>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/evaluator/training_setup.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/strategy/random_search.hpp"
#include "genoform/search/study/finals.hpp"
#include "genoform/search/study/study_options.hpp"

namespace command {

/// What a study was asked to be: kept in its file, so that --resume needs no other option.
struct SearchRequest {
  genoform::search::StudyOptions study{};
  genoform::search::TrainingSetup training{};
  genoform::search::EvolutionOptions evolution{};
  std::string oracle = "table", strategy = "evolution";
  int min_layers = 2, max_layers = 8;
  double flops_per_second = 5e10;  ///< of the oracle "flops"
  int probes = 90;                 ///< models that the table is fitted to

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("study", self.study);
    visit("training", self.training);
    visit("evolution", self.evolution);
    visit("oracle", self.oracle);
    visit("strategy", self.strategy);
    visit("min_layers", self.min_layers);
    visit("max_layers", self.max_layers);
    visit("flops_per_second", self.flops_per_second);
    visit("probes", self.probes);
  }
  static SearchRequest of(const nlohmann::json& kept) {
    return genoform::inner::from_json<SearchRequest>(kept, "the options of the study");
  }

  std::unique_ptr<genoform::search::Space> make_space() const {
    genoform::search::BlockSpaceOptions options;
    options.context = training.context;
    options.min_layers = min_layers;
    options.max_layers = max_layers;
    options.max_total = std::max(options.max_total, max_layers);
    return std::make_unique<genoform::search::BlockSpace>(options);
  }
  std::unique_ptr<genoform::search::Strategy> make_strategy() const {
    if (strategy == "random") return std::make_unique<genoform::search::RandomSearch>();
    return std::make_unique<genoform::search::Evolution>(evolution);
  }
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
