#pragma once
#include <cstdint>
#include <optional>

#include "genoform/cost/genome_cost.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/store/final_run.hpp"

namespace genoform::search {

/// How much text the trainings of a study see: its note "text".
struct DataSeen {
  double bytes_per_sequence = 0;
  int batch = 0;                    ///< sequences of a training step where a genome has none of its own
  std::int64_t training_bytes = 0;  ///< of the text

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("bytes_per_sequence", self.bytes_per_sequence);
    visit("batch", self.batch);
    visit("training_bytes", self.training_bytes);
  }
  static DataSeen of(const nlohmann::json& j) { return from_json<DataSeen>(j, "the text of the study"); }

  /// Bytes that a training of the finalist reads.
  double bytes(const Finalist& f) const {
    return static_cast<double>(f.steps) * (f.batch > 0 ? f.batch : batch) * bytes_per_sequence;
  }
  /// How many times that is the training text.
  double passes(const Finalist& f) const { return bytes(f) / static_cast<double>(training_bytes); }
  /// The same for each parameter; none where this program cannot read the text of the model.
  std::optional<double> bytes_per_parameter(const Finalist& f) const {
    const Result<Genome> genome = Genome::parse(f.text);
    const Result<Cost> cost = genome ? cost_of(*genome) : Result<Cost>(genome.error());
    return cost ? std::optional(bytes(f) / static_cast<double>(cost->parameters)) : std::nullopt;
  }
};

}  // namespace genoform::search
