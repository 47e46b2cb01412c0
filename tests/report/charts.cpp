#include "genoform/report/charts/chart.hpp"

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace genoform::inner;

namespace {

std::vector<std::string> labels_of(const charts::Ticks& ticks, charts::NumberStyle style = charts::NumberStyle::plain) {
  std::vector<std::string> labels;
  for (const double v : ticks.at) labels.push_back(charts::text_of_tick(ticks, v, style));
  return labels;
}

std::size_t count_of(const std::string& text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE("ticks are round, enclose the values and are few, whatever the range") {
  const double huge = std::numeric_limits<double>::max(), tiny = std::numeric_limits<double>::denorm_min();
  const std::vector<std::pair<double, double>> ranges{{0, 1},
                                                      {3.6, 5.9},
                                                      {2.7, 2.7},
                                                      {0, 0},
                                                      {-3, -1},
                                                      {-0.001, 0.004},
                                                      {1e-9, 3e-9},
                                                      {1e9, 1e9 + 1},
                                                      {1e9, 1e9},
                                                      {-huge, huge},
                                                      {0, tiny},
                                                      {tiny, 1e-300},
                                                      {5, 2},
                                                      {0.0003, 720},
                                                      {-1e-12, -1e-12},
                                                      {99.99, 100.01},
                                                      {1.1e6, 9.87e6},
                                                      {huge, huge},
                                                      {0.1, 0.30000000000000004}};
  for (const auto& [low, high] : ranges) {
    CAPTURE(low, high);
    const charts::Ticks ticks = charts::ticks_over(low, high, 5);
    REQUIRE(ticks.at.size() >= 2);
    CHECK(ticks.at.size() <= 8);
    const double step = ticks.at[1] - ticks.at[0], bounded_low = std::max(std::min(low, high), -1e300);
    CHECK(step > 0);
    CHECK(ticks.low() <= bounded_low + 1e-6 * step);
    CHECK(ticks.high() >= std::min(std::max(low, high), 1e300) - 1e-6 * step);
    for (const double v : ticks.at) CHECK(std::isfinite(v));
    const std::vector<std::string> labels = labels_of(ticks);
    CHECK(std::set<std::string>(labels.begin(), labels.end()).size() == labels.size());
    for (const std::string& label : labels) CHECK(label.size() <= 13);
  }
  CHECK(labels_of(charts::ticks_over(3.6, 5.9, 5)) == std::vector<std::string>{"3.5", "4.0", "4.5", "5.0", "5.5", "6.0"});
  CHECK(labels_of(charts::ticks_over(-3, -1, 4)) == std::vector<std::string>{"-3.0", "-2.5", "-2.0", "-1.5", "-1.0"});
}

TEST_CASE("ticks of what is not finite are those of 0") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  CHECK(charts::ticks_over(nan, nan).at == charts::ticks_over(0, 0).at);
  CHECK(charts::ticks_over(0, infinity).at == charts::ticks_over(0, 0).at);
}

TEST_CASE("labels of ticks have percent, groups and units") {
  CHECK(labels_of(charts::ticks_over(0, 1, 2), charts::NumberStyle::percent) == std::vector<std::string>{"0 %", "50 %", "100 %"});
  CHECK(labels_of(charts::ticks_over(0, 40000, 2)) == std::vector<std::string>{"0", "20,000", "40,000"});
  CHECK(labels_of(charts::ticks_over(0, 240000, 3), charts::NumberStyle::with_unit) ==
        std::vector<std::string>{"0", "100 k", "200 k", "300 k"});
}

TEST_CASE("labels of one row do not touch") {
  const std::vector<charts::Extent> labels{{0, 40}, {20, 60}, {47, 90}, {21, 30}};
  CHECK(charts::rows_of_labels(labels, 6) == std::vector<std::size_t>{0, 1, 0, 2});
  CHECK(charts::rows_of_labels({}).empty());
  CHECK(charts::width_of_text("µµ") == charts::width_of_text("mm"));
}

TEST_CASE("a chart draws each series in its place and escapes all text") {
  charts::Chart chart({400, 300}, "a <b>", "\"d\" & e", {"x <&>", charts::ticks_over(0, 10, 5)},
                      {"y", charts::ticks_over(0, 4, 4)});
  CHECK(chart.x(0) < chart.x(10));
  CHECK(chart.y(0) > chart.y(4));
  CHECK(chart.y(2) == Approx((chart.y(0) + chart.y(4)) / 2));
  chart.steps(0, {{0, 4}, {5, 1}}, 10);
  chart.marker(1, {5, 1}, "<tip>");
  chart.cloud(2, {{1, 1}, {2, 2}, {3, 3}});
  const std::string text = chart.text();
  CHECK(text.find("<title>a &lt;b&gt;</title>\n<desc>&quot;d&quot; &amp; e</desc>") != std::string::npos);
  CHECK(text.find("<title>&lt;tip&gt;</title>") != std::string::npos);
  CHECK(count_of(text, "h0") == 3);
  const std::string path = "M" + svg::number_text(chart.x(0)) + " " + svg::number_text(chart.y(4)) + "H" +
                           svg::number_text(chart.x(5)) + "V" + svg::number_text(chart.y(1)) + "H" +
                           svg::number_text(chart.x(10));
  CHECK(text.find("class=\"line s0\" d=\"" + path + "\"") != std::string::npos);
}

TEST_CASE("every series of a chart has a marker of another shape") {
  std::set<std::string> paths;
  for (std::size_t i = 0; i < charts::series_looks; ++i) paths.insert(charts::marker_path(i, 0, 0, 5));
  CHECK(paths.size() == charts::series_looks);
}
