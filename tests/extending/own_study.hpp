#pragma once
#include <string>
#include <vector>

#include "genoform/search/clock/constant_oracle.hpp"
#include "genoform/search/space/space.hpp"
#include "genoform/search/strategy/evolution.hpp"
#include "genoform/search/study.hpp"

/// A study small enough to run within a moment: genomes are words of four letters, and "dddd" has the lowest loss.
namespace mine {

using namespace genoform;
using namespace genoform::extend;

class Letters : public search::Space {
 public:
  std::string kind() const override { return "letters"; }
  nlohmann::json describe() const override { return {{"letters", "abcd"}, {"length", 4}}; }
  std::string random(search::RandomStream& samples) const override {
    std::string word;
    for (int i = 0; i < 4; ++i) word += letter(samples.below(4));
    return word;
  }
  std::string mutate(const std::string& parent, search::RandomStream& samples) const override {
    std::string child = parent;
    char& c = child[samples.below(4)];
    c = letter((static_cast<std::size_t>(c - 'a') + 1 + samples.below(3)) % 4);
    return child;
  }
  Result<void> check(const std::string& text) const override {
    if (text.size() == 4 && text.find_first_not_of("abcd") == text.npos) return {};
    return Error{ErrorKind::input, "\"" + text + "\" is no word of four letters from a to d"};
  }

 private:
  static char letter(std::size_t index) { return static_cast<char>('a' + index); }
};

inline double loss_of(const std::string& word) {
  double loss = 1;
  for (const char c : word) loss += 'd' - c;
  return loss;
}

/// The parts of the study; a workers object and a store come from the test.
struct Parts {
  Letters space{};
  search::Evolution evolution{{.initial = 8, .population = 16, .tournament = 6}};
  search::ConstantOracle oracle{1e-3};

  search::Study study(search::Workers& workers) const {
    return {.space = space,
            .strategy = evolution,
            .oracle = oracle,
            .baselines = {{"plain", "aaaa", true}},
            .workers = workers,
            .options = {.seed = 3, .hurdles = {.rule = search::HurdleRule::none}}};
  }
};

}  // namespace mine
