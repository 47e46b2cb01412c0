#pragma once
#include <string>
#include <utility>

#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// What each part of the winner brings to it, and to the control.
inline std::string ablation_section(const StudyPage& page) {
  if (!page.ablation) return paragraph("The parts of the winner were not taken out one by one; genoform ablate does it.");
  const AblationResult& result = *page.ablation;
  std::string text = result.winner + " against " + result.control + ", " + counted(result.seeds, "seed", "seeds") + ", " +
                     general_text(result.budget) + " s of measured time each." + so_far(result.finished, result.runs);
  if (result.all.mean)
    text += " All parts together bring " + ablation::signed_text(*result.all.mean) +
            " bits per byte on the test text (95 % interval " + interval_text(*result.all.low, *result.all.high) + ").";
  std::string problems_html;
  for (const PartResult& part : result.parts)
    for (const auto& [effect, where] :
         {std::pair(&part.in_winner, "taken out of the winner"), std::pair(&part.in_control, "put into the control")})
      if (!effect->problem.empty()) problems_html += element("li", escaped(part.name + ", " + where + ": " + effect->problem));
  std::string html =
      paragraph(text) +
      table_of("Parts of the winner, bits per byte", ablation::part_titles, 1, result.parts, ablation::columns_of) +
      paragraph("Above 0 where a part helps; * beyond the noise after Holm.");
  if (!problems_html.empty()) html += paragraph("Not possible, or without a result:") + element("ul", problems_html) + "\n";
  return html;
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
