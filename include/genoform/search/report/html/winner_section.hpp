#pragma once
#include <optional>
#include <string>

#include "genoform/report/svg_diagram.hpp"
#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// The winner: what it is, how it looks, its line of C++, how to take it out.
inline std::string winner_section(const StudyPage& page) {
  const std::optional<Standing> winner = page.report.winner();
  if (!winner) return paragraph("There is no winner yet.");
  const Finalist& f = winner->finalist;
  std::string text = f.is_baseline  ? "The winner is a baseline, " + f.name + ": no genome of this search was better."
                     : f.is_control ? "The winner is of a control arm, " + f.name + ": no genome of the search was better."
                                    : "The winner is " + f.name + " of the search.";
  if (page.report.standings().empty()) text += " No final has confirmed it yet.";
  const int batch = f.batch > 0 ? f.batch : page.batch;
  text += " It trains at learning rate " + general_text(f.learning_rate) + " in batches of " + std::to_string(batch);
  if (f.step_seconds > 0) text += " and takes " + fixed_text(1e3 * f.step_seconds, 2) + " ms a step";
  if (const auto sizes = page.sizes.find(f.trial); sizes != page.sizes.end()) {
    text += ". It has " + grouped(sizes->second.parameters) + " parameters";
    if (sizes->second.activated_parameters != sizes->second.parameters)
      text += ", of which a token uses " + grouped(sizes->second.activated_parameters);
  }
  std::string html = paragraph(text + ".") + code_block(winner->line());
  const Result<Genome> genome = Genome::parse(f.text);
  if (genome && genome->is_model() && genome->has_sizes()) {
    const Shape shape{std::max(batch, 1), std::max(page.context, 1)};
    html += "<div class=\"scroll drawing\" tabindex=\"0\" role=\"region\" aria-label=\"Drawing of the winner\">" +
            svg_diagram_of(*genome, shape) + "</div>\n";
  }
  if (page.report.standings().empty()) return html;
  return html + paragraph("The type, the trained weights and a CMake project that loads them:") +
         code_block("genoform best " + page.file + " --export winner");
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
