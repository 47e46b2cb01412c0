#pragma once
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/strategy/objective.hpp"
#include "genoform/search/strategy/pareto.hpp"
#include "genoform/search/strategy/strategy.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

struct Nsga2Options {
  int initial = 16;     ///< finished trials before the first mutation
  int population = 40;  ///< the parents: the best of the last trials
  double twice = 0.25;  ///< how often a child gets a second mutation

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("initial", self.initial);
    visit("population", self.population);
    visit("twice", self.twice);
  }
};

/// Search with several objectives by non-dominated sorting with crowding: NSGA-II (Deb et al. 2002) as a steady-state method
/// without crossover. Of the last `window` populations of finished trials the best `population` may be parents, by rank and, in
/// the rank that does not fit, by crowding distance; the better of two that are sampled is mutated.
class Nsga2 : public Strategy {
 public:
  static constexpr std::size_t window = 8;

  /// Throws Exception (usage): options below 1, or fewer than two objectives.
  explicit Nsga2(std::vector<Objective> objectives, Nsga2Options options = {})
      : objectives_(std::move(objectives)), options_(options) {
    if (options.initial < 1 || options.population < 1)
      throw Exception({ErrorKind::usage, "NSGA-II needs an initial population and a population of at least 1"});
    if (objectives_.size() < 2) throw Exception({ErrorKind::usage, "NSGA-II needs two objectives or more"});
  }

  std::string name() const override { return "nsga2"; }
  nlohmann::json describe() const override {
    nlohmann::json j = json_of(options_);
    for (const Objective objective : objectives_) j["objectives"].push_back(std::string(name_of(objective)));
    return j;
  }
  std::size_t memory() const override {
    return std::max(static_cast<std::size_t>(options_.initial), window * static_cast<std::size_t>(options_.population));
  }
  std::vector<Objective> objectives() const override { return objectives_; }

  Proposal propose(const Space& space, std::span<const Scored> history, RandomStream& samples) const override {
    if (history.size() < static_cast<std::size_t>(options_.initial)) return {space.random(samples), 0};
    const std::vector<const Scored*> parents = parents_of(history.last(std::min(history.size(), memory())));
    // Parents are sorted: of two the one with the lower index is better.
    const Scored& parent = *parents[std::min(samples.below(parents.size()), samples.below(parents.size()))];
    std::string child = space.mutate(parent.text, samples);
    if (samples.uniform() < options_.twice) child = space.mutate(child, samples);
    return {std::move(child), parent.number};
  }

  /// The trials that may be mutated, best first; of equal ones the older.
  std::vector<const Scored*> parents_of(std::span<const Scored> trials) const {
    std::vector<pareto::Point> points;
    for (const Scored& trial : trials) points.push_back(values_of(objectives_, trial));
    const std::vector<std::size_t> ranks = pareto::ranks(points);
    const std::vector<double> distances = pareto::crowding_distances(points, ranks);
    std::vector<std::size_t> order(trials.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return ranks[a] != ranks[b] ? ranks[a] < ranks[b] : distances[a] > distances[b];
    });
    order.resize(std::min(order.size(), static_cast<std::size_t>(options_.population)));
    std::vector<const Scored*> parents;
    for (const std::size_t i : order) parents.push_back(&trials[i]);
    return parents;
  }

 private:
  std::vector<Objective> objectives_;
  Nsga2Options options_;
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
