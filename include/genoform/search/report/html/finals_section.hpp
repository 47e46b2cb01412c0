#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "genoform/search/report/html/section.hpp"
#include "genoform/search/report/statistics_text.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

namespace finals {

/// The look of a row of the plot: 0 found by the search, 1 control, 2 baseline.
inline std::size_t series_of(const Finalist& f) { return f.is_baseline ? 2 : f.is_control ? 1 : 0; }
inline const std::vector<std::string>& series_names() {
  static const std::vector<std::string> names{"found by the search", "control arm", "baseline"};
  return names;
}
inline std::string interval_of(const Standing& s) {
  const statistics::Difference d = statistics::of_mean(s.test);
  return s.test.size() < 2 ? "-" : interval_text(d.low, d.high);
}

struct Range {
  double low = 0, high = 0;
  bool is_empty = true;

  void add(double v) {
    low = is_empty ? v : std::min(low, v);
    high = is_empty ? v : std::max(high, v);
    is_empty = false;
  }
};
inline Range range_of(const std::vector<Standing>& standings) {
  Range range;
  for (const Standing& s : standings) {
    if (!s.is_ranked()) continue;
    for (const double v : s.test) range.add(v);
    if (s.test.size() < 2) continue;
    const statistics::Difference d = statistics::of_mean(s.test);
    range.add(d.low), range.add(d.high);
  }
  return range;
}

/// The n-grams whose lines lie near the finalists; the others would squeeze them together.
inline std::vector<std::size_t> near_ngrams(const std::vector<double>& ngrams, Range& range) {
  std::vector<std::size_t> orders;
  const double room = 0.4 * (range.high - range.low), low = range.low - room, high = range.high + room;
  for (std::size_t i = 0; i < ngrams.size(); ++i)
    if (ngrams[i] >= low && ngrams[i] <= high) orders.push_back(i), range.add(ngrams[i]);
  return orders;
}

/// One row a finalist, best at the top: a dot a seed, the mean with its interval.
class Plot {
 public:
  Plot(const StudyPage& page, charts::Size size) : page_(page), size_(size), is_wide_(size.width > 500) {
    for (const Standing& s : page.report.standings())
      if (s.is_ranked()) rows_.push_back(&s);
  }

  std::string text() {
    Range range = range_of(page_.report.standings());
    const std::vector<double>& ngrams = page_.report.ngrams().bits_per_byte;
    const std::vector<std::size_t> orders = near_ngrams(ngrams, range);
    const charts::Ticks ticks = charts::ticks_over(range.low, range.high, is_wide_ ? 7 : 4);
    double names = 0;
    for (const Standing* s : rows_) names = std::max(names, charts::width_of_text(visible(s->finalist.name)));
    const double left = is_wide_ ? std::min(names + 14, 260.0) : 12;
    x_ = {ticks.low(), ticks.high(), left, size_.width - 22};
    draw_ngrams(ngrams, orders);
    for (std::size_t i = 0; i < rows_.size(); ++i) draw_row(*rows_[i], i);
    draw_axis(ticks);
    return svg::image("chart", size_.width, bottom() + 40, "Finals",
                      "Test losses of the finalists, one row each: seeds, means and 95 % intervals", canvas_.body());
  }

 private:
  double row_height() const { return is_wide_ ? 28 : 42; }
  double bottom() const { return head_ + row_height() * static_cast<double>(rows_.size()) + 6; }

  void draw_ngrams(const std::vector<double>& ngrams, const std::vector<std::size_t>& orders) {
    std::vector<charts::Extent> extents;
    std::vector<std::string> texts;
    for (const std::size_t i : orders) {
      texts.push_back("order " + std::to_string(i + 1));
      const double half = charts::width_of_text(texts.back()) / 2;
      const double middle = std::clamp(x_(ngrams[i]), half + 1, size_.width - half - 1);
      extents.push_back({middle - half, middle + half});
    }
    const std::vector<std::size_t> rows = charts::rows_of_labels(extents);
    std::size_t count = 0;
    for (const std::size_t row : rows) count = std::max(count, row + 1);
    head_ = 14 * static_cast<double>(count) + 8;
    for (std::size_t k = 0; k < orders.size(); ++k) {
      const double top = 12 + 14 * static_cast<double>(rows[k]);
      canvas_.text("note middle", (extents[k].from + extents[k].to) / 2, top, texts[k]);
      canvas_.line("reference", "M" + svg::number_text(x_(ngrams[orders[k]])) + " " + svg::number_text(top + 4) + "V" +
                                    svg::number_text(bottom()));
    }
  }

