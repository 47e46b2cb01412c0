#pragma once
#include <string>

#include "genoform/search/report/html/section.hpp"

namespace genoform::search::html {

/// How the same study is made again.
inline std::string repeat_section(const StudyPage& page) {
  if (page.command.empty())
    return paragraph(
        "The study was made by a program of its own, not by genoform search: its file does not say with which options.");
  std::string text =
      "The same options, where " + (page.text.empty() ? std::string("the text") : page.text) + " lies in this folder. ";
  text += page.oracle == "measured" ? "Step times were measured before each trial, so another run has other trials."
          : page.oracle == "table"
              ? "With the table of step times of this study (--table and its file) every trial is the same, to the "
                "bit on the same kind of processor; without it the table is measured anew."
              : "Every trial is the same, to the bit on the same kind of processor.";
  return paragraph(text) + code_block(page.command) + paragraph("Every number of this page, and all trials:") +
         code_block("genoform report " + page.file + " --json") +
         code_block("genoform report " + page.file + " --csv -o trials.csv");
}

}  // namespace genoform::search::html
