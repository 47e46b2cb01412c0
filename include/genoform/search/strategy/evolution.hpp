#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/io/json_fields.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/strategy/population.hpp"
#include "genoform/search/strategy/strategy.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

struct EvolutionOptions {
  int initial = 16;     ///< finished trials before the first mutation
  int population = 40;  ///< the last trials that may become parents
  int tournament = 10;  ///< how many of them are sampled; the best is mutated
  double twice = 0.25;  ///< how often a child gets a second mutation

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("initial", self.initial);
    visit("population", self.population);
    visit("tournament", self.tournament);
    visit("twice", self.twice);
  }
};

/// Regularised evolution (Real et al., 2019): sample some of the population, mutate the best, let the oldest leave.
class Evolution : public Strategy {
 public:
  explicit Evolution(EvolutionOptions options = {}) : options_(options) {
    if (options.initial < 1 || options.population < 1 || options.tournament < 1)
      throw Exception({ErrorKind::usage, "evolution needs an initial population, a population and a tournament of at least 1"});
  }

  std::string name() const override { return "evolution"; }
  nlohmann::json describe() const override;
  std::size_t memory() const override { return static_cast<std::size_t>(std::max(options_.initial, options_.population)); }
  Proposal propose(const Space& space, std::span<const Scored> history, RandomStream& samples) const override {
    if (history.size() < static_cast<std::size_t>(options_.initial)) return {space.random(samples), 0};
    const Population population(history, static_cast<std::size_t>(options_.population));
    const Scored& parent = population.tournament(static_cast<std::size_t>(options_.tournament), samples);
    std::string child = space.mutate(parent.text, samples);
    if (samples.uniform() < options_.twice) child = space.mutate(child, samples);
    return {std::move(child), parent.number};
  }

 private:
  EvolutionOptions options_;
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE nlohmann::json Evolution::describe() const { return json_of(options_); }

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
