#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "genoform/search/block_space.hpp"
#include "genoform/search/evolution.hpp"
#include "genoform/search/study_options.hpp"
#include "genoform/search/training_setup.hpp"

namespace command {

/// What a study was asked to be: kept in its file, so that --resume needs no other option.
struct SearchRequest {
  genoform::search::StudyOptions study{};
  genoform::search::TrainingSetup training{};
  genoform::search::EvolutionOptions evolution{};
  std::string oracle = "table", strategy = "evolution";
  int least_layers = 2, most_layers = 8;
  double flops_per_second = 5e10;  ///< of the oracle "flops"
  int probes = 90;                 ///< models that the table is fitted to

  nlohmann::json to_json() const {
    return {{"study", study.to_json()},
            {"training", training.to_json()},
            {"evolution", {evolution.initial, evolution.population, evolution.tournament}},
            {"oracle", oracle},
            {"strategy", strategy},
            {"sub_layers", {least_layers, most_layers}},
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
    r.least_layers = j.at("sub_layers").at(0);
    r.most_layers = j.at("sub_layers").at(1);
    r.flops_per_second = j.at("flops_per_second");
    r.probes = j.at("probes");
    return r;
  }

  genoform::search::BlockSpace space() const {
    genoform::search::BlockSpaceOptions options;
    options.context = training.context;
    options.least_layers = least_layers;
    options.most_layers = most_layers;
    options.most_total = std::max(options.most_total, most_layers);
    return genoform::search::BlockSpace(options);
  }
};

}  // namespace command
