#pragma once
#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/report/genes_of_text.hpp"
#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

namespace genes {

/// How the share of the genomes that have a gene changed.
struct Course {
  std::string gene;
  std::vector<double> shares;  ///< of the last `window` genomes, from the first whole window on

  double change() const { return shares.back() - shares.front(); }
};

/// The genes that changed most, in falling order of the change's size.
inline std::vector<Course> courses_of(const std::vector<std::set<std::string>>& genomes, std::size_t window, std::size_t count) {
  std::set<std::string> names;
  for (const auto& genes : genomes) names.insert(genes.begin(), genes.end());
  std::vector<Course> courses;
  for (const std::string& name : names) {
    Course course{name, {}};
    int inside = 0;
    for (std::size_t i = 0; i < genomes.size(); ++i) {
      inside += genomes[i].contains(name) ? 1 : 0;
      if (i >= window) inside -= genomes[i - window].contains(name) ? 1 : 0;
      if (i + 1 >= window) course.shares.push_back(static_cast<double>(inside) / static_cast<double>(window));
    }
    if (course.change() != 0) courses.push_back(std::move(course));
  }
  std::stable_sort(courses.begin(), courses.end(),
                   [](const Course& a, const Course& b) { return std::abs(a.change()) > std::abs(b.change()); });
  courses.resize(std::min(courses.size(), count));
  return courses;
}

inline std::string percent(double share) { return fixed_text(100 * share, 0) + " %"; }

inline std::string panel(const Course& course, std::size_t window) {
  const std::string change = percent(course.shares.front()) + " → " + percent(course.shares.back());
  charts::Chart chart(
      charts::panel, course.gene, course.gene + ": share of the genomes, " + change,
      {"", charts::ticks_over(static_cast<double>(window), static_cast<double>(window + course.shares.size() - 1), 3)},
      {"", charts::ticks_over(0, 1, 2), charts::NumberStyle::percent});
  std::vector<charts::Point> points;
  for (std::size_t i = 0; i < course.shares.size(); ++i) points.push_back({static_cast<double>(window + i), course.shares[i]});
  const std::size_t series = course.change() > 0 ? 2 : 1;
  chart.area(series, points);
  chart.line(series, points);
  return "<div class=\"panel\"><div class=\"panel-title\" title=\"" + escaped(course.gene) + "\">" + escaped(course.gene) +
         "<span>" + escaped(change) + "</span></div>" + chart.text() + "</div>\n";
}

}  // namespace genes

/// Which genes spread in the search and which died out.
inline std::string gene_section(const StudyPage& page) {
  constexpr std::size_t panels = 12, min_window = 10;
  std::vector<std::set<std::string>> genomes;
  for (const Trial& t : page.report.trials())
    if (t.phase == "search" && t.name.empty() && t.finished()) genomes.push_back(genes_of_text(t.text));
  const std::size_t window = std::max(min_window, genomes.size() / 5);
  if (genomes.size() < 2 * window)
    return paragraph("The search has trained " + counted(static_cast<std::int64_t>(genomes.size()), "genome", "genomes") +
                     "; the course of its genes is shown from " + std::to_string(2 * window) + " on.");
  const std::vector<genes::Course> courses = genes::courses_of(genomes, window, panels);
  if (courses.empty()) return paragraph("No gene has become more or less frequent.");
  std::string html =
      paragraph("Share of the last " + std::to_string(window) +
                " genomes of the search that have a kind or an option, over the number of genomes; those that changed "
                "most. Options at their defaults stand in no text and so in no panel.");
  html += "<div class=\"panels\">";
  for (const genes::Course& course : courses) html += genes::panel(course, window);
  return html + "</div>\n";
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
