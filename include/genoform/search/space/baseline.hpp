#pragma once
#include <string>

namespace genoform::search {

/// An architecture that every genome is compared with. It runs with the same budget, at each of the study's learning rates.
struct Baseline {
  std::string name;
  std::string text;
  bool is_plain = false;  ///< a plain Transformer: its loss at the hurdle is what genomes must reach
};

}  // namespace genoform::search
