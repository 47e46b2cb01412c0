#pragma once
#include <string>

#include "genoform/search/report/html/markup.hpp"
#include "genoform/search/report/html/study_page.hpp"

namespace genoform::search::html {

/// A part of the page. `content` returns markup; nothing leaves the section out.
struct Section {
  const char* id;
  const char* title;
  std::string (*content)(const StudyPage&);
};

inline std::string bits(double value) { return fixed_text(value, 3); }
inline std::string counted(std::int64_t n, const char* one, const char* many) { return grouped(n) + " " + (n == 1 ? one : many); }
/// Said of what is not finished, after another sentence.
inline std::string so_far(int finished, int runs) {
  return finished < runs ? " So far " + grouped(finished) + " of " + grouped(runs) + " runs are finished." : "";
}

}  // namespace genoform::search::html
