#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "genoform/report/charts/labels.hpp"
#include "genoform/report/charts/marker.hpp"
#include "genoform/report/charts/ticks.hpp"
#include "genoform/report/svg.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::inner::report::charts {

/// Of a chart in pixels. A page shows `wide` or `narrow` by its own width, so that letters keep their size on a phone.
struct Size {
  double width = 0, height = 0;
};
inline constexpr Size wide{780, 370}, narrow{340, 300}, panel{228, 128};

struct Axis {
  std::string title;
  Ticks ticks;
  NumberStyle style = NumberStyle::plain;

  std::string text(double value) const { return text_of_tick(ticks, value, style); }
};

/// Values to pixels.
struct Scale {
  double low = 0, high = 1, first = 0, last = 1;
  double operator()(double value) const { return first + (value - low) / (high - low) * (last - first); }
};

struct Point {
  double x = 0, y = 0;
};

/// An axis of values from below to above with grid lines, and what is drawn in it. Colours come from the classes of
/// charts/style.hpp. What lies outside of the axes is the caller's to leave out.
class Chart {
 public:
  /// `title` and `description`: for readers who do not see it.
  Chart(Size size, std::string title, std::string description, Axis below, Axis left)
      : size_(size),
        title_(std::move(title)),
        description_(std::move(description)),
        x_axis_(std::move(below)),
        y_axis_(std::move(left)) {
    double labels = 0;
    for (const double at : y_axis_.ticks.at) labels = std::max(labels, width_of_text(y_axis_.text(at)));
    const double right = 8 + width_of_text(x_axis_.text(x_axis_.ticks.high())) / 2;
    x = {x_axis_.ticks.low(), x_axis_.ticks.high(), labels + 8, size.width - right};
    y = {y_axis_.ticks.low(), y_axis_.ticks.high(), size.height - (x_axis_.title.empty() ? 22 : 42),
         y_axis_.title.empty() ? 8.0 : 26.0};
    draw_axes();
  }

  Scale x, y;

  /// A line that keeps the height of each point up to the next, and of the last up to `end`.
  void steps(std::size_t series, const std::vector<Point>& points, double end) {
    if (points.empty()) return;
    std::string path;
    for (const Point& p : points)
      path += path.empty() ? "M" + at(p.x, p.y) : "H" + svg::number_text(x(p.x)) + "V" + svg::number_text(y(p.y));
    body_.line(("line " + look_of_series(series)).c_str(), path + "H" + svg::number_text(x(end)));
  }
  void line(std::size_t series, const std::vector<Point>& points) {
    std::string path;
    for (const Point& p : points) path += (path.empty() ? "M" : "L") + at(p.x, p.y);
    if (!path.empty()) body_.line(("line " + look_of_series(series)).c_str(), path);
  }
  /// The surface between a line and the lowest value of the axis.
  void area(std::size_t series, const std::vector<Point>& points) {
    if (points.empty()) return;
    std::string path = "M" + at(points.front().x, y.low);
    for (const Point& p : points) path += "L" + at(p.x, p.y);
    body_.line(("area " + look_of_series(series)).c_str(), path + "L" + at(points.back().x, y.low) + "Z");
  }
  /// Many small dots as one element.
  void cloud(std::size_t series, const std::vector<Point>& points) {
    std::string path;
    for (const Point& p : points) path += "M" + at(p.x, p.y) + "h0";
    if (!path.empty()) body_.line(("cloud " + look_of_series(series)).c_str(), path);
  }
  /// A marker that shows `tip` under the pointer.
  void marker(std::size_t series, Point p, std::string_view tip, double radius = 4.5) {
    body_.group(tip);
    body_.line(("marker " + look_of_series(series)).c_str(), marker_path(series, x(p.x), y(p.y), radius));
    body_.end_group();
  }
  /// Short strokes on the axis below, for values without a height.
  void rug(std::size_t series, const std::vector<double>& values) {
    std::string path;
    for (const double v : values) path += "M" + at(v, y.low) + "v-9";
    if (!path.empty()) body_.line(("rug " + look_of_series(series)).c_str(), path);
  }
  /// A dashed line across, with a text at its right end.
  void level(double value, std::string_view text) {
    body_.line("reference", "M" + at(x.low, value) + "H" + svg::number_text(x.last));
    body_.text("note end", x.last - 2, y(value) - 5, text);
  }
  /// The line of equal x and y.
  void diagonal() {
    const double from = std::max(x.low, y.low), to = std::min(x.high, y.high);
    if (from < to) body_.line("reference", "M" + at(from, from) + "L" + at(to, to));
  }

  svg::Canvas& canvas() { return body_; }
  std::string text() const { return svg::image("chart", size_.width, size_.height, title_, description_, body_.body()); }

 private:
  std::string at(double px, double py) const { return svg::number_text(x(px)) + " " + svg::number_text(y(py)); }

  void draw_axes() {
    std::string grid;
    for (const double v : y_axis_.ticks.at) {
      grid += "M" + at(x.low, v) + "H" + svg::number_text(x.last);
      body_.text("tick end", x.first - 6, y(v) + 4, y_axis_.text(v));
    }
    body_.line("grid", grid);
    body_.line("axis", "M" + at(x.low, y.low) + "H" + svg::number_text(x.last));
    draw_labels_below();
    if (!y_axis_.title.empty()) body_.text("axis-title", 0, 13, y_axis_.title);
    if (!x_axis_.title.empty()) body_.text("axis-title end", size_.width - 2, size_.height - 6, x_axis_.title);
  }
  /// As many labels as fit, the same distance apart.
  void draw_labels_below() {
    const std::vector<double>& values = x_axis_.ticks.at;
    double widest = 0;
    for (const double v : values) widest = std::max(widest, width_of_text(x_axis_.text(v)));
    const double apart = x(values[1]) - x(values[0]);
    const auto every = static_cast<std::size_t>(std::max(1.0, std::ceil((widest + 8) / apart)));
    for (std::size_t i = 0; i < values.size(); i += every) {
      body_.line("axis", "M" + at(values[i], y.low) + "v5");
      body_.text("tick middle", x(values[i]), y.first + 18, x_axis_.text(values[i]));
    }
  }

  Size size_;
  std::string title_, description_;
  Axis x_axis_, y_axis_;
  svg::Canvas body_;
};

/// A line of names with their markers, as HTML.
inline std::string legend(const std::vector<std::string>& names) {
  std::string list = "<ul class=\"legend\">";
  for (std::size_t i = 0; i < names.size(); ++i)
    list +=
        "<li><svg class=\"chart key\" width=\"16\" height=\"12\" viewBox=\"0 0 16 12\" aria-hidden=\"true\"><path "
        "class=\"marker " +
        look_of_series(i) + "\" d=\"" + marker_path(i, 8, 6, 4.5) + "\"/></svg>" + svg::escaped(names[i]) + "</li>";
  return list + "</ul>\n";
}

}  // namespace genoform::inner::report::charts

#include "genoform/core/restore_macros.hpp"
