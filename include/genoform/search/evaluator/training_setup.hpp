#pragma once
#include <string>

#include <nlohmann/json.hpp>

namespace genoform::search {

/// How all models of a study are trained and measured.
struct TrainingSetup {
  std::string data;  ///< a text file or a folder, as Corpus::from_file takes
  int batch = 12, context = 64;
  int windows = 384;         ///< of the validation text, for a trial
  int final_windows = 3072;  ///< of the validation and test texts, for finalists
  bool bf16 = false;         ///< products and activations in bf16, else f32

  nlohmann::json to_json() const {
    return {{"data", data}, {"batch", batch}, {"context", context}, {"windows", windows}, {"final_windows", final_windows},
            {"bf16", bf16}};
  }
  static TrainingSetup from_json(const nlohmann::json& j) {
    return {.data = j.at("data"),
            .batch = j.at("batch"),
            .context = j.at("context"),
            .windows = j.at("windows"),
            .final_windows = j.at("final_windows"),
            .bf16 = j.value("bf16", false)};
  }
};

}  // namespace genoform::search
