#pragma once
#include <cstdint>
#include <vector>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/space/baseline.hpp"
#include "genoform/search/study/hurdle_options.hpp"

namespace genoform::search {

/// What the record of a study depends on, beside its space, strategy, oracle, baselines and evaluator.
struct StudyOptions {
  std::uint64_t seed = 1;
  double budget = 3;  ///< seconds of training per trial, on the oracle's clock
  Limits limits{};
  int window = 8;               ///< proposal n sees the results of the trials up to n - window; at least the number of workers
  double learning_rate = 4e-3;  ///< of every genome; with `learning_rates`, that at which losses at the hurdle are compared
  std::vector<double> learning_rates{};  ///< a gene of every genome, in rising order; empty: `learning_rate` alone
  std::vector<double> baseline_learning_rates{2e-3, 4e-3, 8e-3};  ///< each baseline gets the best of them
  int batch = 0;  ///< sequences of a training step, of baselines and of genomes without `batches`; 0: the evaluator's own number
  std::vector<int> batches{};  ///< a gene of every genome, in rising order; empty: `batch` alone
  HurdleOptions hurdles{};     ///< which genomes are not trained to the end

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("seed", self.seed);
    visit("budget", self.budget);
    visit("limits", self.limits);
    visit("window", self.window);
    visit("learning_rate", self.learning_rate);
    visit("learning_rates", self.learning_rates);
    visit("baseline_learning_rates", self.baseline_learning_rates);
    visit("batch", self.batch);
    visit("batches", self.batches);
    visit("hurdles", self.hurdles);
  }
};

}  // namespace genoform::search
