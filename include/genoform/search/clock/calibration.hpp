#pragma once
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "genoform/search/clock/oracles.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/study/study_options.hpp"
#include "genoform/search/study/trial_runner.hpp"
#include "genoform/search/workers/worker_pool.hpp"

namespace genoform::search {

/// The model name of the processor, "unknown" where the system does not tell.
inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(": ") + 2);
  return "unknown";
}

/// How step times are calibrated: this many models of the space beside the baselines, so many training steps each.
struct CalibrationOptions {
  int probes = 90;
  int steps = 14;
  double max_flops = 2.0;  ///< times those of the first baseline; what is slower is refused anyway
};

/// Models to time: the baselines, then random ones of the space, none of them much dearer than the first baseline.
inline std::vector<std::string> calibration_texts(const Space& space, const std::vector<Baseline>& baselines,
                                                  const ModelSizes& sizes, std::uint64_t seed,
                                                  const CalibrationOptions& options) {
  std::vector<std::string> texts;
  for (const Baseline& baseline : baselines) texts.push_back(baseline.text);
  const double maximum = options.max_flops * static_cast<double>(sizes.cost(texts.front()).training_flops());
  std::set<std::string> known(texts.begin(), texts.end());
  const std::size_t wanted = texts.size() + static_cast<std::size_t>(options.probes);
  for (std::uint64_t i = 0; texts.size() < wanted && i < 100 * wanted; ++i) {
    RandomStream samples(Random(seed, stream_of("search.calibration")), i << 32);
    const std::string text = space.random(samples);
    if (static_cast<double>(sizes.cost(text).training_flops()) <= maximum && known.insert(text).second) texts.push_back(text);
  }
  return texts;
}

/// Times the texts on all workers at once, as trials will run. Throws Exception when a model cannot be timed or it was stopped.
inline std::vector<double> time_texts(WorkerPool& pool, const std::vector<std::string>& texts, int steps,
                                      const StopRequest& stop) {
  std::vector<double> seconds(texts.size(), 0.0);
  std::size_t next = 0, done = 0;
  while (done < texts.size()) {
    if (stop() == Stop::now) throw Exception({ErrorKind::resources, "stopped before the step times were calibrated"});
    while (pool.has_idle() && next < texts.size()) {
      pool.start(static_cast<int>(next), {{"do", "time"}, {"texts", {texts[next]}}, {"rounds", 1}, {"steps", steps}}, 120);
      ++next;
    }
    const auto reply = pool.wait(0.2);
    if (!reply) continue;
    if (reply->kind != Reply::Kind::answer)
      throw Exception({reply->error_kind, "timing " + texts[static_cast<std::size_t>(reply->job)] + ": " + reply->what});
    seconds[static_cast<std::size_t>(reply->job)] = reply->answer.at("seconds").at(0);
    ++done;
  }
  return seconds;
}

/// Fits the table of step times of a study.
inline StepTable calibrate(WorkerPool& pool, const std::vector<std::string>& texts, const ModelSizes& sizes, int steps,
                           const StopRequest& stop) {
  const std::vector<double> seconds = time_texts(pool, texts, steps, stop);
  std::vector<Probe> probes;
  for (std::size_t i = 0; i < texts.size(); ++i) probes.push_back({sizes.items(texts[i]), seconds[i]});
  return StepTable::fit(probes);
}

}  // namespace genoform::search
