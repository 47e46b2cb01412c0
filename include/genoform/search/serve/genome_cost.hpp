#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "genoform/core/result.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/clock/oracles.hpp"

namespace genoform::search {

/// What a genome costs, before it is trained.
struct GenomeCost {
  std::int64_t parameters = 0, activated_parameters = 0;
  std::int64_t training_flops = 0;     ///< useful FLOPs of a training step
  std::int64_t weight_bytes = 0;       ///< in f32
  std::int64_t bytes = 0;              ///< weights and activations of a training step
  std::optional<double> step_seconds;  ///< of a training step, by the oracle; none: it is measured by the worker that trains

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("parameters", self.parameters);
    visit("activated_parameters", self.activated_parameters);
    visit("training_flops", self.training_flops);
    visit("weight_bytes", self.weight_bytes);
    visit("bytes", self.bytes);
    visit("step_seconds", self.step_seconds);
  }
};

/// `batch`: sequences of a training step, 0: those of `sizes` and of the oracle. Throws Exception for a text that is no whole
/// model.
inline GenomeCost genome_cost(const ModelSizes& sizes, const Estimator& oracle, const std::string& text, int batch = 0) {
  const Genome genome = sizes.read(text);
  if (!genome.is_model() || !genome.has_sizes())
    throw Exception({ErrorKind::input, genome.text() + " is no whole model; a Decoder with Vocab, Width and Context is needed"});
  const Cost cost = sizes.at(batch).cost(genome);
  return {.parameters = cost.parameters,
          .activated_parameters = cost.activated_parameters,
          .training_flops = cost.training_flops(),
          .weight_bytes = cost.weight_bytes(),
          .bytes = cost.weight_bytes() + cost.workspace_bytes(),
          .step_seconds = oracle.estimate(genome.text(), batch).step_seconds};
}

}  // namespace genoform::search
