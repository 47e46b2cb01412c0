#pragma once
#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "genoform/search/report/html/section.hpp"

#include "genoform/core/hide_macros.hpp"

namespace genoform::search::html {

namespace pareto {

struct Candidate {
  const Trial* trial;
  double price;
};

/// Those than which no other is better in loss and price, from the cheapest on.
inline std::vector<Candidate> front_of(std::vector<Candidate> all) {
  std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.price, *a.trial->loss) < std::pair(b.price, *b.trial->loss);
  });
  std::vector<Candidate> front;
  for (const Candidate& c : all)
    if (front.empty() || *c.trial->loss < *front.back().trial->loss) front.push_back(c);
  return front;
}

inline std::string name_of_trial(const Trial& t) {
  return (t.phase == "baseline" ? t.name : arm_of(t)) + ", trial " + std::to_string(t.number);
}

/// A price and how it is written.
struct Price {
  const char* title;
  charts::NumberStyle style;
  std::function<std::optional<double>(const Trial&)> of;
  std::function<std::string(double)> text;
};

inline std::string chart_of(const StudyPage& page, const Price& price) {
  std::vector<Candidate> all;
  std::vector<std::vector<charts::Point>> clouds(page.arms.size());
  double low = 0, high = 0, last = 0;
  for (const Trial& t : page.report.trials()) {
    const std::optional<double> p = price.of(t);
    if (t.state != State::done || !t.loss || !p) continue;
    low = all.empty() ? *t.loss : std::min(low, *t.loss);
    high = all.empty() ? *t.loss : std::max(high, *t.loss);
    last = std::max(last, *p);
    all.push_back({&t, *p});
    clouds[index_of_arm(page.arms, t)].push_back({*p, *t.loss});
  }
  if (all.empty()) return "";
  const std::vector<Candidate> front = front_of(all);
  std::string caption = "The front, from the cheapest: ";
  for (const Candidate& c : front)
    caption +=
        (&c == front.data() ? "" : "; ") + name_of_trial(*c.trial) + ": " + price.text(c.price) + ", " + bits(*c.trial->loss);
  return figure(escaped(caption + "."), page.arms, [&](charts::Size size) {
    charts::Chart chart(size, std::string("Validation loss against ") + price.title, caption,
                        {price.title, charts::ticks_over(0, last, size.width > 500 ? 8 : 4), price.style},
                        {"validation loss, bits per byte", charts::ticks_over(low, high, 6)});
    for (std::size_t i = 0; i < clouds.size(); ++i) chart.cloud(i, clouds[i]);
    std::string path;
    for (const Candidate& c : front) {
      const std::string px = svg::number_text(chart.x(c.price)), py = svg::number_text(chart.y(*c.trial->loss));
      path += path.empty() ? "M" + px + " " + py : "H" + px + "V" + py;
    }
    chart.canvas().line("front", path + "H" + svg::number_text(chart.x.last));
    for (const Candidate& c : front)
      chart.marker(index_of_arm(page.arms, *c.trial), {c.price, *c.trial->loss},
                   name_of_trial(*c.trial) + ": " + price.text(c.price) + ", " + bits(*c.trial->loss));
    return chart.text();
  });
}

}  // namespace pareto

/// Loss against step time and against parameters.
inline std::string pareto_section(const StudyPage& page) {
  using charts::NumberStyle;
  const pareto::Price time{"step time, ms", NumberStyle::plain,
                           [](const Trial& t) { return t.step_seconds > 0 ? std::optional(1e3 * t.step_seconds) : std::nullopt; },
                           [](double ms) { return fixed_text(ms, 2) + " ms"; }};
  const pareto::Price parameters{"parameters", NumberStyle::with_unit,
                                 [&](const Trial& t) -> std::optional<double> {
                                   const auto found = page.sizes.find(t.number);
                                   if (found == page.sizes.end() || t.state == State::refused) return std::nullopt;
                                   return static_cast<double>(found->second.parameters);
                                 },
                                 [](double n) { return with_unit(n) + " parameters"; }};
  const std::string by_time = pareto::chart_of(page, time), by_parameters = pareto::chart_of(page, parameters);
  if (by_time.empty()) return paragraph("No genome has been trained to the end yet.");
  return paragraph(
             "No other genome has both a lower loss and a lower price than one on the line. All had the same training time, so a "
             "cheaper step was paid back in more steps already.") +
         "<h3>Step time</h3>\n" + by_time + "<h3>Parameters</h3>\n" +
         (by_parameters.empty() ? paragraph("The parameters are not known: this program cannot read the texts of the study.")
                                : by_parameters);
}

}  // namespace genoform::search::html

#include "genoform/core/restore_macros.hpp"
