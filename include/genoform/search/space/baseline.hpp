#pragma once
#include <string>

namespace genoform::search {

/// An architecture that every genome is compared with. It runs with the same budget, at each of the study's learning rates.
struct Baseline {
  std::string name;
  std::string text;
  bool is_plain = false;  ///< a plain Transformer: with the rule of Brainformer, what genomes must reach at the hurdle
};

}  // namespace genoform::search
