#pragma once
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
                                          const std::vector<int>& batches, const ModelSizes& sizes, int steps,
                                          const StopRequest& stop) {
  std::vector<TimeRequest> requests;
  for (std::size_t i = 0; i < texts.size(); ++i)
    requests.push_back({.texts = {texts[i]}, .batches = {batches[i]}, .rounds = 1, .steps = steps});
  const auto replies = TimingJobs(std::move(requests), 120).run(workers, stop);
  if (!replies) return std::nullopt;
  std::vector<double> seconds;
  for (const TimeReply& reply : *replies) seconds.push_back(reply.seconds.front());
  return fit_step_table(sizes, texts, batches, seconds);
}

}  // namespace genoform::search
