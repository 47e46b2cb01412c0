#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "genoform/core/math.hpp"
#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// Against whom, and at what effort.
inline std::string effort_sentence(const StudyPage& page) {
  std::string rivals;
  std::vector<ArmCurve> curves = curves_of(page.report.trials());
  int fewest = -1, most = 0;
  for (const ArmCurve& curve : curves) {
    if (curve.arm == "baselines") continue;
    if (curve.arm != "search") rivals += (rivals.empty() ? "" : ", ") + curve.arm;
    fewest = fewest < 0 ? curve.trials : std::min(fewest, curve.trials);
    most = std::max(most, curve.trials);
  }
  const std::string each = fewest == most ? std::to_string(most) : std::to_string(fewest) + " to " + std::to_string(most);
  std::string text = rivals.empty()
                         ? "The search had no control arms, only baselines that were not tuned; it trained " + each + " genomes"
                         : "The controls are " + rivals + "; every arm trained " + each + " genomes";
  if (page.options) text += ", each with a budget of " + general_text(page.options->budget) + " s on the clock of the study";
  return text + ", and the finalists were trained anew with fresh seeds for equal measured time.";
}

inline std::string claim_section(const StudyPage& page) {
  const Claim c = page.report.claim();
  if (c.outcome == Claim::Outcome::none || !math::is_finite(c.difference.low)) {
    const bool has_finals = !page.report.standings().empty();
    std::string text = has_finals ? "The finalists do not allow a claim yet: it needs a genome of the search and a control or "
                                    "baseline that were trained with the same two seeds or more."
                                  : "There is no claim yet: the finalists have not been trained with fresh seeds.";
    if (const auto best = page.report.winner(); best && !has_finals)
      text += " So far " + best->finalist.name + " is the best, by a loss that chose it and flatters it.";
    return paragraph(text, "claim");
  }
  const ClaimFigures f = ClaimFigures::of(c);
  std::string verb = c.outcome == Claim::Outcome::search_won    ? "The search won: "
                     : c.outcome == Claim::Outcome::control_won ? "The control won: "
                                                                : "A tie: ";
  std::string first = verb + (c.outcome == Claim::Outcome::tie ? f.better + " and " + f.worse + " cannot be told apart."
                                                               : f.better + " is better than " + f.worse + ".");
  std::string second =
      (c.outcome == Claim::Outcome::tie ? "The loss of the second minus that of the first is " : "It is better by ") + f.amount +
      " bits per byte on the test text (95 % interval " + f.low + " to " + f.high + ", " + f.seeds + " seeds, p = " + f.p +
      " after Holm)" + (c.outcome == Claim::Outcome::tie ? ", which is within the noise." : ".");
  return "<p class=\"claim\"><strong>" + escaped(first) + "</strong> " + escaped(second) + " " + escaped(effort_sentence(page)) +
         "</p>\n";
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