  void draw_row(const Standing& s, std::size_t i) {
    const double top = head_ + row_height() * static_cast<double>(i), y = top + (is_wide_ ? 11 : 25);
    const std::size_t series = series_of(s.finalist);
    const std::string look = charts::look_of_series(series), name = visible(s.finalist.name);
    canvas_.text(is_wide_ ? "end" : "", is_wide_ ? x_.first - 10 : 0, is_wide_ ? y + 4 : top + 12, name);
    const auto stroke = [&](const std::string& kind, double from, double to) {
      canvas_.line(kind.c_str(), "M" + svg::number_text(from) + " " + svg::number_text(y) + "H" + svg::number_text(to));
    };
    stroke("grid", x_.first, x_.last);
    for (const double v : s.test) canvas_.circle(("seed " + look).c_str(), x_(v), y + 8, 2);
    canvas_.group(name + ": " + bits(s.mean_test()) + " (" + interval_of(s) + ")");
    if (s.test.size() > 1) {
      const statistics::Difference d = statistics::of_mean(s.test);
      stroke("interval " + look, x_(d.low), x_(d.high));
    }
    canvas_.line(("marker " + look).c_str(), charts::marker_path(series, x_(s.mean_test()), y, 5.5));
    canvas_.end_group();
  }

  void draw_axis(const charts::Ticks& ticks) {
    const std::string y = svg::number_text(bottom());
    canvas_.line("axis", "M" + svg::number_text(x_.first) + " " + y + "H" + svg::number_text(x_.last));
    for (const double v : ticks.at) {
      canvas_.line("axis", "M" + svg::number_text(x_(v)) + " " + y + "v5");
      canvas_.text("tick middle", x_(v), bottom() + 18, charts::text_of_tick(ticks, v, charts::NumberStyle::plain));
    }
    canvas_.text("axis-title end", size_.width - 2, bottom() + 36, "bits per byte on the test text");
  }

  const StudyPage& page_;
  charts::Size size_;
  bool is_wide_;
  std::vector<const Standing*> rows_;
  charts::Scale x_;
  double head_ = 8;
  svg::Canvas canvas_;
};

inline std::string table(const StudyPage& page) {
  std::vector<Table::Column> columns{{"finalist"},         {"test", true},          {"95 % interval", true},
                                     {"validation", true}, {"in the search", true}, {"learning rate", true},
                                     {"batch", true},      {"steps", true},         {"ms/step", true}};
  if (page.report.data_seen())
    for (const char* name : {"MB of text", "passes", "bytes a parameter"}) columns.push_back({name, true});
  Table table("Finalists, bits per byte", columns);
  for (const Standing& s : page.report.standings()) {
    const Trial* t = page.trial(s.finalist.trial);
    std::vector<std::string> row{s.finalist.name,
                                 s.is_ranked() ? bits(s.mean_test()) : "failed",
                                 s.is_ranked() ? interval_of(s) : "-",
                                 s.is_ranked() ? bits(s.mean_validation()) : "-",
                                 t != nullptr && t->loss ? bits(*t->loss) : "-",
                                 general_text(s.finalist.learning_rate),
                                 report::batch_text(s.finalist.batch),
                                 grouped(s.finalist.steps),
                                 fixed_text(1e3 * s.finalist.step_seconds, 2)};
    for (const std::string& figure : page.report.data_figures(s.finalist)) row.push_back(figure);
    table.add(row);
  }
  return table.html();
}

}  // namespace finals

/// The finalists with seeds, intervals and the n-grams.
inline std::string finals_section(const StudyPage& page) {
  const Report& report = page.report;
  if (report.standings().empty())
    return paragraph("The final has not been run: no finalist was trained with fresh seeds, and nothing has seen the test text.");
  std::string html;
  if (report.has_final_result()) {
    std::string caption =
        "Small dots are seeds, large ones their means with the 95 % interval of Student's distribution; lower is better. "
        "Intervals "
        "of two rows may overlap where their difference is still clear, because seeds are paired: the claim uses the "
        "differences.";
    const NgramFigures& ngrams = report.ngrams();
    if (!ngrams.bits_per_byte.empty()) {
      caption += " n-grams that counted the " + grouped(ngrams.bytes) + " bytes that " + ngrams.name + " was trained on:";
      for (std::size_t i = 0; i < ngrams.bits_per_byte.size(); ++i)
        caption += std::string(i == 0 ? "" : ",") + " order " + std::to_string(i + 1) + " " + bits(ngrams.bits_per_byte[i]);
      caption += "; lines far from the finalists are not drawn.";
    }
    html += figure(escaped(caption), finals::series_names(), [&](charts::Size size) { return finals::Plot(page, size).text(); });
  }
  return html + finals::table(page);
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
