#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/clock/step_table.hpp"
#include "genoform/search/evaluator/requests.hpp"
#include "genoform/search/space/baseline.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/workers/scheduler.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// How step times are calibrated: this many models of the space beside the baselines, each in so many rounds of training steps
/// that take turns with those of its group.
struct CalibrationOptions {
  static constexpr std::size_t group = 8;  ///< models that are in a worker's memory at once, the first baseline among them

  int probes = 90;
  int rounds = 4, steps = 4;
  double max_flops = 2.0;  ///< times those of the first baseline; what is slower is refused anyway
};

/// Models to time: the baselines, then random ones of the space, none of them much dearer than the first baseline; fewer when it
/// was stopped. Throws Exception when the space has too few of them for a table.
inline std::vector<std::string> calibration_texts(
    const Space& space, const std::vector<Baseline>& baselines, const ModelSizes& sizes, std::uint64_t seed,
    const CalibrationOptions& options, const StopRequest& stop = [] { return Stop::no; }) {
  std::vector<std::string> texts;
  for (const Baseline& baseline : baselines) texts.push_back(baseline.text);
  const double maximum = options.max_flops * static_cast<double>(sizes.cost(texts.front()).training_flops());
  std::set<std::string> known(texts.begin(), texts.end());
  const std::size_t wanted = texts.size() + static_cast<std::size_t>(options.probes);
  std::uint64_t i = 0;
  for (; texts.size() < wanted && i < 100 * wanted; ++i) {
    if (stop() == Stop::now) return texts;
    RandomStream samples(Random(seed, stream_of("search.calibration")), i << 32);
    const std::string text = space.random(samples);
    if (static_cast<double>(sizes.cost(text).training_flops()) <= maximum && known.insert(text).second) texts.push_back(text);
  }
  if (texts.size() < StepTable::min_probes)
    throw Exception({ErrorKind::usage,
                     "a table of step times needs " + std::to_string(StepTable::min_probes) + " models; of " + std::to_string(i) +
                         " random ones of the space, " + std::to_string(texts.size() - baselines.size()) +
                         " take at most twice the FLOPs of the first baseline; make its genomes smaller, or take "
                         "another oracle"});
  return texts;
}

/// The batch at which each of so many models is timed: those that the genomes may have, in turn, so that the table knows how the
/// time of a step grows with it; 0, the evaluator's own, where they have no choice.
inline std::vector<int> calibration_batches(std::size_t models, const std::vector<int>& of_genomes) {
  std::vector<int> batches(models, 0);
  for (std::size_t i = 0; i < models && !of_genomes.empty(); ++i) batches[i] = of_genomes[i % of_genomes.size()];
  return batches;
}

/// A model that was timed, with its operations where they were timed too; all times are multiplied by `scale`. What is left of a
/// step is the optimizer's time, which grows with the parameters, and that between operations.
inline Probe probe_of(const CostFeatures& items, double seconds, const std::vector<OperationTime>& operations, double scale = 1) {
  Probe probe{.items = items, .seconds = scale * seconds};
  if (operations.empty()) return probe;
  double rest = seconds;
  for (const OperationTime& operation : operations) {
    TimedWork part{.items = {}, .seconds = scale * operation.seconds};
    for (const WorkAmount& work : operation.work) part.items[work.name] = work.amount;
    probe.parts.push_back(std::move(part));
    rest -= operation.seconds;
  }
  TimedWork between{.items = {}, .seconds = scale * std::max(0.0, rest)};
  for (const char* name : whole_step_items) between.items[name] = items.at(name);
  probe.parts.push_back(std::move(between));
  return probe;
}

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
