#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/io/json_fields.hpp"
#include "genoform/search/json.hpp"

namespace genoform::search {

/// What counting reaches on the data of a finalist: the note "ngrams" of a study.
struct NgramFigures {
  std::string name;                   ///< of the finalist
  std::int64_t bytes = 0;             ///< that it was trained on
  std::vector<double> bits_per_byte;  ///< on the test text, by n-grams of order 1 on

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("name", self.name);
    visit("bytes", self.bytes);
    visit("bits_per_byte", self.bits_per_byte);
  }
  static NgramFigures of(const nlohmann::json& j) { return from_json<NgramFigures>(j, "n-grams"); }
};

}  // namespace genoform::search
