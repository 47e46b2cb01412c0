#pragma once
#include "genoform/search/evaluator/training_setup.hpp"
#include "genoform/search/workers/text_identity.hpp"

namespace command {

/// What `genoform search` sends to each `genoform worker` first.
struct WorkerSetup {
  genoform::search::TrainingSetup training{};
  genoform::search::TextIdentity text{};  ///< of training.data, which may lie elsewhere there, or nowhere

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("training", self.training);
    visit("text", self.text);
  }
};

}  // namespace command
