#pragma once
#include <string>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/evaluator/optimizer_json.hpp"

namespace genoform::search {

/// How all models of a study are trained and measured.
struct TrainingSetup {
  std::string data;  ///< a text file or a folder, as Corpus::from_file takes
  int batch = 12;    ///< sequences of a training step, where a request does not say another number
  int context = 64;
  int windows = 384;           ///< of the validation text, for a trial
  int final_windows = 3072;    ///< of the validation and test texts, for finalists
  bool second_half = true;     ///< a score counts the second half of each window, where half a context and more is seen; else all
  bool bf16 = false;           ///< products and activations in bf16, else f32
  OptimizerField optimizer{};  ///< AdamW with its defaults

  /// The first position of a window whose prediction counts.
  int first_position() const { return second_half ? context / 2 : 0; }

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("data", self.data);
    visit("batch", self.batch);
    visit("context", self.context);
    visit("windows", self.windows);
    visit("final_windows", self.final_windows);
    visit("second_half", self.second_half);
    visit("bf16", self.bf16);
    visit("optimizer", self.optimizer);
  }
};

}  // namespace genoform::search
