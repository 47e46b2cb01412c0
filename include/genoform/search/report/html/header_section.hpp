#pragma once
#include <cstddef>
#include <string>

#include "genoform/search/report/html/section.hpp"
#include "genoform/version.hpp"

namespace genoform::search::html {

/// To the minute, with the day of the end where it is another one.
inline std::string period_of(const Store::Times& times) {
  constexpr std::size_t day = 10, minute = 16;  // characters of "2026-01-31 12:00:00"
  std::string text = times.first.substr(0, minute);
  if (times.last.size() > minute) {
    const bool is_same_day = times.last.substr(0, day) == times.first.substr(0, day);
    text += " to " + (is_same_day ? times.last.substr(day + 1, minute - day - 1) : times.last.substr(0, minute));
  }
  return text + " UTC";
}

/// What was searched, on what, when and how much of it.
inline std::string header_section(const StudyPage& page) {
  std::string facts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts += "<div>" + element("dt", escaped(name)) + element("dd", escaped(value)) + "</div>\n";
  };
  add("Text", page.text);
  add("Search", page.strategy.empty() ? "" : page.strategy + (page.space.empty() ? "" : ", space " + page.space));
  if (page.options)
    add("Budget of a trial", general_text(page.options->budget) + " s" + (page.oracle.empty() ? "" : ", clock: " + page.oracle));
  add("Genomes",
      grouped(page.report.genomes()) +
          (page.report.trials_per_hour() > 0 ? ", " + fixed_text(page.report.trials_per_hour(), 0) + " trials an hour" : ""));
  if (page.times) add("When", period_of(*page.times));
  add("Machine", page.processor);
  add("Written by", std::string("genoform ") + library_version);
  return element("h1", escaped(page.name)) + "\n<dl class=\"facts\">" + facts + "</dl>\n";
}

}  // namespace genoform::search::html
