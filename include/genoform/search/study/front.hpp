#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/clock/estimator.hpp"
#include "genoform/search/report/pareto_front.hpp"
#include "genoform/search/store/store.hpp"
#include "genoform/search/store/trial.hpp"
#include "genoform/search/strategy/objective.hpp"
#include "genoform/search/strategy/pareto.hpp"
#include "genoform/search/study/history.hpp"

namespace genoform::search::study {

/// The front of all trials of the study's own search that were trained to the end.
inline ParetoFront front_of(const std::vector<Trial>& trials, const std::vector<Objective>& objectives, const Estimator& oracle,
                            int batch) {
  const std::vector<const Trial*> best = ranked(trials, [](const Trial& t) { return t.phase == "search" && t.name.empty(); });
  std::vector<pareto::Point> points;
  for (const Trial* t : best) points.push_back(values_of(objectives, scored_of(*t, *t->loss, sizes_of(*t, oracle, batch))));
  ParetoFront front;
  for (const Objective objective : objectives) front.objectives.emplace_back(name_of(objective));
  for (const std::size_t i : pareto::front(points)) {
    front.trials.push_back(best[i]->number);
    front.texts.push_back(best[i]->text);
    front.values.push_back(points[i]);
  }
  return front;
}

/// Leaves the note "front", where the search has several objectives.
inline void note_front(Store& store, const std::vector<Objective>& objectives, const Estimator& oracle, int batch) {
  if (!objectives.empty()) store.set_note("front", json_of(front_of(store.trials(), objectives, oracle, batch)).dump());
}

}  // namespace genoform::search::study
