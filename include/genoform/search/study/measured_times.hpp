#pragma once
#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/median.hpp"
#include "genoform/search/study/edits.hpp"
#include "genoform/search/study/step_times.hpp"
#include "genoform/search/workers/scheduler.hpp"
#include "genoform/search/workers/workers.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Step times of models that are to be compared, measured now, on all workers of the reference machine at once. Groups of models
/// take turns with the first model, so that a slow hour of the machine meets both: a time is the median ratio to the first model
/// times the median of that. None when it was stopped.
inline std::optional<std::vector<double>> measured_step_seconds(Workers& workers, const std::vector<Candidate>& models,
                                                                int rounds, const StopRequest& stop) {
  constexpr std::size_t group = 8;  // so many models are in a worker's memory beside the first
  const auto copies = static_cast<std::size_t>(std::max(1, workers_that_measure(workers)));
  std::vector<std::string> texts;
  std::vector<int> batches;
  for (const Candidate& model : models) texts.push_back(model.text), batches.push_back(model.batch);
  std::vector<TimeRequest> requests;
  for (const TimeRequest& request : requests_in_turns(texts, batches, group, {.texts = {}, .rounds = rounds, .steps = 4}))
    requests.insert(requests.end(), copies, request);
  const auto replies = TimingJobs(std::move(requests), 3600).run(workers, stop);
  if (!replies) return std::nullopt;
  std::vector<double> first;
  std::vector<std::vector<double>> ratios(models.size());
  ratios.front() = {1};
  for (std::size_t r = 0; r < replies->size(); ++r) {
    const std::vector<double>& seconds = (*replies)[r].seconds;
    const std::size_t begin = 1 + r / copies * group;
    first.push_back(seconds.front());
    for (std::size_t i = 1; i < seconds.size(); ++i) ratios[begin + i - 1].push_back(seconds[i] / seconds.front());
  }
  const double unit = median(std::move(first));
  std::vector<double> times;
  for (std::vector<double>& of_model : ratios) times.push_back(unit * median(std::move(of_model)));
  return times;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
