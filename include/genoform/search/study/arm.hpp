#pragma once
#include <string>

#include "genoform/search/space/space.hpp"
#include "genoform/search/strategy/strategy.hpp"

namespace genoform::search {

/// A search beside the one of a study, with the same trials, budget, rule of hurdles and workers: what the result of the study is
/// compared with. Its roles must live as long as the study.
struct Arm {
  std::string name;  ///< as in "tuned Transformer"; that of the study's own search is empty
  const Space* space = nullptr;
  const Strategy* strategy = nullptr;
};

}  // namespace genoform::search
