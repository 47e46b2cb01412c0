#pragma once
#include <memory>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

#include "genoform/core/result.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/strategy/population.hpp"

namespace genoform::search {

/// A genome to try, and the trial it was made from (0: none).
struct Proposal {
  std::string text;
  int parent = 0;
};

/// Chooses what to try next: a pure function of the log of finished trials, in the order of their numbers, and of the draws.
class Proposer {
 public:
  virtual ~Proposer() = default;
  virtual std::string name() const = 0;
  virtual nlohmann::json describe() const = 0;
  virtual Proposal propose(const Space& space, std::span<const Scored> log, RandomStream& samples) const = 0;
};

/// RandomStream every genome anew.
class RandomSearch : public Proposer {
 public:
  std::string name() const override { return "random"; }
  nlohmann::json describe() const override { return nlohmann::json::object(); }
  Proposal propose(const Space& space, std::span<const Scored>, RandomStream& samples) const override {
    return {space.random(samples), 0};
  }
};

struct EvolutionOptions {
  int initial = 32;     ///< finished trials before the first mutation
  int population = 40;  ///< the last trials that may become parents
  int tournament = 10;  ///< how many of them are drawn; the best is mutated
  double twice = 0.25;  ///< how often a child gets a second mutation
};

/// Regularised evolution: draw some of the population, mutate the best, let the oldest leave.
class Evolution : public Proposer {
 public:
  explicit Evolution(EvolutionOptions options = {}) : options_(options) {
    if (options.initial < 1 || options.population < 1 || options.tournament < 1)
      throw Exception({ErrorKind::usage, "evolution needs an initial population, a population and a tournament of at least 1"});
  }

  std::string name() const override { return "evolution"; }
  nlohmann::json describe() const override {
    return {{"initial", options_.initial},
            {"population", options_.population},
            {"tournament", options_.tournament},
            {"twice", options_.twice}};
  }
  Proposal propose(const Space& space, std::span<const Scored> log, RandomStream& samples) const override {
    if (log.size() < static_cast<std::size_t>(options_.initial)) return {space.random(samples), 0};
    const Population population(log, static_cast<std::size_t>(options_.population));
    const Scored& parent = population.tournament(static_cast<std::size_t>(options_.tournament), samples);
    std::string child = space.mutate(parent.text, samples);
    if (samples.uniform() < options_.twice) child = space.mutate(child, samples);
    return {std::move(child), parent.number};
  }

 private:
  EvolutionOptions options_;
};

}  // namespace genoform::search
