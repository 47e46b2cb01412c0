#pragma once
#include <string>
#include <vector>

#include "genoform/core/result.hpp"
#include "genoform/search/json.hpp"
#include "genoform/search/strategy/random_stream.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// What a genome is. Genomes go in and out as canonical texts, so equal texts are the same genome; a space keeps no state.
class Space {
 public:
  virtual ~Space() = default;

  /// The name that a store keeps, so that a study is never resumed in another kind of space.
  virtual std::string kind() const = 0;
  /// Everything that `random` and `mutate` depend on.
  virtual nlohmann::json describe() const = 0;
  virtual std::string random(RandomStream& samples) const = 0;
  /// A genome one mutation away from `parent`, never the parent itself.
  virtual std::string mutate(const std::string& parent, RandomStream& samples) const = 0;
  /// An error when the text is not a genome of this space: it cannot be mutated.
  virtual Result<void> check(const std::string& text) const = 0;
  /// The bounds of the space that a genome of it lies on, as in "width 128 (the largest)": a wider space may hold a better one.
  virtual std::vector<std::string> bounds_of(const std::string&) const { return {}; }
  /// Genomes that the search of a study in this space tries first, in this order.
  virtual const std::vector<std::string>& seeds() const {
    static const std::vector<std::string> none;
    return none;
  }
};

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
