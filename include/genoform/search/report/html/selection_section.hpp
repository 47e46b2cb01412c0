#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "genoform/search/report/html/section.hpp"
#include "genoform/search/report/statistics_text.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// How much the loss that chose a genome flatters it: fresh seeds against the search, on the validation text.
inline std::string selection_section(const StudyPage& page) {
  std::vector<double> fresh, searched, budgets;
  for (const Standing& s : page.report.standings()) {
    const Trial* t = page.trial(s.finalist.trial);
    if (!s.is_ranked() || s.finalist.is_baseline || t == nullptr || !t->loss) continue;
    fresh.push_back(s.mean_validation());
    searched.push_back(*t->loss);
    budgets.push_back(static_cast<double>(s.finalist.steps) * s.finalist.step_seconds);
  }
  if (fresh.empty())
    return paragraph("The finals will show how much the losses of the search flatter the genomes that they chose.");
  const statistics::Difference d = statistics::difference(fresh, searched);
  std::string text = "Fresh seeds against the loss that chose the genome: " + std::string(d.mean >= 0 ? "+" : "-") +
                     bits(std::abs(d.mean)) + " bits per byte on the validation text, mean over " +
                     counted(static_cast<std::int64_t>(fresh.size()), "genome of the final", "genomes of the final");
  if (fresh.size() > 1) text += " (95 % interval " + interval_text(d.low, d.high) + ")";
  text += ".";
  if (page.options && *std::max_element(budgets.begin(), budgets.end()) > 1.2 * page.options->budget)
    text += " The final trained longer than the search, which lowers its losses too.";
  else
    text +=
        " Above 0 it is the effect of selection, the best of many being lucky too; a step time that the oracle had wrong shifts "
        "it "
        "as well.";
  return paragraph(text);
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
