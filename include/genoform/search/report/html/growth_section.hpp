#pragma once
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

namespace growth {

/// Means over the seeds; all seeds of a row have the same steps.
inline std::vector<charts::Point> mean_curve(const ConfirmRow& row) {
  std::vector<charts::Point> points;
  for (std::size_t i = 0; i < row.curves.front().size(); ++i) {
    std::vector<double> losses;
    for (const std::vector<TimedLoss>& curve : row.curves) losses.push_back(curve[i].loss);
    points.push_back({row.curves.front()[i].seconds, statistics::mean(losses)});
  }
  return points;
}

/// The longest trainings of the smallest size: curves of the winner and of the controls.
class Plot {
 public:
  explicit Plot(const ConfirmResult& result) {
    const auto has_curve = [](const ConfirmRow& r) { return !r.curves.empty() && !r.curves.front().empty(); };
    const ConfirmRow* longest = nullptr;
    for (const ConfirmRow& r : result.rows)
      if (has_curve(r) && (longest == nullptr || (r.size == longest->size && r.budget > longest->budget))) longest = &r;
    if (longest == nullptr) return;
    title = "Training curves of " + confirm::times_text(longest->budget) + " the budget, " + confirm::size_text(longest->size);
    for (const ConfirmRow& r : result.rows) {
      if (!has_curve(r) || r.size != longest->size || r.budget != longest->budget) continue;
      names.push_back(r.name);
      curves_.push_back(mean_curve(r));
    }
  }

  std::string title;
  std::vector<std::string> names;

  std::string text(charts::Size size, const std::string& description) const {
    double end = 0, low = curves_.front().front().y, high = low;
    for (const std::vector<charts::Point>& curve : curves_)
      for (const charts::Point& p : curve) {
        end = std::max(end, p.x);
        low = std::min(low, p.y);
        high = std::max(high, p.y);
      }
    charts::Chart chart(size, title, description,
                        {"seconds of training, by the measured step time", charts::ticks_over(0, end, size.width > 500 ? 8 : 4)},
                        {"bits per byte on windows of the validation text", charts::ticks_over(low, high, 6)});
    for (std::size_t i = 0; i < curves_.size(); ++i) {
      chart.line(i, curves_[i]);
      chart.marker(i, curves_[i].back(), names[i] + ": " + bits(curves_[i].back().y));
    }
    return chart.text();
  }

 private:
  std::vector<std::vector<charts::Point>> curves_;
};

}  // namespace growth

/// The winner and the controls at larger budgets and sizes.
inline std::string growth_section(const StudyPage& page) {
  if (!page.confirmation)
    return paragraph("The winner was not trained longer or larger; genoform confirm does it, beside the controls.");
  const ConfirmResult& result = *page.confirmation;
  const auto columns_of = [](const auto& row) { return confirm::columns_of(row); };
  std::string html = paragraph(counted(result.seeds, "seed", "seeds") + "; budgets are times of " + general_text(result.budget) +
                               " s of measured time." + so_far(result.finished, result.runs));
  if (const growth::Plot plot(result); !plot.names.empty()) {
    const std::string caption = plot.title + ", means over the seeds.";
    html += figure(escaped(caption), plot.names, [&](charts::Size size) { return plot.text(size, caption); });
  }
  html += table_of("Losses, bits per byte", confirm::row_titles, 3, result.rows, columns_of) +
          paragraph("Each model at the best learning rate of a short sweep; ! at an end of the sweep: one beyond may be better.");
  if (!result.comparisons.empty())
    html += table_of("The winner against each control", confirm::comparison_titles, 3, result.comparisons, columns_of) +
            paragraph("Above 0 and above 1 where the winner is better; * beyond the noise after Holm.");
  for (const ConfirmLaw& law : result.laws) html += paragraph(confirm::text_of(law) + ".");
  for (const ConfirmCorrelation& c : result.correlations) html += paragraph(confirm::text_of(c) + ".");
  return html;
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
