#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/decimal.hpp"
#include "genoform/search/report/standing.hpp"
#include "genoform/search/report/statistics.hpp"

namespace genoform::search {

/// What the final says about the question of a study: is a genome that the search found better than the best known architecture
/// that the same effort has tuned?
struct Claim {
  enum class Outcome { none, search_won, tie, control_won };

  static constexpr double level = 0.05;  ///< at which a difference counts

  Outcome outcome = Outcome::none;    ///< none: no final with both sides, or fewer than two seeds
  const Standing* found = nullptr;    ///< the genome of the search with the largest lead, or smallest lag, on the test text
  const Standing* control = nullptr;  ///< the best of the control arms and baselines, by its validation losses in the final
  statistics::Difference difference;  ///< of their test losses, control - found: above 0 where the search is better
  double corrected_p = 1;             ///< by Holm over all genomes of the search in the final
};

/// The figures of a claim as text, from the side of the better one; of a tie, from that of the search.
struct ClaimFigures {
  std::string better, worse;      ///< names of finalists
  std::string amount, low, high;  ///< bits per byte: the mean difference and its interval
  std::string seeds, p;

  static ClaimFigures of(const Claim& c) {
    const bool is_reversed = c.outcome == Claim::Outcome::control_won;
    const statistics::Difference& d = c.difference;
    const Standing &better = is_reversed ? *c.control : *c.found, &worse = is_reversed ? *c.found : *c.control;
    return {.better = better.finalist.name,
            .worse = worse.finalist.name,
            .amount = fixed_text(is_reversed ? -d.mean : d.mean, 3),
            .low = fixed_text(is_reversed ? -d.high : d.low, 3),
            .high = fixed_text(is_reversed ? -d.low : d.high, 3),
            .seeds = std::to_string(c.control->test.size()),
            .p = fixed_text(c.corrected_p, 4)};
  }
};

/// The claim of a final. `standings`: best first by their validation losses; the claim refers to them.
GENOFORM_SEARCH_INLINE Claim claim_of(std::span<const Standing> standings);

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE Claim claim_of(std::span<const Standing> standings) {
  Claim claim;
  std::vector<const Standing*> found;
  for (const Standing& s : standings) {  // best first
    if (!s.is_ranked()) continue;
    if (!s.finalist.is_baseline && !s.finalist.is_control)
      found.push_back(&s);
    else if (claim.control == nullptr)
      claim.control = &s;
  }
  if (found.empty() || claim.control == nullptr || claim.control->test.size() < 2) return claim;
  std::vector<statistics::Difference> differences;
  std::vector<double> p;
  for (const Standing* s : found) {
    differences.push_back(statistics::difference(claim.control->test, s->test));
    p.push_back(differences.back().p);
  }
  const std::vector<double> corrected = statistics::holm(p);
  std::size_t best = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    if (differences[i].mean > differences[best].mean) best = i;
  claim.found = found[best];
  claim.difference = differences[best];
  claim.corrected_p = corrected[best];
  claim.outcome = claim.corrected_p >= Claim::level ? Claim::Outcome::tie
                  : claim.difference.mean > 0       ? Claim::Outcome::search_won
                                                    : Claim::Outcome::control_won;
  return claim;
}

#endif

}  // namespace genoform::search
