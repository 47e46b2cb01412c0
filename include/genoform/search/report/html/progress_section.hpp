#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

/// The best loss so far of each arm against what it spent.
inline std::string progress_section(const StudyPage& page) {
  std::vector<ArmCurve> curves = curves_of(page.report.trials());
  std::optional<double> baseline;
  if (!curves.empty() && curves.back().arm == "baselines") {
    if (!curves.back().steps.empty()) baseline = curves.back().steps.back().loss;
    curves.pop_back();
  }
  double end = 0, low = 0, high = 0;
  bool has_steps = false;
  for (const ArmCurve& curve : curves)
    for (const ArmCurve::Step& s : curve.steps) {
      low = has_steps ? std::min(low, s.loss) : s.loss;
      high = has_steps ? std::max(high, s.loss) : s.loss;
      has_steps = true;
      end = std::max(end, curve.seconds);
    }
  if (!has_steps) return paragraph("No genome has been trained to the end yet.");
  if (baseline) low = std::min(low, *baseline), high = std::max(high, *baseline);
  std::vector<std::string> names;
  std::string caption;
  for (const ArmCurve& curve : curves) {
    names.push_back(curve.arm);
    if (curve.steps.empty()) continue;
    caption += (caption.empty() ? "At the end: " : ", ") + curve.arm + " " + bits(curve.steps.back().loss);
  }
  caption += ". Validation losses that chose the genomes are flattering; the finals below are not.";
  return figure(escaped(caption), names, [&](charts::Size size) {
    charts::Chart chart(
        size, "Best loss so far of each arm", caption,
        {"seconds of training, summed over the trials of the arm", charts::ticks_over(0, end, size.width > 500 ? 8 : 4)},
        {"best validation loss so far, bits per byte", charts::ticks_over(low, high, 6)});
    if (baseline) chart.level(*baseline, "best baseline " + bits(*baseline));
    for (std::size_t i = 0; i < curves.size(); ++i) {
      std::vector<charts::Point> points;
      for (const ArmCurve::Step& s : curves[i].steps) points.push_back({s.seconds, s.loss});
      chart.steps(i, points, curves[i].seconds);
      for (const ArmCurve::Step& s : curves[i].steps)
        chart.marker(i, {s.seconds, s.loss}, curves[i].arm + ", trial " + std::to_string(s.trial) + ": " + bits(s.loss), 3.5);
    }
    return chart.text();
  });
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
