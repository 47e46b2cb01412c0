#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "genoform/core/median.hpp"
#include "genoform/search/clock/calibration.hpp"
#include "genoform/search/study/step_times.hpp"

namespace genoform::search {

/// Times the texts, each at its batch, on all workers at once, as trials will run, and fits a table; none when it was stopped.
/// Every group takes turns with the first text, whose median time over the groups all times are relative to: a slow hour of the
/// machine counts in none of them. Throws Exception when a model cannot be timed.
inline std::optional<StepTable> calibrate(Workers& workers, const std::vector<std::string>& texts,
                                          const std::vector<int>& batches, const ModelSizes& sizes,
                                          const CalibrationOptions& options, const StopRequest& stop) {
  const std::vector<TimeRequest> requests =
      requests_in_turns(texts, batches, CalibrationOptions::group - 1,
                        {.texts = {}, .rounds = options.rounds, .steps = options.steps, .by_operation = true});
  const auto replies = TimingJobs(requests, 600).run(workers, stop);
  if (!replies) return std::nullopt;
  std::vector<double> first;
  for (const TimeReply& reply : *replies) first.push_back(reply.seconds.front());
  const double unit = median(first);
  std::vector<Probe> probes;
  for (std::size_t r = 0; r < replies->size(); ++r) {
    const TimeReply& reply = (*replies)[r];
    for (std::size_t i = r == 0 ? 0 : 1; i < reply.seconds.size(); ++i)
      probes.push_back(probe_of(sizes.at(requests[r].batches[i]).items(requests[r].texts[i]), reply.seconds[i],
                                i < reply.operations.size() ? reply.operations[i] : std::vector<OperationTime>(),
                                unit / reply.seconds.front()));
  }
  return StepTable::fit(probes);
}

}  // namespace genoform::search
