#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/clock/calibration.hpp"
#include "genoform/search/study/step_times.hpp"

namespace genoform::search {

/// Times the texts, each at its batch, on all workers at once, as trials will run, and fits a table; none when it was stopped.
/// Throws Exception when a model cannot be timed.
inline std::optional<StepTable> calibrate(Workers& workers, const std::vector<std::string>& texts,
                                          const std::vector<int>& batches, const ModelSizes& sizes,
                                          const CalibrationOptions& options, const StopRequest& stop) {
  std::vector<TimeRequest> requests;
  for (std::size_t begin = 0; begin < texts.size(); begin += CalibrationOptions::group) {
    TimeRequest request{.texts = {}, .batches = {}, .rounds = options.rounds, .steps = options.steps, .by_operation = true};
    for (std::size_t i = begin; i < std::min(begin + CalibrationOptions::group, texts.size()); ++i) {
      request.texts.push_back(texts[i]);
      request.batches.push_back(batches[i]);
    }
    requests.push_back(std::move(request));
  }
  const auto replies = TimingJobs(std::move(requests), 600).run(workers, stop);
  if (!replies) return std::nullopt;
  std::vector<Probe> probes;
  for (const TimeReply& reply : *replies)
    for (std::size_t i = 0; i < reply.seconds.size(); ++i) {
      const CostFeatures items = sizes.at(batches[probes.size()]).items(texts[probes.size()]);
      probes.push_back(
          probe_of(items, reply.seconds[i], i < reply.operations.size() ? reply.operations[i] : std::vector<OperationTime>()));
    }
  return StepTable::fit(probes);
}

}  // namespace genoform::search
