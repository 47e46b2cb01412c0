#pragma once
#include <string>
#include <vector>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// Bounds of the space that the best genomes of the search lie on: the note "bounds" of a study.
struct BoundsReached {
  std::vector<std::string> winner;  ///< those of the winner, where the search found it
  std::vector<std::string> best;    ///< those of a third of the ten best genomes or more

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("winner", self.winner);
    visit("best", self.best);
  }
  static BoundsReached of(const nlohmann::json& j) { return from_json<BoundsReached>(j, "bounds"); }
};

}  // namespace genoform::search
