#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/search/evaluator/training_setup.hpp"
#include "genoform/search/space/block_space.hpp"
#include "genoform/search/strategy/evolution.hpp"
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

  nlohmann::json to_json() const {
    return {{"study", study.to_json()},
            {"training", training.to_json()},
            {"evolution", {evolution.initial, evolution.population, evolution.tournament}},
            {"oracle", oracle},
            {"strategy", strategy},
            {"sub_layers", {min_layers, max_layers}},
            {"flops_per_second", flops_per_second},
            {"probes", probes}};
  }
  static SearchRequest from_json(const nlohmann::json& j) {
    SearchRequest r;
    r.study = genoform::search::StudyOptions::from_json(j.at("study"));
    r.training = genoform::search::TrainingSetup::from_json(j.at("training"));
    r.evolution.initial = j.at("evolution").at(0);
    r.evolution.population = j.at("evolution").at(1);
    r.evolution.tournament = j.at("evolution").at(2);
    r.oracle = j.at("oracle");
    r.strategy = j.at("strategy");
    r.min_layers = j.at("sub_layers").at(0);
    r.max_layers = j.at("sub_layers").at(1);
    r.flops_per_second = j.at("flops_per_second");
    r.probes = j.at("probes");
    return r;
  }

  genoform::search::BlockSpace space() const {
    genoform::search::BlockSpaceOptions options;
    options.context = training.context;
    options.min_layers = min_layers;
    options.max_layers = max_layers;
    options.max_total = std::max(options.max_total, max_layers);
    return genoform::search::BlockSpace(options);
  }
};

}  // namespace command
