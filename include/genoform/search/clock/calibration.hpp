#pragma once
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "genoform/core/random.hpp"
#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/clock/step_table.hpp"
#include "genoform/search/space/baseline.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/workers/scheduler.hpp"

namespace genoform::search {

/// How step times are calibrated: this many models of the space beside the baselines, so many training steps each.
struct CalibrationOptions {
  int probes = 90;
  int steps = 14;
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

/// The table of step times that fits what was measured, one batch and time a text.
inline StepTable fit_step_table(const ModelSizes& sizes, const std::vector<std::string>& texts, const std::vector<int>& batches,
                                const std::vector<double>& seconds) {
  std::vector<Probe> probes;
  for (std::size_t i = 0; i < texts.size(); ++i) probes.push_back({sizes.at(batches[i]).items(texts[i]), seconds[i]});
  return StepTable::fit(probes);
}

}  // namespace genoform::search
