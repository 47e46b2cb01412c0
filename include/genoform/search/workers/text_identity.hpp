#pragma once
#include <cstdint>
#include <string>

#include "genoform/data/corpus.hpp"

namespace genoform::search {

/// What a study trains on, by content: Corpus::fingerprint() and the bytes of the three parts. So a worker knows the text again
/// wherever it lies, as one file or as three.
struct TextIdentity {
  std::string fingerprint;
  std::uint64_t train = 0, validation = 0, test = 0;

  template <class Self, class Visit>
  static void fields(Self& self, Visit visit) {
    visit("fingerprint", self.fingerprint);
    visit("train", self.train);
    visit("validation", self.validation);
    visit("test", self.test);
  }
  static TextIdentity of(const Corpus& corpus) {
    return {.fingerprint = std::to_string(corpus.fingerprint()),
            .train = corpus.train().size(),
            .validation = corpus.validation().size(),
            .test = corpus.test().size()};
  }
  std::uint64_t bytes() const { return train + validation + test; }
};

}  // namespace genoform::search
