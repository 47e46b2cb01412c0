#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/nearest.hpp"

namespace genoform::inner::genome::grammar {

using core::Nearest;

/// The candidate that a writer of `word` most likely meant; empty when none is near.
inline std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  Nearest nearest(word);
  for (const std::string_view candidate : candidates) nearest.add(candidate);
  return nearest.best();
}
/// The same as the end of a message: `; did you mean "..."?`, or nothing.
inline std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view guess = nearest(word, candidates);
  return guess.empty() ? "" : "; did you mean \"" + std::string(guess) + "\"?";
}

}  // namespace genoform::inner::genome::grammar
