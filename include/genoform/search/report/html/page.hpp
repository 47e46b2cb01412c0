#pragma once
#include <string>

#include "genoform/report/charts/style.hpp"
#include "genoform/search/report/html/ablation_section.hpp"
#include "genoform/search/report/html/claim_section.hpp"
#include "genoform/search/report/html/finals_section.hpp"
#include "genoform/search/report/html/gene_section.hpp"
#include "genoform/search/report/html/genealogy_section.hpp"
#include "genoform/search/report/html/growth_section.hpp"
#include "genoform/search/report/html/header_section.hpp"
#include "genoform/search/report/html/hurdle_section.hpp"
#include "genoform/search/report/html/page_style.hpp"
#include "genoform/search/report/html/pareto_section.hpp"
#include "genoform/search/report/html/progress_section.hpp"
#include "genoform/search/report/html/repeat_section.hpp"
#include "genoform/search/report/html/selection_section.hpp"
#include "genoform/search/report/html/warnings_section.hpp"
#include "genoform/search/report/html/winner_section.hpp"

namespace genoform::search::html {

/// The sections below the claim, in their order.
inline constexpr Section sections[] = {{"progress", "Best so far", progress_section},
                                       {"finals", "Finals", finals_section},
                                       {"selection", "Effect of selection", selection_section},
                                       {"growth", "Growth", growth_section},
                                       {"ablation", "Ablation", ablation_section},
                                       {"hurdles", "Hurdles", hurdle_section},
                                       {"pareto", "Loss against price", pareto_section},
                                       {"genealogy", "Genealogy", genealogy_section},
                                       {"genes", "Genes over time", gene_section},
                                       {"winner", "Winner", winner_section},
                                       {"repeat", "How to repeat it", repeat_section}};

/// A study as one HTML file: no script, no other file, light and dark.
inline std::string page_of(const StudyPage& study) {
  std::string body, links;
  for (const Section& s : sections) {
    const std::string content = s.content(study);
    if (content.empty()) continue;
    const std::string id = s.id;
    links += "<li><a href=\"#" + id + "\">" + escaped(s.title) + "</a></li>";
    body += "<section id=\"" + id + "\">\n" + element("h2", escaped(s.title)) + "\n" + content + "</section>\n";
  }
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=\"color-scheme\" content=\"light dark\">\n"
         "<link rel=\"icon\" href=\"data:,\">\n<title>" +
         escaped(study.name) + " · genoform</title>\n<style>\n" + std::string(charts::chart_style) + std::string(page_style) +
         "</style>\n</head>\n<body>\n<main>\n" + header_section(study) + claim_section(study) + warnings_section(study) +
         "<nav aria-label=\"Sections\"><ul>" + links + "</ul></nav>\n" + body + "</main>\n</body>\n</html>\n";
}

}  // namespace genoform::search::html
