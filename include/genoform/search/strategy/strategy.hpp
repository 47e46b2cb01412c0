#pragma once
#include <cstddef>
#include <limits>
#include <span>
#include <string>

#include "genoform/search/json.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/strategy/objective.hpp"
#include "genoform/search/strategy/population.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// A genome to try, and the trial it was made from (0: none).
struct Proposal {
  std::string text;
  int parent = 0;
  std::string refusal{};  ///< why the text is no genome of the space; empty: it is one
};

/// Which sample of which proposal is asked for. Those before it were refused, the last one for the reason given here.
struct Sample {
  int number = 0, index = 0;
  std::string refused{}, refusal{};
};

/// Chooses what to try next: a pure function of the finished trials, in the order of their numbers, and of the random numbers.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual std::string name() const = 0;
  /// Everything beside the name that proposals depend on.
  virtual nlohmann::json describe() const = 0;
  /// How many of the last finished trials propose() looks at: so many are kept in memory. Without a limit: all.
  virtual std::size_t memory() const { return std::numeric_limits<std::size_t>::max(); }
  /// What the search makes small beside the fitness, if it has several objectives: the report has their Pareto front.
  virtual std::vector<Objective> objectives() const { return {}; }
  virtual Proposal propose(const Space& space, std::span<const Scored> history, RandomStream& samples) const = 0;
  /// The same, for a strategy that must know which sample it is: what a search calls.
  virtual Proposal propose_sample(const Space& space, std::span<const Scored> history, RandomStream& samples,
                                  const Sample&) const {
    return propose(space, history, samples);
  }
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
