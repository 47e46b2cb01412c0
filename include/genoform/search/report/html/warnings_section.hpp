#pragma once
#include <string>
#include <vector>

#include "genoform/search/report/html/section.hpp"

namespace genoform::search::html {

inline std::string listed_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : "; ") + n;
  return text;
}

/// How far a study is that is not finished.
inline std::string progress_sentence(const StudyPage& page) {
  const int open = page.count(State::leased), waiting = page.count(State::queued);
  std::string text = "The study is not finished: " + counted(page.report.genomes(), "genome is trained", "genomes are trained");
  if (page.planned) text += " of " + grouped(*page.planned);
  if (open > 0) text += ", " + std::to_string(open) + " in training";
  if (waiting > 0) text += ", " + std::to_string(waiting) + " waiting";
  if (const int finals = page.report.unfinished_finals(); finals > 0)
    text += ", " + counted(finals, "final run", "final runs") + " to come";
  return text + ". All that follows may change.";
}

/// What a reader must know before the claim is believed; nothing where there is nothing.
inline std::string warnings_section(const StudyPage& page) {
  std::vector<std::string> warnings;
  const Report& report = page.report;
  if (page.is_unfinished()) warnings.push_back(progress_sentence(page));
  if (report.has_ngrams() && report.ngrams_beaten() < 3)
    warnings.push_back(
        "No finalist is better than the n-gram of order 3: in this time models learn to spell, not to read. Give more --budget "
        "before the result is believed.");
  if (!report.reachable_by().empty())
    warnings.push_back("The winner is in the space of " + listed_names(report.reachable_by()) +
                       " too: a known architecture with sizes and options that its own arm did not find.");
  if (!report.bounds().winner.empty())
    warnings.push_back("The winner lies on bounds of the space: " + listed_names(report.bounds().winner) +
                       ". A wider space may hold a better one.");
  if (!report.bounds().best.empty())
    warnings.push_back(
        "A third of the ten best genomes or more lie on bounds of the space: " + listed_names(report.bounds().best) + ".");
  std::vector<std::string> off;
  for (const Standing& s : report.standings())
    if (report.is_oracle_off(s.finalist)) off.push_back(s.finalist.name);
  if (!off.empty())
    warnings.push_back("The step time that the search assumed was more than 5 % off for " + listed_names(off) +
                       ". The finalists were trained by the measured one.");
  for (const Standing& s : report.standings())
    if (!s.failure.empty()) warnings.push_back("The final of " + s.finalist.name + " failed: " + s.failure);
  if (const std::string why = report.obstacles(); !why.empty() && !report.has_genome())
    warnings.push_back("No genome was trained to a result; " + why + ".");
  std::string items;
  for (const std::string& w : warnings) items += element("li", escaped(w)) + "\n";
  return items.empty() ? "" : element("ul", items, "warnings") + "\n";
}

}  // namespace genoform::search::html
