#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "genoform/core/compiled_functions.hpp"
#include "genoform/core/result.hpp"
#include "genoform/search/json.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search {

/// Where trials are measured on their way, and which of them stop there.
enum class HurdleRule : std::uint8_t {
  none,         ///< all are trained to the end
  brainformer,  ///< after a quarter of the steps, those behind every plain baseline (Brainformer, arXiv 2306.00008, algorithm 1)
  primer        ///< at each of several hurdles, the worse half of what arrives there (Primer, arXiv 2109.08668, appendix)
};

inline constexpr std::string_view hurdle_rule_names[] = {"none", "brainformer", "primer"};
constexpr std::string_view name_of(HurdleRule rule) { return hurdle_rule_names[static_cast<int>(rule)]; }

struct HurdleOptions {
  static constexpr int max_count = 8;

  HurdleRule rule = HurdleRule::brainformer;
  int count = 4;              ///< hurdles of the rule `primer`, 1 to 8
  double let_through = 0.05;  ///< share of the genomes that no hurdle stops, to compare their losses there with those at the end

  /// Shares of the steps, in rising order. For `primer` the bands between them cost the same when half pass each: with
  /// b = 1 / (2^(count + 1) - 1), hurdle i = 1 ... count is at b (2^i - 1).
  std::vector<double> fractions() const {
    if (rule == HurdleRule::none) return {};
    if (rule == HurdleRule::brainformer) return {0.25};
    std::vector<double> at;
    for (int i = 1; i <= count; ++i) at.push_back(static_cast<double>((1 << i) - 1) / static_cast<double>((2 << count) - 1));
    return at;
  }
  /// How many times less is trained than without hurdles when half pass each of `count`.
  static constexpr double expected_saving(int count) { return static_cast<double>((2 << count) - 1) / (count + 1); }

  /// Throws Exception (usage) where there are no such hurdles.
  void check() const {
    if (count < 1 || count > max_count)
      throw Exception({ErrorKind::usage, std::to_string(count) + " hurdles; 1 to " + std::to_string(max_count) + " are allowed"});
    if (!(let_through >= 0 && let_through <= 1))
      throw Exception({ErrorKind::usage, "the share of genomes that hurdles let through must be from 0 to 1"});
  }

  nlohmann::json to_json() const;
  /// Throws Exception (input) for an unknown rule.
  static HurdleOptions from_json(const nlohmann::json& j);
};

#if GENOFORM_SEARCH_BODIES

GENOFORM_SEARCH_INLINE nlohmann::json HurdleOptions::to_json() const {
  return {{"rule", name_of(rule)}, {"count", count}, {"let_through", let_through}};
}

GENOFORM_SEARCH_INLINE HurdleOptions HurdleOptions::from_json(const nlohmann::json& j) {
  HurdleOptions options{.count = j.at("count"), .let_through = j.at("let_through")};
  const std::string name = j.at("rule");
  for (const HurdleRule rule : {HurdleRule::none, HurdleRule::brainformer, HurdleRule::primer}) {
    options.rule = rule;
    if (name == name_of(rule)) return options;
  }
  throw Exception({ErrorKind::input, "\"" + name + "\" is no rule of hurdles; there are none, brainformer and primer"});
}

#endif

}  // namespace genoform::search

#include "genoform/core/restore_macros.hpp"
