#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

namespace hurdles {

/// Losses at the first hurdle against losses at the end, by arm.
class Plot {
 public:
  explicit Plot(const StudyPage& page) : arms_(page.arms_without_baselines()), passed_(arms_.size()), stopped_(arms_.size()) {
    for (const Trial& t : page.report.trials()) {
      if (t.phase != "search" || t.state != State::done || t.hurdles.empty() || !t.hurdles.front().loss) continue;
      const double there = *t.hurdles.front().loss;
      const std::size_t arm = index_of_arm(arms_, t);
      at_hurdle_.push_back(there);
      if (!t.loss) {
        stopped_[arm].push_back(there);
        continue;
      }
      passed_[arm].push_back({there, *t.loss});
      at_end_.push_back(*t.loss);
    }
  }

  bool is_empty() const { return at_end_.empty(); }
  const std::vector<std::string>& arms() const { return arms_; }
  std::string text(charts::Size size, const std::string& description) const {
    const auto [first, last] = std::minmax_element(at_hurdle_.begin(), at_hurdle_.end());
    const auto [low, high] = std::minmax_element(at_end_.begin(), at_end_.end());
    charts::Chart chart(size, "Losses at the first hurdle and at the end", description,
                        {"at the first hurdle, bits per byte", charts::ticks_over(*first, *last, size.width > 500 ? 8 : 4)},
                        {"at the end, bits per byte", charts::ticks_over(*low, *high, 6)});
    for (std::size_t i = 0; i < arms_.size(); ++i) chart.cloud(i, passed_[i]), chart.rug(i, stopped_[i]);
    return chart.text();
  }

 private:
  std::vector<std::string> arms_;
  std::vector<std::vector<charts::Point>> passed_;
  std::vector<std::vector<double>> stopped_;
  std::vector<double> at_hurdle_, at_end_;
};

inline std::string table(const HurdleFigures& figures) {
  Table table("Hurdles", {{"hurdle"},
                          {"at % of the steps", true},
                          {"arrived", true},
                          {"passed", true},
                          {"passed %", true},
                          {"rank correlation with the end", true}});
  for (std::size_t i = 0; i < figures.hurdles.size(); ++i) {
    const HurdleFigures::At& at = figures.hurdles[i];
    const double correlation = at.correlation();
    table.add({std::to_string(i + 1), fixed_text(100 * at.fraction, 1), std::to_string(at.arrived), std::to_string(at.passed),
               at.arrived > 0 ? fixed_text(100.0 * at.passed / at.arrived, 0) : "-",
               std::isnan(correlation) ? "-" : fixed_text(correlation, 2)});
  }
  return table.html();
}

}  // namespace hurdles

/// What hurdles stopped, what that saved, and whether early losses foretold those at the end.
inline std::string hurdle_section(const StudyPage& page) {
  const HurdleFigures& figures = page.report.hurdles();
  if (figures.hurdles.empty()) return paragraph("No genome has met a hurdle: all were trained to the end.");
  const std::string saved = "Hurdles stopped " + counted(figures.stopped, "genome", "genomes") + ": " +
                            fixed_text(figures.seconds, 1) + " s of training by the oracle instead of " +
                            fixed_text(figures.seconds_without, 1) + " s, a saving of " + fixed_text(figures.saving(), 2) + ".";
  std::string html = paragraph(saved);
  if (const hurdles::Plot plot(page); !plot.is_empty()) {
    const std::string caption =
        "Strokes on the axis are genomes that were stopped, at this hurdle or a later one. Rank correlations count the " +
        counted(figures.let_through, "genome that was", "genomes that were") + " let through all hurdles, drawn at random.";
    html += figure(escaped(caption), plot.arms(), [&](charts::Size size) { return plot.text(size, caption); });
  }
  return html + hurdles::table(figures);
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
